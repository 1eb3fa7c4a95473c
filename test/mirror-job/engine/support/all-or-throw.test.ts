/** Several promises are awaited to the end, and one of their failures is thrown. */
import { expect, test } from 'vitest';
import { allOrThrow, bothOrThrow } from '../../../../mirror-job/engine/support/all-or-throw.ts';
import { SkippedError } from '../../../../mirror-job/engine/support/skipped-error.ts';

const skipped = () => Promise.reject(new SkippedError('the budget is used up'));
const failed = () => Promise.reject(new Error('other bytes'));

test('the first failure is thrown, and a skip only if nothing failed', async () => {
  await expect(allOrThrow([skipped(), failed(), Promise.resolve()])).rejects.toThrow('other bytes');
  await expect(allOrThrow([failed(), Promise.reject(new Error('later'))])).rejects.toThrow('other bytes');
  await expect(allOrThrow([Promise.resolve(), skipped()])).rejects.toThrow(SkippedError);
  await expect(bothOrThrow(skipped(), failed())).rejects.toThrow('other bytes');
  expect(await allOrThrow([Promise.resolve(1), Promise.resolve(2)])).toEqual([1, 2]);
  expect(await bothOrThrow(Promise.resolve(1), Promise.resolve('a'))).toEqual([1, 'a']);
});

test.each<[string, (slow: Promise<void>) => Promise<unknown>]>([
  ['allOrThrow', (slow) => allOrThrow([failed(), slow])],
  ['bothOrThrow', (slow) => bothOrThrow(failed(), slow)],
])('%s throws a failure only when all of the work is done', async (_, awaitAll) => {
  let isDone = false;
  const slow = new Promise<void>((resolve) => {
    setTimeout(() => {
      isDone = true;
      resolve();
    }, 20);
  });
  await expect(awaitAll(slow)).rejects.toThrow('other bytes');
  expect(isDone).toBe(true);
});
