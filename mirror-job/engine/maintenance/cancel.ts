/** Gives up what is condemned. What no sweep has deleted stays, so nothing is lost. */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import { PRUNE_KEY } from '../../../core/layout.ts';
import type { Clock } from '../runtime.ts';
import { SWEEP_DEAD_MS } from '../store/prune-state.ts';
import type { PrunableStore } from '../store/store.ts';
import { movePruneState, readPruneState, type HeldState } from './prune-state-object.ts';
import { TERM_MS } from './sweep-term.ts';
import { SweepUnderWayError } from './sweep.ts';

/**
 * A state that cannot be read is replaced, too: nothing may be deleted by it, and no run waits for it.
 * @returns whether there was something to give up
 * @throws {SweepUnderWayError} as long as a sweep may be at work: a run that reads "idle" leaves no note, so a sweep that still deletes
 *   would not see it. {PruneContendedError} and {StoreError}
 */
export async function cancelPrune(store: PrunableStore, clock: Pick<Clock, 'now'>): Promise<boolean> {
  const held = await readOrReplace(store, clock);
  if (held === undefined) return false;
  await movePruneState(store, held, { phase: 'idle', ended: clock.now().toISOString() });
  return true;
}

/** @returns undefined if nothing is condemned */
async function readOrReplace(
  store: PrunableStore,
  clock: Pick<Clock, 'now'>,
): Promise<HeldState | undefined> {
  const nowMs = clock.now().getTime();
  try {
    const held = await readPruneState(store);
    if (held.state?.phase === 'sweeping' && Date.parse(held.state.until) + SWEEP_DEAD_MS > nowMs) {
      throw new SweepUnderWayError(
        `${store.name}: a sweep is under way until ${held.state.until}. Stop it first.`,
      );
    }
    return held.state === undefined || held.state.phase === 'idle' ? undefined : held;
  } catch (error) {
    if (!(error instanceof BucketObjectInvalidError)) throw error;
    return unreadable(store, nowMs);
  }
}

/**
 * Waits for the end of a sweep that may have begun before the object became unreadable: its next renewal fails, because the object is
 * another one by then.
 */
async function unreadable(store: PrunableStore, nowMs: number): Promise<HeldState | undefined> {
  // Read before it is listed: if it is replaced in between, the listing has the later time.
  const object = await store.get(PRUNE_KEY);
  for await (const { key, written } of store.entries(PRUNE_KEY)) {
    if (key !== PRUNE_KEY || object === undefined) continue;
    const endMs = (written?.getTime() ?? nowMs) + TERM_MS + SWEEP_DEAD_MS;
    if (endMs <= nowMs) return { state: undefined, etag: object.etag };
    throw new SweepUnderWayError(
      `${store.name}: ${PRUNE_KEY} cannot be read, and was written a short while ago, so a sweep may still be at work. Try again after ${new Date(endMs).toISOString()}.`,
    );
  }
  return undefined;
}
