import { expect, test } from 'vitest';
import { AsyncCache } from '../../../../mirror-job/engine/support/async-cache.ts';

test('all callers with one key await the work that the first one began', async () => {
  const cache = new AsyncCache<string, number>();
  let begun = 0;
  const start = async () => {
    begun += 1;
    const mine = begun;
    await Promise.resolve();
    return mine;
  };
  expect(await Promise.all([cache.get('a', start), cache.get('a', start), cache.get('b', start)])).toEqual([
    1, 1, 2,
  ]);
  expect(await cache.get('a', start)).toBe(1);
});

test('the next caller begins work anew that failed', async () => {
  const cache = new AsyncCache<string, number>();
  const both = await Promise.allSettled([cache.get('a', () => fail()), cache.get('a', async () => 1)]);
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await cache.get('a', async () => 2)).toBe(2);
});

async function fail(): Promise<number> {
  await Promise.resolve();
  throw new Error('no');
}
