/**
 * The layers between the engine and a bucket, put together in their one order. From the engine down:
 *
 *     KnownEmptyStore        made by each run (engine/run/shared-work.ts)
 *     ReplicatedStore        only over several stores, each with the layers below (stores.ts)
 *     ProbeGatedStore        only for a single store, which is read while it is opened
 *     ReadAheadStore         the same
 *     FencedStore            for every store of a writer, unless it has `singleWriter`
 *     ShutdownDeadlineStore  for every store
 *     UnconditionalStore     only with `singleWriter`
 *     S3Store
 *
 * KnownEmptyStore is the outermost, because it has to see every write of the run and any conflict of any store.
 * ProbeGatedStore is above ReadAheadStore, because a write makes an object that was read ahead out of date only when it
 * is sent, not while it waits for the probe. ShutdownDeadlineStore is below both, so that it also bounds the reads that
 * go out ahead and never the wait for the probe, and above the others, so that it bounds a call with all of its
 * retries. FencedStore is below ReadAheadStore, because what is read ahead may be about to be pruned, and above
 * ShutdownDeadlineStore, whose time is for calls and not for waiting. UnconditionalStore is next to S3Store, so that all layers above see the conditions and only the requests
 * lack them.
 */
import type { Log } from '../engine/runtime.ts';
import { FencedStore, type FenceOptions } from '../engine/store/fenced-store.ts';
import { ProbeGatedStore } from '../engine/store/probe-gated-store.ts';
import { ReadAheadStore } from '../engine/store/read-ahead-store.ts';
import { ShutdownDeadlineStore } from '../engine/store/shutdown-deadline-store.ts';
import type { Store } from '../engine/store/store.ts';
import { UnconditionalStore } from '../engine/store/unconditional-store.ts';
import { systemClock } from '../runtime/node/clock.ts';

/**
 * Puts the layers that every store has over its bucket.
 * @param signal aborted when the run has to stop
 * @param singleWriter whether conditions are left out, because the provider refuses them and no two runs overlap
 */
export function boundedStore(bucket: Store, signal: AbortSignal, singleWriter: boolean): Store {
  const conditional = singleWriter ? new UnconditionalStore(bucket) : bucket;
  return new ShutdownDeadlineStore(conditional, systemClock, signal);
}

/**
 * Adds the layer that keeps a writer and a sweep of pruning apart.
 * @param how.writer names the run or the command. It is unique
 * @param how.log told if the writer has to wait for a sweep
 */
export function fencedStore(
  bounded: Store,
  { log, ...how }: Pick<FenceOptions, 'writer' | 'signal'> & { readonly log: Pick<Log, 'warn'> },
): FencedStore {
  return new FencedStore(bounded, { ...how, clock: systemClock, onWait: (message) => log.warn(message) });
}

/**
 * Adds the layers of a store that a run reads while the store is still being opened.
 * @param keysAhead the keys that are read at once
 * @param probe every write waits for this promise, and fails with its error
 */
export function earlyStore(bounded: Store, keysAhead: readonly string[], probe: Promise<void>): Store {
  return new ProbeGatedStore(new ReadAheadStore(bounded, keysAhead), probe);
}
