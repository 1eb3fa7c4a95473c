import pLimit from 'p-limit';
import type { FairShare, Party } from './fair-share.ts';

/** Runs a task when there is room for it. */
export type Limit = <Result>(task: () => Promise<Result>) => Promise<Result>;

/** Runs at most `concurrency` tasks at once, in the order in which they came. */
export function createLimit(concurrency: number): Limit {
  return pLimit(concurrency);
}

/** Runs the tasks of one party. Each of them takes one of the slots that all parties share. */
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
