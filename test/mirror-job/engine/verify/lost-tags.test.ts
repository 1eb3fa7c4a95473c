/** A tag that is lost with its index is found by those who still name it, and comes back from a store that is in step. */
import { expect, test } from 'vitest';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import { environmentFor, imageOf } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import { APP, INDEX, LIST, note, TAG, TwoStores } from './two-stores.ts';
import { NAME } from './verify-scene.ts';

const CATALOG = `state/${NAME}/catalog.json`;

/** A run for which upstream has lost the tag `2`. */
async function sync({ scene }: TwoStores, store: MemoryStore): Promise<void> {
  scene?.upstream.tags.delete('2');
  const source = new MemorySource('source.test/app', scene?.upstream ?? Object(undefined));
  await runMirror(environmentFor(store), NAME, [imageOf(source, 'mirror.test/app')]);
}

const tagProblems = ({ problems }: Awaited<ReturnType<TwoStores['check']>>) =>
  problems.filter(({ kind }) => kind === 'tag-missing').map(({ message, images }) => [message, images]);

test.each([
  // The other store is asked first, because it alone can bring the tag back.
  ['is lost with its index', 'the other store has it', [TAG, INDEX], false],
  [
    'is lost with its index, which a run has made anew since,',
    'the list of tags names it',
    [TAG, INDEX],
    true,
  ],
  ['is lost with its index and the list of tags', 'the other store has it', [TAG, INDEX, LIST], false],
])('a tag that %s is found (%s), and comes back as it was', async (_, by, keys, isSynced) => {
  const stores = await TwoStores.fill();
  const before = stores.first.objects.get(TAG);
  stores.remove(...keys);
  if (isSynced) await sync(stores, stores.first);
  expect(tagProblems(await stores.check())).toEqual([
    [expect.stringContaining(`the tag 2 is missing, and ${by}`), ['mirror.test/app:2']],
  ]);
  const { result, repaired } = await stores.repair();
  expect(repaired.find(({ kind }) => kind === 'tag-missing')).toMatchObject({
    result: 'repaired',
    detail: 'The other store',
  });
  expect(result.problems).toEqual([]);
  expect(stores.first.objects.get(TAG)?.bytes).toEqual(before?.bytes);
  expect(await stores.differences()).toEqual([]);
});

test('the image of a tag comes back with the tag, although its manifest and its blobs are lost, too', async () => {
  const stores = await TwoStores.fill();
  const manifest = `${APP}/_manifests/${String(Object(stores.first.json(TAG)).digest).replace(':', '/')}`;
  const { layers } = Object(stores.first.json(manifest));
  const [layer = ''] = layers.map(({ digest }: { digest: string }) => digest.replace(':', '/'));
  stores.remove(TAG, INDEX, manifest, `blobs/${layer}`, `${APP}/_blobs/${layer}`);
  expect((await stores.repair()).result.problems).toEqual([]);
  expect(stores.first.objects.has(`blobs/${layer}`)).toBe(true);
  expect(await stores.differences()).toEqual([]);
});

test('without another store the tag stays a problem of all later checks, and the digest of its last movement is named', async () => {
  const stores = await TwoStores.fill();
  const { digest } = Object(stores.first.json(TAG));
  stores.remove(TAG, INDEX);
  const { result, repaired } = await stores.repair([]);
  expect(repaired.find(({ kind }) => kind === 'tag-missing')?.result).toBe('failed');
  expect(result.problems.map(({ kind, digest: last }) => [kind, last])).toEqual([['tag-missing', digest]]);
  expect((await stores.repair([])).result.problems.map(({ kind }) => kind)).toEqual(['tag-missing']);
  await sync(stores, stores.first);
  expect((await stores.check([])).problems.map(({ kind }) => kind)).toEqual(['tag-missing']);
});

test('a list of tags that is repaired keeps the name of a tag that nothing brings back, until a run has made the index anew, too', async () => {
  const stores = await TwoStores.fill();
  stores.remove(TAG, INDEX);
  await stores.first.put(LIST, Buffer.from('{"name":"mirror.test/app","tags":["1","2","never"]}'), {
    contentType: 'application/json',
  });
  expect((await stores.repair([])).result.problems.map(({ kind }) => kind)).toContain('tag-missing');
  expect(stores.first.json(LIST)).toMatchObject({ tags: ['1', '2', '3'] });
});

test('pins come back with the tag whose index is lost', async () => {
  const stores = await TwoStores.fill();
  const index = Object(stores.first.json(INDEX));
  const [entry] = index.manifests;
  const pin = {
    ...entry,
    annotations: {
      ...Object.fromEntries(
        Object.entries(entry.annotations).filter(([name]) => name.endsWith('first-seen')),
      ),
      'dev.lifeboat.kind': 'pin',
    },
  };
  const bytes = Buffer.from(JSON.stringify({ ...index, manifests: [...index.manifests, pin] }));
  for (const store of [stores.first, stores.other]) {
    await store.put(INDEX, bytes, { contentType: 'application/json' });
  }
  const pins = async () => (await stores.check()).checked.pins;
  expect(await pins()).toBe(1);
  stores.remove(TAG, INDEX);
  expect((await stores.repair()).result.problems).toEqual([]);
  expect(await pins()).toBe(1);
});

test('a tag that only the history names is a problem of the repair that makes the lists anew, which is not called whole', async () => {
  const stores = await TwoStores.fill();
  stores.remove(TAG, INDEX, LIST);
  expect(tagProblems(await stores.check([]))).toEqual([
    [expect.stringContaining('and the history names it'), ['mirror.test/app:2']],
  ]);
  const { result } = await stores.repair([]);
  expect([result.problemCount, result.problems.map(({ kind }) => kind)]).toEqual([1, ['tag-missing']]);
});

test('a repository that is lost whole comes back with its tags, its history and its earlier images, and is in the catalogue', async () => {
  const stores = await TwoStores.fill();
  const { scene, first, other } = stores;
  const digests = [Object(other.json(`${APP}/_tags/1`)).digest, Object(other.json(TAG)).digest];
  // The tag moves, so that its first image is in its history alone.
  scene?.upstream.tags.set('2', scene.upstream.tags.get('3') ?? '');
  const source = new MemorySource('source.test/app', scene?.upstream ?? Object(undefined));
  for (const store of [other, first]) {
    await runMirror(environmentFor(store), NAME, [imageOf(source, 'mirror.test/app')]);
  }
  const keys = other.keys(`${APP}/`);
  for (const key of first.keys())
    if (!key.startsWith('state/') && key !== 'lifeboat.json') stores.remove(key);
  expect(tagProblems(await stores.check()).map(([, images]) => images)).toEqual([
    ['mirror.test/app:1'],
    ['mirror.test/app:2'],
    ['mirror.test/app:3'],
  ]);
  const { result } = await stores.repair();
  expect(result.problems).toEqual([]);
  expect(await stores.differences()).toEqual([]);
  expect(first.keys(`${APP}/`)).toEqual(keys);
  for (const digest of digests) expect(first.keys(String(digest).replace(':', '/'))).not.toEqual([]);
  expect(first.json(CATALOG)).toEqual({ repositories: ['mirror.test/app'] });
});

test('a repository that is lost whole stays in the catalogue while the other store cannot be read', async () => {
  const stores = await TwoStores.fill();
  for (const key of stores.first.keys(`${APP}/`)) stores.remove(key);
  stores.other.before = () => {
    throw new StoreError('The other store is away.');
  };
  const { result } = await stores.repair();
  expect(result.unknown).toContain('The other store is away.');
  expect(stores.first.json(CATALOG)).toEqual({ repositories: ['mirror.test/app'] });
  stores.other.before = () => {};
  expect((await stores.repair()).result.problems).toEqual([]);
});

test.each([
  ['behind', (stores: TwoStores) => note(stores.first, stores.other, false)],
  [
    'in step, with an older image under the tag',
    async ({ first }: TwoStores) => {
      const [movement = ''] = first.keys(`${APP}/_history/2/`);
      const later = movement.replace(/\/[^/]*-/, '/29990101T000000000Z-');
      const json = {
        ...Object(first.json(movement)),
        to: `sha256:${'a'.repeat(64)}`,
        at: '2999-01-01T00:00:00.000Z',
      };
      await first.put(later, Buffer.from(JSON.stringify(json)), { contentType: 'application/json' });
    },
  ],
])('the tag of a store that is %s is not taken', async (_, prepare) => {
  const stores = await TwoStores.fill();
  await prepare(stores);
  stores.remove(TAG, INDEX);
  const { result, repaired } = await stores.repair();
  expect(repaired.find(({ kind }) => kind === 'tag-missing')?.result).toBe('failed');
  expect(result.problems.map(({ kind }) => kind)).toEqual(['tag-missing']);
  expect(stores.first.objects.has(TAG)).toBe(false);
});

test('a tag that is restored by the index is on the list of tags after the same repair', async () => {
  const stores = await TwoStores.fill();
  for (const others of [[], [stores.other]]) {
    stores.remove(TAG);
    await stores.first.put(LIST, Buffer.from('{"name":"mirror.test/app","tags":["1","3"]}'), {
      contentType: 'application/json',
    });
    const { result } = await stores.repair(others);
    expect(result.problems).toEqual([]);
    expect(stores.first.json(LIST)).toMatchObject({ tags: ['1', '2', '3'] });
  }
});

test('a tag that a run publishes while its image is copied from the other store is not replaced', async () => {
  const stores = await TwoStores.fill();
  const manifest = `${APP}/_manifests/${String(Object(stores.first.json(TAG)).digest).replace(':', '/')}`;
  const published = stores.first.objects.get(`${APP}/_tags/1`);
  stores.remove(TAG, INDEX, manifest);
  stores.first.before = (call, key) => {
    if (call === 'put' && key === manifest && published !== undefined)
      stores.first.objects.set(TAG, published);
  };
  const { repaired } = await stores.repair();
  expect(repaired.find(({ kind }) => kind === 'tag-missing')?.result).toBe('right');
  expect(stores.first.objects.get(TAG)).toBe(published);
});
