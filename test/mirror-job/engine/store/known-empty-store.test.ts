/** A run does not look where nothing can be, and looks again as soon as somebody else might be there. */
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

/** Over an empty bucket, in which somebody else writes all of these after it has looked. */
async function overtaken() {
  const store = new MemoryStore();
  const fresh = new KnownEmptyStore(store);
  await fresh.look(REPOSITORY);
  await fresh.size(BLOB);
  for (const key of [MANIFEST, TAG, BLOB]) await store.put(key, BYTES, ANY);
  store.calls.length = 0;
  return { store, fresh };
}

test('manifests and blobs are not looked for where nothing was, but tags are', async () => {
  const { store, fresh } = await overtaken();
  expect(await fresh.get(MANIFEST)).toBeUndefined();
  expect(await fresh.size(BLOB)).toBeUndefined();
  expect((await fresh.get(TAG))?.bytes).toEqual(BYTES);
  expect(store.calls).toEqual([`get ${TAG}`]);
});

test('an object that the run itself writes is found, and its siblings are not looked for', async () => {
  const { store, fresh } = await overtaken();
  await fresh.put(MANIFEST, BYTES, ANY);
  expect((await fresh.get(MANIFEST))?.bytes).toEqual(BYTES);
  expect(await fresh.get(`${MANIFEST}bb`)).toBeUndefined();
  expect(store.calls).toEqual([`put ${MANIFEST}`, `get ${MANIFEST}`]);
});

test('a condition that does not hold shows a second writer, so that everything is looked for', async () => {
  const { fresh } = await overtaken();
  expect(await fresh.put(TAG, BYTES, { ...ANY, condition: { ifNoneMatch: '*' } })).toBe('conflict');
  expect((await fresh.get(MANIFEST))?.bytes).toEqual(BYTES);
  expect(await fresh.size(BLOB)).toBe(1);
});

test.each(['putPart', 'completeUpload'])('a lost upload shows a second writer too (%s)', async (lost) => {
  const { store, fresh } = await overtaken();
  const upload = await fresh.beginUpload('blobs/sha256/bb', 'text/plain');
  store.before = (call) => {
    if (call === lost) throw new UploadLostError('gone');
  };
  await expect(upload.putPart(1, BYTES).then(() => upload.complete())).rejects.toThrow('gone');
  expect(await fresh.size(BLOB)).toBe(1);
});

test('everything is looked for where something is, and where the run is done with a repository', async () => {
  const store = new MemoryStore();
  await store.put(`${MANIFEST}bb`, BYTES, ANY);
  await store.put(`${BLOB}bb`, BYTES, ANY);
  const fresh = new KnownEmptyStore(store);
  await fresh.look(REPOSITORY);
  store.calls.length = 0;
  await fresh.get(MANIFEST);
  await fresh.size(BLOB);
  await fresh.size(BLOB);
  expect(store.calls).toEqual([`get ${MANIFEST}`, `size ${BLOB}`, `size ${BLOB}`]);

  // A new repository may want blobs that others have.
  store.calls.length = 0;
  await fresh.look(parseRepository('mirror.test/new'));
  await fresh.size(BLOB);
  await fresh.size(BLOB);
  expect(store.calls).toEqual([
    'list repositories/mirror.test/new/_',
    'list blobs/',
    `size ${BLOB}`,
    `size ${BLOB}`,
  ]);

  const { fresh: other } = await overtaken();
  other.leave(REPOSITORY);
  expect((await other.get(MANIFEST))?.bytes).toEqual(BYTES);
});

test('keys are remembered as long as their repository is open, so that many repositories are spared the reads', async () => {
  const store = new MemoryStore();
  const fresh = new KnownEmptyStore(store);
  const REPOSITORIES = 30;
  for (let index = 0; index < REPOSITORIES; index += 1) {
    const name = `mirror.test/app-${index}`;
    const repository = parseRepository(name);
    await fresh.look(repository);
    for (let key = 0; key < 1000; key += 1)
      await fresh.put(`repositories/${name}/_manifests/${key}`, BYTES, ANY);
    // Tags and their history are looked for in any case.
    await fresh.put(`repositories/${name}/_tags/latest`, BYTES, ANY);
    expect(fresh.remembered).toBe(1000);
    store.calls.length = 0;
    expect(await fresh.get(`repositories/${name}/_manifests/none`)).toBeUndefined();
    expect(store.calls).toEqual([]);
    fresh.leave(repository);
    expect(fresh.remembered).toBe(0);
  }
});

test('a run that writes too many keys to remember looks for everything', async () => {
  const store = new MemoryStore();
  const fresh = new KnownEmptyStore(store);
  await fresh.look(REPOSITORY);
  for (let key = 0; key <= 20_000; key += 1) {
    await fresh.put(`repositories/mirror.test/app/_manifests/${key}`, BYTES, ANY);
  }
  expect(fresh.remembered).toBe(0);
  store.calls.length = 0;
  await fresh.get(MANIFEST);
  expect(store.calls).toEqual([`get ${MANIFEST}`]);
});

test('a first run reads only tags and indexes, and a second run reads the index', async () => {
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
  expect((await sync()).toSorted()).toEqual(
    [
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
