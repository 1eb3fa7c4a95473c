/** An object that one of two stores lacks counts if the other one needs it, and is only named if nothing does. */
import { expect, test } from 'vitest';
import { compareStores } from '../../../../mirror-job/engine/verify/store-difference.ts';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { VerifyScene } from './verify-scene.ts';

const APP = 'repositories/mirror.test/app';

async function fill(): Promise<{ first: MemoryStore; second: MemoryStore }> {
  const { store: first } = await VerifyScene.fill(2);
  const second = new MemoryStore('The other store');
  for (const [key, object] of first.objects) second.objects.set(key, object);
  return { first, second };
}

async function compare(first: MemoryStore, second: MemoryStore) {
  const { differences, unneeded, differenceCount, unneededCount, unknown } = await compareStores(
    first,
    second,
    new AbortController().signal,
  );
  expect([differenceCount, unneededCount]).toEqual([differences.length, unneeded.length]);
  return {
    counted: differences.map(({ key }) => key),
    rest: unneeded.map(({ key }) => key),
    unknown,
  };
}

/** The keys of what the second tag alone needs. */
function ownKeys(store: MemoryStore): { blobs: string[]; links: string[]; manifest: string } {
  const manifest = String(Object(store.json(`${APP}/_tags/2`)).digest).replace(':', '/');
  const { config, layers } = Object(store.json(`${APP}/_manifests/${manifest}`));
  const hexes = [config, ...layers].map(({ digest }) => String(digest).replace(':', '/')).toSorted();
  return {
    blobs: hexes.map((hex) => `blobs/${hex}`),
    links: hexes.map((hex) => `${APP}/_blobs/${hex}`),
    manifest: `${APP}/_manifests/${manifest}`,
  };
}

test.each(['first', 'second'] as const)(
  'what the %s store lacks and the other one needs counts',
  async (side) => {
    const stores = await fill();
    const { blobs, links, manifest } = ownKeys(stores.first);
    const keys = [...blobs, ...links, manifest];
    for (const key of keys) stores[side].objects.delete(key);
    const { counted, rest } = await compare(stores.first, stores.second);
    expect([counted.toSorted(), rest]).toEqual([keys.toSorted(), []]);
  },
);

test('what nothing needs any more is named and does not count, and a tag of one store alone counts', async () => {
  const { first, second } = await fill();
  const { blobs, links, manifest } = ownKeys(first);
  const [movement = ''] = first.keys('_history/2/');
  for (const store of [first, second]) {
    store.objects.delete(`${APP}/_tags/2`);
    store.objects.delete(`${APP}/_index.json`);
  }
  // A sweep has taken it from the first store.
  for (const key of [...blobs, ...links, manifest, movement]) first.objects.delete(key);
  const stray = `blobs/sha256/${'a'.repeat(64)}`;
  await first.put(stray, Buffer.from('x'), { contentType: 'text/plain' });
  const { counted, rest } = await compare(first, second);
  expect([counted, rest.toSorted()]).toEqual([
    [],
    [...blobs, ...links, manifest, movement, stray].toSorted(),
  ]);

  first.objects.delete(`${APP}/_tags/1`);
  expect((await compare(first, second)).counted).toEqual([`${APP}/_tags/1`]);
});

test('a pin counts like a tag, and a list that cannot be read makes everything count', async () => {
  const { first, second } = await fill();
  const { manifest } = ownKeys(first);
  for (const store of [first, second]) store.objects.delete(`${APP}/_tags/2`);
  second.objects.delete(manifest);
  // The index still has the tag.
  expect((await compare(first, second)).counted).toEqual([manifest]);
  first.objects.delete(`${APP}/_index.json`);
  expect((await compare(first, second)).counted).toEqual([]);
  const [list = ''] = first.keys('_referrers/');
  await first.put(list, Buffer.from('no json'), { contentType: 'text/plain' });
  expect((await compare(first, second)).counted).toEqual([manifest]);
});

test('a store that fails while it is found out what is needed is not known', async () => {
  const { first, second } = await fill();
  second.objects.delete(ownKeys(first).manifest);
  first.before = (call) => {
    if (call === 'get') throw new StoreError('the store failed here.');
  };
  expect((await compare(first, second)).unknown).toBe('the store failed here.');
});
