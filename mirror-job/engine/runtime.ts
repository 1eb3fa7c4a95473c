/**
 * The parts of its runtime that the engine needs. They are the same for every run, and nothing in the engine reaches for a
 * clock, a console or a runtime's own module by itself (docs/decisions/0120-a-unit-of-work.md).
 */
import type { Algorithm } from '../../core/digest.ts';

export interface Hasher {
  update(bytes: Uint8Array): void;
  /** Called once, at the end. */
  digest(): Uint8Array;
}

export interface Clock {
  now(): Date;
  /**
   * @param milliseconds below 2 ** 31, because the timers of Node and of Workers hold no more
   * @throws the signal's reason when it is aborted meanwhile
   */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export interface Log {
  info(message: string): void;
  warn(message: string): void;
}

export interface Runtime {
  readonly clock: Clock;
  readonly log: Log;
  readonly createHash: (algorithm: Algorithm) => Hasher;
  readonly limits: Limits;
}

export interface Limits {
  /** How many tags are worked on at once, over all repositories. The upstreams' clients bound the requests. */
  readonly tags: number;
  /** How many repositories are worked on at once. Each holds its index and its tags in memory. */
  readonly repositories: number;
  /** How many blobs are copied at once. */
  readonly blobs: number;
  /** The size of a part of a multipart upload, at least 5 MiB on S3. A blob up to this size is written with one PUT. */
  readonly partBytes: number;
  /** A blob of at least this size is fetched in ranges of a part's size, where its source can serve ranges. */
  readonly rangesFromBytes: number;
  /** How many ranges of one blob are fetched at once, as far as there are buffers for them. */
  readonly rangesAtOnce: number;
  /** The interval between two writes of a repository's index while the run works on it. */
  readonly flushEveryMs: number;
  /** The longest time that the run may take. A blob that would take longer alone is given up. */
  readonly maxRunMs: number;
}

export const DEFAULT_LIMITS: Limits = {
  tags: 32,
  repositories: 32,
  blobs: 16,
  partBytes: 8 * 1024 * 1024,
  rangesFromBytes: 64 * 1024 * 1024,
  rangesAtOnce: 5,
  flushEveryMs: 15_000,
  maxRunMs: Infinity,
};
