/** A run skips reads under prefixes that were empty, until there is a sign of a second writer. */
import { expect, test } from 'vitest';
import { parseRepository } from '../../../../core/reference.ts';
import { KnownEmptyStore } from '../../../../mirror-job/engine/store/known-empty-store.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { UploadLostError } from '../../../../mirror-job/engine/store/store.ts';
import { addImage, addLayer, tagAs } from '../../../support/builder.ts';
import { emptyRepository } from '../../../support/content.ts';
import { environmentFor, imageOf } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const REPOSITORY = parseRepository('mirror.test/app');
const MANIFEST = 'repositories/mirror.test/app/_manifests/sha256/aa';
const TAG = 'repositories/mirror.test/app/_tags/latest';
const BLOB = 'blobs/sha256/aa';
const ANY = { contentType: 'text/plain' };
const BYTES = new Uint8Array([1]);

/** @returns a store over a bucket that was empty, and into which somebody else has written all of these since */
async function overtaken() {
  const store = new MemoryStore();
  const layer = new KnownEmptyStore(store);
  await layer.look(REPOSITORY);
  await layer.size(BLOB);
  for (const key of [MANIFEST, TAG, BLOB]) await store.put(key, BYTES, ANY);
  store.calls.length = 0;
  return { store, layer };
}

test('under prefixes that were empty, manifests and blobs are not read, but tags are', async () => {
  const { store, layer } = await overtaken();
  expect(await layer.get(MANIFEST)).toBeUndefined();
  expect(await layer.size(BLOB)).toBeUndefined();
  expect((await layer.get(TAG))?.bytes).toEqual(BYTES);
  expect(store.calls).toEqual([`get ${TAG}`]);
});

test('an object that the run itself writes is read, and its siblings are not', async () => {
  const { store, layer } = await overtaken();
  await layer.put(MANIFEST, BYTES, ANY);
  expect((await layer.get(MANIFEST))?.bytes).toEqual(BYTES);
  expect(await layer.get(`${MANIFEST}bb`)).toBeUndefined();
  expect(store.calls).toEqual([`put ${MANIFEST}`, `get ${MANIFEST}`]);
});

test('a conflict shows a second writer, so everything is read from then on', async () => {
  const { layer } = await overtaken();
  expect(await layer.put(TAG, BYTES, { ...ANY, condition: { ifNoneMatch: '*' } })).toBe('conflict');
  expect((await layer.get(MANIFEST))?.bytes).toEqual(BYTES);
  expect(await layer.size(BLOB)).toBe(1);
});

test.each(['putPart', 'completeUpload'])('a lost upload shows a second writer too (%s)', async (lost) => {
  const { store, layer } = await overtaken();
  const upload = await layer.beginUpload('blobs/sha256/bb', 'text/plain');
  store.before = (call) => {
    if (call === lost) throw new UploadLostError('gone');
  };
  await expect(upload.putPart(1, BYTES).then(() => upload.complete())).rejects.toThrow('gone');
  expect(await layer.size(BLOB)).toBe(1);
});

test('everything is read under prefixes that were not empty, and after the run has left a repository', async () => {
  const store = new MemoryStore();
  await store.put(`${MANIFEST}bb`, BYTES, ANY);
  await store.put(`${BLOB}bb`, BYTES, ANY);
  const layer = new KnownEmptyStore(store);
  await layer.look(REPOSITORY);
  store.calls.length = 0;
  await layer.get(MANIFEST);
  await layer.size(BLOB);
  await layer.size(BLOB);
  expect(store.calls).toEqual([`get ${MANIFEST}`, `size ${BLOB}`, `size ${BLOB}`]);

  // A new repository may need blobs that other repositories have.
  store.calls.length = 0;
  await layer.look(parseRepository('mirror.test/new'));
  await layer.size(BLOB);
  await layer.size(BLOB);
  expect(store.calls).toEqual([
    'list repositories/mirror.test/new/_',
    'list blobs/',
    `size ${BLOB}`,
    `size ${BLOB}`,
  ]);

  const { layer: other } = await overtaken();
  other.leave(REPOSITORY);
  expect((await other.get(MANIFEST))?.bytes).toEqual(BYTES);
});

test('keys are remembered only while their repository is open, so that many repositories skip reads', async () => {
  const store = new MemoryStore();
  const layer = new KnownEmptyStore(store);
  const REPOSITORIES = 30;
  for (let index = 0; index < REPOSITORIES; index += 1) {
    const name = `mirror.test/app-${index}`;
    const repository = parseRepository(name);
    await layer.look(repository);
    for (let key = 0; key < 1000; key += 1)
      await layer.put(`repositories/${name}/_manifests/${key}`, BYTES, ANY);
    // Tags and their history are always read.
    await layer.put(`repositories/${name}/_tags/latest`, BYTES, ANY);
    expect(layer.remembered).toBe(1000);
    store.calls.length = 0;
    expect(await layer.get(`repositories/${name}/_manifests/none`)).toBeUndefined();
    expect(store.calls).toEqual([]);
    layer.leave(repository);
    expect(layer.remembered).toBe(0);
  }
});

test('a run that writes too many keys to remember reads everything', async () => {
  const store = new MemoryStore();
  const layer = new KnownEmptyStore(store);
  await layer.look(REPOSITORY);
  for (let key = 0; key <= 20_000; key += 1) {
    await layer.put(`repositories/mirror.test/app/_manifests/${key}`, BYTES, ANY);
  }
  expect(layer.remembered).toBe(0);
  store.calls.length = 0;
  await layer.get(MANIFEST);
  expect(store.calls).toEqual([`get ${MANIFEST}`]);
});

test('a first run reads only tags and indexes, and what it describes; a second run reads the index', async () => {
  const content = emptyRepository();
  tagAs(content, addImage(content, { layers: [await addLayer(content, 'one')] }), 'latest');
  const source = new MemorySource('source.test/app', content);
  const store = new MemoryStore();
  const sync = async () => {
    store.calls.length = 0;
    const images = [imageOf(source, 'mirror.test/app')];
    await runMirror(environmentFor(store), 'default', images, { scrubs: false });
    return store.calls.filter((call) => /^(?:get|size|list) (?:repositories|blobs)/.test(call));
  };
  const folder = 'repositories/mirror.test/app';
  const first = await sync();
  const [digest = ''] = content.tags.values();
  const record = first.find((call) => call.startsWith(`get ${folder}/_history/latest/`)) ?? '';
  expect(record).not.toBe('');
  // The description of the repository needs the tag, its movements and the list of its referrers.
  const described = [
    `get ${TAG}`,
    `get ${folder}/_referrers/${digest.replace(':', '/')}`,
    `list ${folder}/_history/latest/`,
    record,
    `get ${TAG}`,
    `get ${folder}/_index.json`,
  ];
  expect(first.toSorted()).toEqual(
    [
      ...described,
      `get ${folder}/_index.json`,
      `list ${folder}/_`,
      `list ${folder}/_tags/`,
      `get ${TAG}`,
      'list blobs/',
      `get ${TAG}`,
      `get ${folder}/_tags.json`,
      `get ${folder}/_index.json`,
    ].toSorted(),
  );
  expect(await sync()).toEqual([`get ${folder}/_index.json`]);
});
