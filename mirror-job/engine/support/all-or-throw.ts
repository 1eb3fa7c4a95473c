/**
 * Awaiting several at once. With `Promise.all` the others would go on behind the back of whoever asked: a run would report,
 * and end, while blobs of a tag that failed are still being copied.
 */
import { SkippedError } from '../skipped-error.ts';

/** Awaits all of them, then throws the first failure; what was only skipped, where nothing failed. */
export async function allSettled<Value>(promises: readonly Promise<Value>[]): Promise<Value[]> {
  throwWorst(await Promise.allSettled(promises));
  return Promise.all(promises);
}

/** The same of two that have not the same value. */
export async function bothSettled<One, Other>(
  one: Promise<One>,
  other: Promise<Other>,
): Promise<[One, Other]> {
  throwWorst(await Promise.allSettled([one, other]));
  return Promise.all([one, other]);
}

function throwWorst(results: readonly PromiseSettledResult<unknown>[]): void {
  for (const result of results) {
    if (result.status === 'rejected' && !(result.reason instanceof SkippedError)) throw result.reason;
  }
}
