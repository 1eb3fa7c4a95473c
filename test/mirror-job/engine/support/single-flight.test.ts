import { expect, test } from 'vitest';
import { SingleFlight } from '../../../../mirror-job/engine/support/single-flight.ts';

test('all callers with one key await the work that the first one began', async () => {
  const memo = new SingleFlight<string, number>();
  let begun = 0;
  const start = async () => {
    begun += 1;
    const mine = begun;
    await Promise.resolve();
    return mine;
  };
  expect(await Promise.all([memo.get('a', start), memo.get('a', start), memo.get('b', start)])).toEqual([
    1, 1, 2,
  ]);
  expect(await memo.get('a', start)).toBe(1);
});

test('the next caller begins work anew that failed', async () => {
  const memo = new SingleFlight<string, number>();
  const both = await Promise.allSettled([memo.get('a', () => fail()), memo.get('a', async () => 1)]);
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await memo.get('a', async () => 2)).toBe(2);
});

async function fail(): Promise<number> {
  await Promise.resolve();
  throw new Error('no');
}
