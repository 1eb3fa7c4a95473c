/** The lists of a drill, from a bucket in memory. */
import { expect, test } from 'vitest';
import { encodeInUse } from '../../../core/in-use-list.ts';
import { inUseKey } from '../../../core/layout.ts';
import { readDrillLists } from '../../../mirror-job/drill/drill-lists.ts';
import { MemoryStore } from '../support/memory-store.ts';

const AT = '2026-06-01T12:00:00.000Z';

async function storeWith(lists: readonly (readonly [key: string, cluster: string])[]): Promise<MemoryStore> {
  const store = new MemoryStore();
  for (const [key, cluster] of lists) {
    const bytes = encodeInUse({ cluster, observed: AT, images: [] });
    await store.put(inUseKey(key), bytes, { contentType: 'application/json' });
  }
  return store;
}

test('two lists that name the same cluster are of the clusters of their keys', async () => {
  const store = await storeWith([
    ['one', 'prod'],
    ['two', 'prod'],
  ]);
  const all = await readDrillLists(store, []);
  const named = await readDrillLists(store, ['two', 'one', 'two']);
  const clusters = [all, named].map(({ lists }) => lists.map(({ cluster }) => cluster));
  expect(clusters).toEqual([
    ['one', 'two'],
    ['one', 'two'],
  ]);
});

test.for([
  [1000, []],
  [
    1001,
    [
      'The bucket has more than 1000 lists, and the drill looks at the first 1000 alone. Delete those of clusters that are gone, or name clusters with --cluster.',
    ],
  ],
] as const)('of %i lists, 1000 are looked at, and the others are said', async ([count, sentences]) => {
  const names = Array.from({ length: count }, (_, number) => `c${String(number).padStart(4, '0')}`);
  const store = await storeWith(names.map((name) => [name, name]));
  const { lists, damagedLists } = await readDrillLists(store, []);
  expect(lists.map(({ cluster }) => cluster)).toEqual(names.slice(0, 1000));
  expect(damagedLists).toEqual(sentences);
  expect((await readDrillLists(store, names)).lists).toHaveLength(count);
});
