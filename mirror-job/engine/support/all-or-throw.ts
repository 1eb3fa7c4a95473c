/**
 * Awaits several promises to the end. `Promise.all` returns at the first failure while the others go on, so a run would
 * report and end while blobs of a failed tag are still being copied.
 */
import { SkippedError } from './skipped-error.ts';

/** Awaits all of them, then throws the first failure, or the first skip if nothing failed. */
export async function allOrThrow<Value>(promises: readonly Promise<Value>[]): Promise<Value[]> {
  throwWorst(await Promise.allSettled(promises));
  return Promise.all(promises);
}

/** The same for two promises of different types. */
export async function bothOrThrow<One, Other>(
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
