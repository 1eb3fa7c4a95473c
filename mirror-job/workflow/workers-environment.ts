/** Creates the engine's environment in a Worker. */
import { createRunState } from '../engine/run-state.ts';
import type { Environment } from '../engine/environment.ts';
import { DEFAULT_LIMITS, type Limits, type Log } from '../engine/runtime.ts';
import type { Store } from '../engine/store/store.ts';
import { createHash } from '../runtime/workers/hash.ts';
import { workersClock } from '../runtime/workers/clock.ts';

const MEBIBYTE = 1024 * 1024;

/** An isolate has 128 MB, of which the code, the parsed manifests and the chunks on their way take the rest. */
const BUFFER_BYTES = 24 * MEBIBYTE;
/** Their parsed forms take a few times as much. */
const MANIFEST_BYTES = 8 * MEBIBYTE;

const LIMITS: Limits = {
  ...DEFAULT_LIMITS,
  tags: 16,
  repositories: 4,
  blobs: 3,
  partBytes: 8 * MEBIBYTE,
  rangesAtOnce: 2,
  // A step is cut off after an hour. A blob that would take longer is given up with a sentence before that.
  maxRunMs: 50 * 60_000,
};

/** How many repositories of one upstream are mirrored at once. */
export const REPOSITORIES_AT_ONCE = LIMITS.repositories;

/** @param run names the run in tags, history and reports */
export function createWorkersEnvironment(store: Store, run: string, log: Log): Environment {
  const runtime = { clock: workersClock, log, createHash, limits: LIMITS };
  const { signal } = new AbortController();
  return { ...runtime, ...createRunState({ store, run, signal }, LIMITS, BUFFER_BYTES, MANIFEST_BYTES) };
}
