/** Pins and digests that wait are in the index alone: a lost one is made anew with those of another store, or says what is lost. */
import { expect, test } from 'vitest';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import { parseDigest, type Digest } from '../../../../core/digest.ts';
import { parseTag } from '../../../../core/reference.ts';
import {
  decodeRepositoryIndex,
  encodeRepositoryIndex,
  type IndexEntry,
} from '../../../../core/repository-index.ts';
import { repairStore } from '../../../../mirror-job/engine/verify/repair.ts';
import { environmentFor } from '../../support/harness.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { NAME, openStore, VerifyScene } from './verify-scene.ts';

const APP = 'repositories/mirror.test/app';
const INDEX = `${APP}/_index.json`;
const AT = '2025-01-01T00:00:00.000Z';

function entriesOf(store: MemoryStore): readonly IndexEntry[] {
  return decodeRepositoryIndex(INDEX, store.objects.get(INDEX)?.bytes ?? new Uint8Array());
}

async function writeIndex(store: MemoryStore, entries: readonly IndexEntry[]): Promise<void> {
  const bytes = encodeRepositoryIndex(entries, { listsEveryTag: true });
  await store.put(INDEX, bytes, { contentType: 'application/json' });
}

/** Takes tags away, and keeps their images as a pin and a digest that waits. */
async function fill(): Promise<{ scene: VerifyScene; pinned: Digest; waiting: Digest }> {
  const scene = await VerifyScene.fill(3);
  const entries = entriesOf(scene.store).filter((entry) => entry.kind === 'tag');
  const digestOf = (tag: string): Digest =>
    parseDigest(entries.find((entry) => entry.tag === tag)?.digest ?? '');
  const [pinned, waiting] = [digestOf('2'), digestOf('3')];
  for (const tag of ['2', '3']) scene.store.objects.delete(`${APP}/_tags/${tag}`);
  const list = Buffer.from('{"name":"mirror.test/app","tags":["1"]}');
  await scene.store.put(`${APP}/_tags.json`, list, { contentType: 'application/json' });
  const facts = { mediaType: 'application/vnd.oci.image.manifest.v1+json', size: 1, firstSeen: AT };
  await writeIndex(scene.store, [
    ...entries.filter(({ tag }) => tag === '1'),
    { ...facts, kind: 'pin', digest: pinned },
    { ...facts, kind: 'candidate', tag: parseTag('1'), digest: waiting },
  ]);
  // The description has the tags that are gone.
  scene.store.objects.delete(`state/${NAME}/repositories/mirror.test/app.json`);
  expect((await scene.quick()).problems).toEqual([]);
  return { scene, pinned, waiting };
}

function copyOf(scene: VerifyScene): MemoryStore {
  const other = new MemoryStore('The other store');
  for (const [key, object] of scene.store.objects) other.objects.set(key, object);
  return other;
}

async function repair(scene: VerifyScene, others: readonly MemoryStore[] = []) {
  const { problems } = await scene.quick();
  expect(problems.map(({ kind }) => kind)).toEqual(['index-stale']);
  const options = { name: NAME, images: new Map(), others, selects: () => true, openStore };
  return repairStore(environmentFor(scene.store), scene.store, problems, options);
}

const lose = async ({ store }: VerifyScene, how: 'missing' | 'unreadable'): Promise<void> => {
  if (how === 'missing') store.objects.delete(INDEX);
  else await store.put(INDEX, Buffer.from('no json'), { contentType: 'application/json' });
};

test.each(['missing', 'unreadable'] as const)(
  'the pins and the digests that wait of an index that is %s come from another store, and tags keep their times',
  async (how) => {
    const { scene } = await fill();
    const [other, before] = [copyOf(scene), entriesOf(scene.store)];
    await lose(scene, how);
    const [repaired] = await repair(scene, [other]);
    expect(repaired).toMatchObject({
      result: 'repaired',
      detail: expect.stringContaining('The other store'),
    });
    expect(repaired).not.toHaveProperty('unprotected');
    expect(entriesOf(scene.store)).toEqual(before);
  },
);

test('an index that no other store has is repaired from the tags, and the digests that nothing leads to are named', async () => {
  const { scene, pinned, waiting } = await fill();
  await lose(scene, 'unreadable');
  const [repaired] = await repair(scene);
  // Not the children of the index under the tag, and not its SBOM.
  expect(repaired).toMatchObject({ result: 'repaired', unprotected: [pinned, waiting].toSorted() });
  expect((await scene.quick()).problems).toEqual([]);
});

test.each([
  ['has', true],
  ['has lost, too,', false],
])('a pinned image that this store lacks, and the other one %s, comes back: %s', async (_, isThere) => {
  const { scene, pinned, waiting } = await fill();
  const manifest = `${APP}/_manifests/${pinned.replace(':', '/')}`;
  const other = copyOf(scene);
  if (!isThere) other.objects.delete(manifest);
  await lose(scene, 'missing');
  scene.store.objects.delete(manifest);
  await repair(scene, [other]);
  const digests = new Set(entriesOf(scene.store).map(({ digest }) => digest));
  expect([digests.has(pinned), digests.has(waiting)]).toEqual([isThere, true]);
  expect((await scene.quick()).problems).toEqual([]);
});

test('a pin whose image cannot be read for a moment is not given up: the repair fails, and the next one brings it back', async () => {
  const { scene, pinned } = await fill();
  const manifest = `${APP}/_manifests/${pinned.replace(':', '/')}`;
  const other = copyOf(scene);
  await lose(scene, 'missing');
  scene.store.objects.delete(manifest);
  other.before = (call, key) => {
    if (call === 'get' && key === manifest) throw new StoreError('It does not answer.');
  };
  const [failed] = await repair(scene, [other]);
  expect(failed).toMatchObject({ result: 'failed', detail: expect.stringContaining(pinned) });
  other.before = () => {};
  expect((await scene.quick()).problems.map(({ kind }) => kind)).toEqual(['index-stale']);
  expect(await repair(scene, [other])).toMatchObject([{ result: 'repaired' }]);
  expect(entriesOf(scene.store).map(({ digest }) => digest)).toContain(pinned);
});

/** Leaves nothing but the pin. */
async function pinAlone(scene: VerifyScene): Promise<void> {
  for (const key of [`${APP}/_tags/1`, `${APP}/_tags.json`]) scene.store.objects.delete(key);
  await writeIndex(
    scene.store,
    entriesOf(scene.store).filter(({ kind }) => kind === 'pin'),
  );
  expect((await scene.quick()).problems).toEqual([]);
}

test('a lost index of a repository with pins alone is found, and comes from another store', async () => {
  const { scene } = await fill();
  await pinAlone(scene);
  const [other, before] = [copyOf(scene), entriesOf(scene.store)];
  await lose(scene, 'missing');
  expect(await repair(scene, [other])).toMatchObject([{ result: 'repaired' }]);
  expect(entriesOf(scene.store)).toEqual(before);
});

test.each(['missing', 'unreadable'] as const)(
  'one that is %s and that nothing restores is never called repaired',
  async (how) => {
    const { scene, pinned } = await fill();
    await pinAlone(scene);
    await lose(scene, how);
    const [failed] = await repair(scene);
    expect(failed).toMatchObject({ result: 'failed' });
    expect(failed?.unprotected).toContain(pinned);
    expect((await scene.quick()).problems.map(({ kind }) => kind)).toEqual(['index-stale']);
  },
);
