import pLimit from 'p-limit';

/** Runs a task when there is room for it. */
export type Limit = <Result>(task: () => Promise<Result>) => Promise<Result>;

/** At most `concurrency` tasks at once, in the order they came. */
export function createLimit(concurrency: number): Limit {
  return pLimit(concurrency);
}
