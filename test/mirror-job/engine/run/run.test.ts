/** Runs of the engine over sources and a store in memory. */
import { expect, test } from 'vitest';
import { LargeObjectError } from '../../../../mirror-job/engine/store/large-object-error.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { SourceError } from '../../../../mirror-job/engine/source.ts';
import {
  addArtifact,
  addImage,
  addLayer,
  addManifest,
  addStreamedLayer,
  tagAs,
  type Descriptor,
} from '../../../support/builder.ts';
import { emptyRepository, type Repository } from '../../../support/content.ts';
import { SPDX } from '../../../support/media-types.ts';
import {
  DAY,
  EVERY_TAG,
  environmentFor,
  imageOf,
  outcomesOf,
  TestClock,
  type ImageOptions,
} from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

async function sourceWith(
  name: string,
  ...tags: readonly string[]
): Promise<{ source: MemorySource; content: Repository; image: Descriptor }> {
  const content = emptyRepository();
  let image: Descriptor | undefined;
  for (const tag of tags) {
    image = addImage(content, { layers: [await addLayer(content, `${name} ${tag}`)] });
    tagAs(content, image, tag);
  }
  if (image === undefined) throw new Error('At least one tag.');
  return { source: new MemorySource(name, content), content, image };
}

const writes = ({ calls }: MemoryStore) =>
  calls.filter((call) => call.startsWith('put ') && !call.startsWith('put state/'));

async function sync(store: MemoryStore, source: MemorySource, options?: ImageOptions, clock?: TestClock) {
  store.calls.length = 0;
  source.calls.length = 0;
  const environment = environmentFor(store, clock === undefined ? {} : { clock });
  const report = await runMirror(environment, 'default', [imageOf(source, 'mirror.test/app', options)]);
  return { report, outcomes: outcomesOf(report), logged: environment.logged };
}

test('an image that upstream does not show to everybody is refused on a public bucket, and upstream is asked once', async () => {
  const { source } = await sourceWith('source.test/app', 'one', 'two');
  source.isShown = false;
  const store = new MemoryStore();
  const sentence =
    'source.test/app is not shown to anonymous callers, but everybody may read this bucket. If the image may be public, say "public: true" at the image; otherwise use a bucket whose audience is "token".';
  const refused = await sync(store, source, { mustBePublic: true });
  expect(refused.outcomes).toEqual({
    'mirror.test/app:one': sentence,
    'mirror.test/app:two': sentence,
  });
  expect(source.calls.filter((call) => call.startsWith('isPublic')).length).toBe(1);
  expect(source.calls.filter((call) => call.startsWith('blob'))).toEqual([]);
  expect(writes(store)).toEqual([]);

  const allowed = await sync(store, source, { mustBePublic: false });
  expect(Object.values(allowed.outcomes)).toEqual(['created', 'created']);
  expect(source.calls.filter((call) => call.startsWith('isPublic'))).toEqual([]);
});

test('the question whether upstream shows an image to everybody is asked again if it failed', async () => {
  const { source } = await sourceWith('source.test/app', 'one', 'two');
  let failures = 1;
  source.before = (call) => {
    if (call !== 'isPublic' || failures === 0) return;
    failures -= 1;
    throw new SourceError('No answer in time.');
  };
  const environment = environmentFor(new MemoryStore(), { limits: { tags: 1 } });
  const image = imageOf(source, 'mirror.test/app', { mustBePublic: true });
  expect(outcomesOf(await runMirror(environment, 'default', [image]))).toEqual({
    'mirror.test/app:one': 'No answer in time.',
    'mirror.test/app:two': 'created',
  });
});

test('a new signature of an image that upstream no longer shows to everybody is refused on a public bucket', async () => {
  const { source, content, image } = await sourceWith('source.test/app', 'one');
  const store = new MemoryStore();
  const clock = new TestClock();
  const options = { mustBePublic: true, referrersEveryMs: DAY };
  const asks = () => source.calls.filter((call) => call.startsWith('isPublic'));
  await sync(store, source, options, clock);
  source.isShown = false;
  clock.advance(DAY);
  expect((await sync(store, source, options, clock)).outcomes).toEqual({});
  expect(asks()).toEqual([]);

  const signature = addArtifact(content, { artifactType: SPDX, subject: image });
  clock.advance(DAY);
  const { outcomes } = await sync(store, source, options, clock);
  expect(outcomes).toEqual({
    'mirror.test/app:one':
      'source.test/app is not shown to anonymous callers, but everybody may read this bucket. If the image may be public, say "public: true" at the image; otherwise use a bucket whose audience is "token".',
  });
  expect(asks()).toEqual([`isPublic ${image.digest}`]);
  expect(store.keys(signature.digest.slice(7))).toEqual([]);
});

test('a list that is too short has none of its tags looked at, and named tags and digests are mirrored', async () => {
  const { source, image } = await sourceWith('source.test/app', 'one', 'two', 'three');
  const store = new MemoryStore();
  const options = { tags: ['one'], rules: { ...EVERY_TAG, minTags: 4 }, digests: [image.digest] };
  const { outcomes, report } = await sync(store, source, options);
  expect(outcomes).toEqual({
    'mirror.test/app:one': 'created',
    [`mirror.test/app:${image.digest}`]: 'created',
  });
  expect(report.counts.failed).toBe(0);
  expect(report.findings).toEqual([
    {
      kind: 'list-too-short',
      repository: 'mirror.test/app',
      message:
        'source.test/app lists 3 tags, of which 3 are selected, but minTags is 4, so none of these tags was looked at. If upstream has really so few now, lower minTags; "lifeboat plan --all" shows what becomes of each tag.',
    },
  ]);
  expect(store.keys('/_tags/')).toEqual(['repositories/mirror.test/app/_tags/one']);
});

test('a list that fails does not stop the named tags', async () => {
  const { source } = await sourceWith('source.test/app', 'one', 'two');
  source.before = (call) => {
    if (call === 'tags') throw new SourceError('source.test/app: no list today.');
  };
  const { outcomes } = await sync(new MemoryStore(), source, { tags: ['one'], rules: EVERY_TAG });
  expect(outcomes).toEqual({
    'mirror.test/app': 'source.test/app: no list today.',
    'mirror.test/app:one': 'created',
  });
});

test('rules that select nothing cause a warning', async () => {
  const { source } = await sourceWith('source.test/app', 'one');
  const none = { ...EVERY_TAG, include: [{ text: 'x*', matches: () => false }] };
  const { report, logged } = await sync(new MemoryStore(), source, { tags: [], rules: none });
  expect([report.counts.failed, logged]).toEqual([
    0,
    [
      'warn: source.test/app lists 1 tag, of which 0 are selected: nothing is mirrored. "lifeboat plan --all" shows what becomes of each tag.',
    ],
  ]);
});

test('a digest is mirrored without a tag, and not asked for again before its referrers are due', async () => {
  const { source, image, content } = await sourceWith('source.test/app', 'one');
  const store = new MemoryStore();
  const clock = new TestClock();
  const options = { tags: [], digests: [image.digest], referrersEveryMs: DAY };
  expect((await sync(store, source, options, clock)).outcomes).toEqual({
    [`mirror.test/app:${image.digest}`]: 'created',
  });
  expect(store.keys('/_tags/')).toEqual([]);
  expect(store.json('repositories/mirror.test/app/_tags.json')).toEqual({
    name: 'mirror.test/app',
    tags: [],
  });
  expect(store.keys('/_manifests/').length).toBe(1);
  expect(store.json('state/default/catalog.json')).toEqual({ repositories: ['mirror.test/app'] });

  const sbom = addArtifact(content, { artifactType: SPDX, subject: image });
  clock.advance(DAY - 1);
  await sync(store, source, options, clock);
  expect([source.calls, writes(store)]).toEqual([[], []]);
  clock.advance(1);
  const due = await sync(store, source, options, clock);
  expect(due.report.counts).toEqual({
    created: 0,
    failed: 0,
    moved: 0,
    unchanged: 1,
    skipped: 0,
    held: 0,
    gone: 0,
  });
  expect(source.calls).toContain(`manifest ${sbom.digest}`);
  expect(store.keys('/_referrers/').length).toBe(1);
});

test('a digest that upstream lacks is a failure that names it', async () => {
  const { source } = await sourceWith('source.test/app', 'one');
  const digest = `sha256:${'0'.repeat(64)}`;
  const { outcomes } = await sync(new MemoryStore(), source, { tags: [], digests: [digest] });
  expect(outcomes).toEqual({ [`mirror.test/app:${digest}`]: `source.test/app has no manifest ${digest}.` });
});

test('tags of one image ask for its referrers once, and list them once', async () => {
  const { source, image, content } = await sourceWith('source.test/app', 'one');
  tagAs(content, image, 'two', 'three');
  addArtifact(content, { artifactType: SPDX, subject: image });
  const store = new MemoryStore();
  const { outcomes } = await sync(store, source);
  expect(Object.keys(outcomes).length).toBe(3);
  expect(source.calls.filter((call) => call === `referrers ${image.digest}`)).toHaveLength(1);
  expect(writes(store).filter((call) => call.includes('/_referrers/'))).toHaveLength(1);
});

test('referrers: false asks for no referrers', async () => {
  const { source, image, content } = await sourceWith('source.test/app', 'one');
  addArtifact(content, { artifactType: SPDX, subject: image });
  const store = new MemoryStore();
  await sync(store, source, { referrersEveryMs: false });
  expect(source.calls.filter((call) => call.startsWith('referrers'))).toEqual([]);
  expect(store.keys('/_referrers/')).toEqual([]);
});

test('of a chain of referrers that is more than 8 deep, the first eight are mirrored', async () => {
  const { source, image, content } = await sourceWith('source.test/app', 'one');
  let subject = image;
  for (let depth = 0; depth < 9; depth += 1) {
    subject = addArtifact(content, { artifactType: `application/${depth}`, subject });
  }
  const store = new MemoryStore();
  const { outcomes } = await sync(store, source, { tags: ['one'] });
  expect(outcomes).toEqual({ 'mirror.test/app:one': 'created' });
  expect(store.keys('/_manifests/')).toHaveLength(1 + 8);
});

test('a blob that one source lacks comes from the other that has it', async () => {
  const broken = await sourceWith('broken.test/app', 'one');
  const whole = new MemorySource('whole.test/app', broken.content);
  broken.source.before = async (call) => {
    if (call !== 'blob') return;
    await new Promise((resolve) => setImmediate(resolve));
    throw new SourceError('broken.test/app has lost it.');
  };
  const store = new MemoryStore();
  const report = await runMirror(environmentFor(store), 'default', [
    imageOf(broken.source, 'mirror.test/broken'),
    imageOf(whole, 'mirror.test/whole'),
  ]);
  expect(outcomesOf(report)).toEqual({
    'mirror.test/broken:one': 'broken.test/app has lost it.',
    'mirror.test/whole:one': 'created',
  });
  expect(store.keys('mirror.test/broken/')).toEqual([]);
});

test('a run ends only when everything that it began has ended, and no copy goes on after its tag has failed', async () => {
  const content = emptyRepository();
  const [lost, slow] = [await addLayer(content, 'lost'), await addStreamedLayer(content, 'slow', 3_000_000)];
  tagAs(content, addImage(content, { layers: [lost, slow] }), 'one');
  content.blobs.delete(lost.digest);
  const store = new MemoryStore();
  store.before = async (call) => {
    if (call === 'putPart') await new Promise((resolve) => setImmediate(resolve));
  };
  const source = new MemorySource('source.test/app', content);
  const { outcomes } = await sync(store, source);
  expect(outcomes).toEqual({ 'mirror.test/app:one': `source.test/app has no blob ${lost.digest}.` });
  const { length } = store.calls;
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(store.calls.length).toBe(length);
  expect(store.keys('blobs/')).toContain(`blobs/${slow.digest.replace(':', '/')}`);
});

/** An image with a foreign layer, which its registry need not have. */
async function foreignImage() {
  const content = emptyRepository();
  const foreign = { ...(await addLayer(content, 'foreign')), urls: ['https://elsewhere.test/layer'] };
  const config = (await addLayer(content, 'config')).digest;
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'a/b', digest: config, size: content.blobs.get(config)?.size },
    layers: [
      { mediaType: foreign.mediaType, digest: foreign.digest, size: foreign.size, urls: foreign.urls },
    ],
  };
  tagAs(content, addManifest(content, manifest), 'one');
  return { content, foreign, source: new MemorySource('source.test/app', content) };
}

test('a foreign layer that its registry lacks is left out, and a warning has its URLs', async () => {
  const { content, foreign, source } = await foreignImage();
  content.blobs.delete(foreign.digest);
  const store = new MemoryStore();
  const { outcomes, logged } = await sync(store, source);
  expect(outcomes).toEqual({ 'mirror.test/app:one': 'created' });
  expect(logged).toEqual([
    `warn: source.test/app: layer ${foreign.digest} is not at the registry; clients fetch it from https://elsewhere.test/layer.`,
  ]);
  expect(store.keys(foreign.digest.slice(7))).toEqual([]);
});

test('a manifest with many foreign layers causes one warning, with their number and the first layer', async () => {
  const content = emptyRepository();
  const config = await addLayer(content, 'config');
  const urls = ['a', 'b', 'c', 'd', 'e'].map((name) => `https://elsewhere.test/${name}`);
  const added = await Promise.all(['x', 'y', 'z'].map((name) => addLayer(content, name)));
  const layers = added.map((layer) => Object.assign(layer, { urls }));
  for (const { digest } of layers) content.blobs.delete(digest);
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const image = addManifest(content, { schemaVersion: 2, mediaType, config, layers });
  tagAs(content, image, 'one');
  const { logged, report } = await sync(new MemoryStore(), new MemorySource('source.test/app', content));
  expect(logged).toEqual([
    `warn: source.test/app: 3 layers of the manifest ${image.digest} are not at the registry; clients fetch them from elsewhere, ${layers[0]?.digest} from https://elsewhere.test/a, https://elsewhere.test/b, https://elsewhere.test/c, and 2 more. The report has them all under "foreignLayers".`,
  ]);
  expect(report.foreignLayers).toHaveLength(3);
});

test('a layer with urls that the registry has is mirrored, even if the registry fails at first', async () => {
  const { foreign, source } = await foreignImage();
  const store = new MemoryStore();
  source.before = (call, what) => {
    if (call === 'blob' && what.startsWith(foreign.digest)) throw new SourceError('The registry is busy.');
  };
  const failed = await sync(store, source);
  expect(failed.outcomes).toEqual({ 'mirror.test/app:one': 'The registry is busy.' });
  expect(store.keys('/_manifests/')).toEqual([]);
  source.before = () => {};
  const done = await sync(store, source);
  expect(done.outcomes).toEqual({ 'mirror.test/app:one': 'created' });
  expect(done.logged).toEqual([]);
  expect(store.keys('blobs/')).toContain(`blobs/${foreign.digest.replace(':', '/')}`);
});

test('a run that is told to stop aborts its uploads and says so, and the next run goes on from there', async () => {
  const content = emptyRepository();
  tagAs(content, addImage(content, { layers: [await addStreamedLayer(content, 'long', 5_000_000)] }), 'one');
  const store = new MemoryStore();
  const source = new MemorySource('source.test/app', content);
  const stop = new AbortController();
  store.before = (call, key) => {
    if (call === 'putPart' && key.endsWith(' 2')) stop.abort(new Error('stopped'));
  };
  const environment = environmentFor(store, { signal: stop.signal });
  const report = await runMirror(environment, 'default', [imageOf(source, 'mirror.test/app')]);
  expect([report.interrupted, outcomesOf(report)]).toEqual([
    true,
    { 'mirror.test/app:one': 'skipped: The run was stopped before this was done.' },
  ]);
  expect([store.uploads.size, store.keys('/_manifests/'), store.keys('/_tags')]).toEqual([0, [], []]);
  store.before = () => {};
  expect((await sync(store, source)).outcomes).toEqual({ 'mirror.test/app:one': 'created' });
});

test('uploads that killed runs left are aborted if their blob is stored, or if they are more than a day old', async () => {
  const content = emptyRepository();
  const long = await addStreamedLayer(content, 'long', 5_000_000);
  tagAs(content, addImage(content, { layers: [long] }), 'one');
  const source = new MemorySource('source.test/app', content);
  const store = new MemoryStore();
  const clock = new TestClock('2026-01-02T00:00:00.000Z');
  const other = `blobs/sha256/${'1'.repeat(64)}`;
  const begin = (key: string, at: string) => {
    store.now = () => new Date(at);
    return store.beginUpload(key, 'a/b');
  };
  await begin(`blobs/${long.digest.replace(':', '/')}`, '2026-01-01T23:00:00.000Z');
  await begin(other, '2026-01-01T00:00:01.000Z');
  const young = [...store.uploads.keys()].at(-1);
  await begin(other, '2025-12-31T23:59:59.000Z');
  await begin('elsewhere/x', '2020-01-01T00:00:00.000Z');
  await sync(store, source, {}, clock);
  expect([...store.uploads].map(([id, { key }]) => `${id} ${key}`)).toEqual([
    `${young} ${other}`,
    'upload-4 elsewhere/x',
  ]);
});

test('a run whose blobs are small does not look for uploads', async () => {
  const { source } = await sourceWith('source.test/app', 'one');
  const store = new MemoryStore();
  expect((await sync(store, source)).outcomes).toEqual({ 'mirror.test/app:one': 'created' });
  expect(store.calls.filter((call) => call.startsWith('openUploads'))).toEqual([]);
});

test('a store that fails in the middle fails only the tag concerned, and the report has the store’s error', async () => {
  const { source } = await sourceWith('source.test/app', 'one', 'two');
  const store = new MemoryStore();
  store.before = (call, key) => {
    if (call === 'put' && key.endsWith('/_tags/one')) throw new Error('The bucket: could not write it.');
  };
  const { outcomes, report } = await sync(store, source);
  expect(outcomes).toEqual({
    'mirror.test/app:one': 'The bucket: could not write it.',
    'mirror.test/app:two': 'created',
  });
  expect(store.json('repositories/mirror.test/app/_tags.json')).toEqual({
    name: 'mirror.test/app',
    tags: ['two'],
  });
  expect(store.json('state/default/last-run.json')).toEqual(report);
});

test('a catalogue that cannot be read is made anew, and a warning says so', async () => {
  const { source } = await sourceWith('source.test/app', 'one');
  const store = new MemoryStore();
  const key = 'state/default/catalog.json';
  await store.put(key, Buffer.from('{"repositories":5}'), { contentType: 'application/json' });
  const environment = environmentFor(store);
  await runMirror(environment, 'default', [imageOf(source, 'mirror.test/app')]);
  expect(store.json(key)).toEqual({ repositories: ['mirror.test/app'] });
  expect(environment.logged).toEqual([
    `warn: The bucket's object ${key} cannot be used: it has no list of repositories. It is made anew from the images of this run.`,
  ]);
});

test('a catalogue that is too large to be read is made anew, and a warning says so once', async () => {
  const { source } = await sourceWith('source.test/app', 'one');
  const store = new MemoryStore();
  const key = 'state/default/catalog.json';
  await store.put(key, Buffer.from('too large'), { contentType: 'application/json' });
  const { etag = '' } = store.objects.get(key) ?? {};
  store.before = (call, of) => {
    if (call === 'get' && of === key && store.objects.get(key)?.etag === etag)
      throw new LargeObjectError(store.name, key, etag);
  };
  const logged = [];
  for (let run = 0; run < 2; run += 1) {
    const environment = environmentFor(store);
    await runMirror(environment, 'default', [imageOf(source, 'mirror.test/app')]);
    logged.push(environment.logged);
    expect(store.json(key)).toEqual({ repositories: ['mirror.test/app'] });
  }
  expect(logged).toEqual([
    [
      `warn: ${store.name}: could not read ${key}: it has more than 134217728 bytes, which no object of its kind has. It is made anew from the images of this run.`,
    ],
    [],
  ]);
});

test('names stay in the catalogue, and so do names from other runs', async () => {
  const { source } = await sourceWith('source.test/app', 'one');
  const store = new MemoryStore();
  const catalogue = { repositories: ['mirror.test/zebra', 'mirror.test/ant'] };
  await store.put('state/default/catalog.json', Buffer.from(JSON.stringify(catalogue)), {
    contentType: 'application/json',
  });
  await sync(store, source);
  expect(store.json('state/default/catalog.json')).toEqual({
    repositories: ['mirror.test/ant', 'mirror.test/app', 'mirror.test/zebra'],
  });
});
