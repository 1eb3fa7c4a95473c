import pLimit from 'p-limit';
import type { FairShare, Party } from './fair-share.ts';

/** Runs a task when there is room for it. */
export type Limit = <Result>(task: () => Promise<Result>) => Promise<Result>;

/** At most `concurrency` tasks at once, in the order they came. */
export function createLimit(concurrency: number): Limit {
  return pLimit(concurrency);
}

/** The tasks of one party, each of which takes a slot that all parties share. */
export function limitFor(slots: FairShare, party: Party): Limit {
  return async (task) => {
    await slots.take(party, 1);
    try {
      return await task();
    } finally {
      slots.give(party, 1);
    }
  };
}
