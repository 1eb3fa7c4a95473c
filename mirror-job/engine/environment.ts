/** What the engine is given: nothing in it reaches for a clock, a console or a runtime's own module. */
import type { Algorithm } from '../../core/digest.ts';
import type { BufferPool } from './transfer/buffer-pool.ts';
import type { FairShare } from './support/fair-share.ts';
import type { Finding, StoreReport } from './report.ts';
import type { Store } from './store/store.ts';
import type { Tally } from './tally.ts';

export interface Hasher {
  update(bytes: Uint8Array): void;
  /** Once, at the end. */
  digest(): Uint8Array;
}

export interface Clock {
  now(): Date;
  /** @throws the signal's reason when it is aborted meanwhile */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export interface Log {
  info(message: string): void;
  warn(message: string): void;
}

export interface Environment {
  readonly store: Store;
  /** For the report, where `store` stands for several. */
  readonly reportStores?: () => readonly StoreReport[];
  /** Of bringing several stores in step, for the report. */
  readonly storeFindings?: () => readonly Finding[];
  /** Each of these, as long as it is in use. */
  readonly replicas?: () => readonly Pick<Store, 'name' | 'size'>[];
  readonly clock: Clock;
  readonly log: Log;
  readonly createHash: (algorithm: Algorithm) => Hasher;
  /** Names this run in tags, history and reports: sorts by time, unique. */
  readonly run: string;
  /** Aborted when the run has to stop: nothing new is begun, uploads are aborted. */
  readonly signal: AbortSignal;
  readonly tally: Tally;
  readonly buffers: BufferPool;
  /** Bytes of manifests that an index lists, or a list of referrers, from when they are read until they are stored. */
  readonly listedManifests: FairShare;
  readonly limits: Limits;
}

export interface Limits {
  /** How many tags are worked on at once, over all repositories; what upstreams bear is for their clients to know. */
  readonly tags: number;
  /** How many repositories are worked on at once: each holds what the bucket knows of it. */
  readonly repositories: number;
  /** How many blobs are copied at once. */
  readonly blobs: number;
  /** The size of a part of a multipart upload; blobs up to it are written with one PUT. Bytes, at least 5 MiB on S3. */
  readonly partSize: number;
  /** Blobs of so many bytes and more are fetched in ranges of a part's size, where their source can. */
  readonly rangesFrom: number;
  /** How many ranges of one blob are fetched at once, as far as there are buffers for them. */
  readonly rangesAtOnce: number;
  /** How often, in milliseconds, what a run has done in one repository is noted in its indexes while it goes on. */
  readonly flushEvery: number;
  /** How long the run may take, in milliseconds: what would take longer alone is given up. */
  readonly longest: number;
}

export const DEFAULT_LIMITS: Limits = {
  tags: 32,
  repositories: 32,
  blobs: 16,
  partSize: 8 * 1024 * 1024,
  rangesFrom: 64 * 1024 * 1024,
  rangesAtOnce: 5,
  flushEvery: 15_000,
  longest: Infinity,
};

/**
 * Bytes of all buffers: 8 of 8 MiB, so that five ranges of a large layer are fetched while three parts are written, and a
 * run stays under 200 MB.
 */
export const MEMORY_BUDGET = 64 * 1024 * 1024;

/**
 * Bytes of listed manifests at once, for all upstreams: 16,000 of usual size. What is read from them takes some times as much.
 */
export const MANIFEST_BUDGET = 32 * 1024 * 1024;
