/**
 * The state of one run: the store that it writes to, its counts, and the memory that it holds. It ends with the run, and a
 * step in another process makes its own.
 */
import { MAX_MANIFEST_BYTES } from '../../core/manifest.ts';
import type { Finding, StoreReport } from './report.ts';
import type { Limits } from './runtime.ts';
import type { Store, StoredObject } from './store/store.ts';
import { FairShare } from './support/fair-share.ts';
import { Tally } from './tally.ts';
import { BufferPool } from './transfer/buffer-pool.ts';

/**
 * Bytes of all buffers: 8 of 8 MiB, so that five ranges of a large layer are fetched while three parts are written, and a
 * run stays under 200 MB.
 */
export const MEMORY_BUDGET_BYTES = 64 * 1024 * 1024;

/**
 * Bytes of listed manifests at once, for all upstreams: 16,000 of usual size. Their parsed forms take a few times as much.
 */
export const MANIFEST_BUDGET_BYTES = 32 * 1024 * 1024;

/** An object of a later store. */
export interface OtherObject {
  readonly store: string;
  readonly object: StoredObject;
}

export interface RunState {
  readonly store: Store;
  /** For the report, where `store` stands for several stores. */
  readonly reportStores?: () => readonly StoreReport[];
  /** For the report: what reconciling several stores has found. */
  readonly storeFindings?: () => readonly Finding[];
  /** Each of several stores that is still in use, the one that is read first. */
  readonly replicas?: () => readonly Pick<Store, 'name' | 'get' | 'size'>[];
  /** Reads an object from each of several stores but the one that is read. A store that fails is removed for the rest of the run. */
  readonly readOthers?: (key: string) => Promise<readonly OtherObject[]>;
  /** Names this run in tags, history and reports. It is unique and sorts by time. */
  readonly run: string;
  /** Aborted when the run has to stop: nothing new is begun, and uploads are aborted. */
  readonly signal: AbortSignal;
  readonly tally: Tally;
  readonly buffers: BufferPool;
  /** Bytes of manifests that an index or a list of referrers names, from when they are read until they are stored. */
  readonly listedManifests: FairShare;
}

/**
 * @param bufferBytes the bytes of all buffers
 * @param manifestBytes the bytes of all listed manifests at once
 */
export function createRunState(
  { store, run, signal }: Pick<RunState, 'store' | 'run' | 'signal'>,
  { partBytes }: Pick<Limits, 'partBytes'>,
  bufferBytes: number = MEMORY_BUDGET_BYTES,
  manifestBytes: number = MANIFEST_BUDGET_BYTES,
): RunState {
  return {
    store,
    run,
    signal,
    tally: new Tally(),
    buffers: new BufferPool(bufferBytes, partBytes),
    listedManifests: new FairShare(manifestBytes, MAX_MANIFEST_BYTES),
  };
}
