/** A tag moves once, after its history is written, and never overwrites what another run has done. */
import { expect, test } from 'vitest';
import { parseDigest } from '../../../../core/digest.ts';
import { parseManifest } from '../../../../core/manifest.ts';
import { parseRepository, parseTag } from '../../../../core/reference.ts';
import type { StoredManifest } from '../../../../mirror-job/engine/copy/stored-manifest.ts';
import { KnownEmptyStore } from '../../../../mirror-job/engine/store/known-empty-store.ts';
import { findTag, publishTag } from '../../../../mirror-job/engine/tags/publish.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { addArtifact, addImage, addLayer, tagAs } from '../../../support/builder.ts';
import { emptyRepository, manifestOf } from '../../../support/content.ts';
import {
  environmentFor,
  imageOf,
  outcomesOf,
  TestClock,
  type TestEnvironment,
} from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const repository = parseRepository('mirror.test/app');
const tag = parseTag('latest');
const content = emptyRepository();
const [a, b, c] = ['a', 'b', 'c'].map((name) => {
  const { digest } = addArtifact(content, { artifactType: `application/${name}` });
  const { bytes, mediaType } = manifestOf(content, digest);
  const manifest = parseManifest(bytes, mediaType);
  return {
    manifest,
    digest: parseDigest(digest),
    size: bytes.length,
    bytes: new Uint8Array(bytes),
    children: [],
    platforms: { taken: [], leftOut: [] },
  } satisfies StoredManifest;
});
if (a === undefined || b === undefined || c === undefined) throw new Error('There are three.');

const KEY = 'repositories/mirror.test/app/_tags/latest';
const history = (store: MemoryStore) => store.keys('/_history/').map((key) => store.json(key));

/** Publishes as a run that read the tag a moment ago. */
async function publish(environment: TestEnvironment, target: StoredManifest) {
  const stood = await findTag(environment, repository, tag);
  return publishTag(environment, repository, tag, target, { expected: stood?.digest });
}

test('a tag is created, moved and left alone, with a record of each movement', async () => {
  const store = new MemoryStore();
  const clock = new TestClock('2026-01-02T03:04:05.678Z');
  const environment = environmentFor(store, { clock });
  const { run } = environment;
  expect(await publishTag(environment, repository, tag, a, { expected: undefined })).toEqual({
    result: 'created',
    digest: a.digest,
  });
  clock.advance(1000);
  expect(await publishTag(environment, repository, tag, b, { expected: a.digest })).toEqual({
    result: 'moved',
    digest: b.digest,
    from: a.digest,
  });
  clock.advance(1000);
  store.calls.length = 0;
  expect(await publishTag(environment, repository, tag, b, { expected: a.digest })).toEqual({
    result: 'unchanged',
    digest: b.digest,
  });
  expect(store.calls).toEqual([`get ${KEY}`]);

  const folder = 'repositories/mirror.test/app/_history/latest';
  expect(store.keys('/_history/')).toEqual([
    `${folder}/20260102T030405.678Z-${run}.json`,
    `${folder}/20260102T030406.678Z-${run}.json`,
  ]);
  expect(history(store)).toEqual([
    { from: null, to: a.digest, at: '2026-01-02T03:04:05.678Z', run, why: 'first seen' },
    { from: a.digest, to: b.digest, at: '2026-01-02T03:04:06.678Z', run, why: 'upstream moved' },
  ]);
  expect(store.json(KEY)).toEqual({
    mediaType: b.manifest.mediaType,
    digest: b.digest,
    size: b.size,
    annotations: { 'dev.lifeboat.moved': '2026-01-02T03:04:06.678Z', 'dev.lifeboat.run': run },
    data: Buffer.from(b.bytes).toString('base64'),
  });
  expect(store.objects.get(KEY)?.contentType).toBe('application/vnd.oci.descriptor.v1+json');
});

test('the hold and the platforms of a tag change without a movement of its digest', async () => {
  const store = new MemoryStore();
  const clock = new TestClock();
  const environment = environmentFor(store, { clock });
  await publish(environment, a);
  const said = { expected: a.digest, why: 'reverted', hold: 'reverted by hand', platforms: ['linux/amd64'] };
  for (const times of [1, 2]) {
    clock.advance(1);
    expect(await publishTag(environment, repository, tag, a, said)).toEqual({
      result: 'unchanged',
      digest: a.digest,
    });
    expect(history(store), `${times} times`).toMatchObject([
      { from: null, to: a.digest, why: 'first seen' },
      { from: a.digest, to: a.digest, why: 'reverted' },
    ]);
  }
  expect(await findTag(environment, repository, tag)).toMatchObject({
    digest: a.digest,
    hold: 'reverted by hand',
    platforms: ['linux/amd64'],
  });
});

test('a tag that comes back to an earlier digest has another ETag', async () => {
  const store = new MemoryStore();
  const clock = new TestClock();
  const environment = environmentFor(store, { clock });
  const etags: (string | undefined)[] = [];
  for (const target of [a, b, a]) {
    await publish(environment, target);
    etags.push(store.objects.get(KEY)?.etag);
    clock.advance(1);
  }
  expect(new Set(etags).size).toBe(3);
});

test('a clock that was set back makes no movement older than the one before it', async () => {
  const store = new MemoryStore();
  const clock = new TestClock('2026-01-02T03:04:05.678Z');
  const environment = environmentFor(store, { clock });
  await publish(environment, a);
  clock.advance(-3_600_000);
  await publish(environment, b);
  expect(store.json(KEY)).toMatchObject({
    annotations: { 'dev.lifeboat.moved': '2026-01-02T03:04:05.679Z' },
  });
  expect(history(store)).toMatchObject([
    { to: a.digest, at: '2026-01-02T03:04:05.678Z' },
    { to: b.digest, at: '2026-01-02T03:04:05.679Z' },
  ]);
});

/** Lets another run be first so many times, each time with a movement of its own. */
function interfere(environment: TestEnvironment, store: MemoryStore, times: number): void {
  let left = times;
  store.before = async (call, key) => {
    if (call !== 'put' || key !== KEY || left === 0) return;
    const hook = store.before;
    store.before = () => {};
    const target = left % 2 === 1 ? a : b;
    left -= 1;
    // Another store object stands for another process, which does not wait for this one.
    const other = { ...environment, store: new KnownEmptyStore(store), run: `other-${left}` };
    if (target !== undefined) await publish(other, target);
    store.before = hook;
  };
}

test.each([undefined, b])('a tag that another run moved first is not moved (from %#)', async (from) => {
  const store = new MemoryStore();
  const environment = environmentFor(store);
  if (from !== undefined) await publish(environment, from);
  interfere(environment, store, 1);
  expect(await publish(environment, c)).toBe('conflict');
  expect(store.json(KEY)).toMatchObject({ digest: a.digest });
});

test('entries of one run that have the same tag move it one after the other, with one record of the movement', async () => {
  const store = new MemoryStore();
  const upstream = { ...content, tags: new Map([['latest', a.digest]]) };
  const source = new MemorySource('source.test/app', upstream);
  const images = Array.from({ length: 5 }, () =>
    imageOf(source, 'mirror.test/app', { tags: ['latest'], referrersEveryMs: false }),
  );
  const run = () => runMirror(environmentFor(store), 'default', images);
  for (const [moves, target] of [a, b].entries()) {
    tagAs(upstream, { mediaType: '', digest: target.digest, size: 0 }, 'latest');
    expect((await run()).counts.failed).toBe(0);
    expect(history(store).length).toBe(moves + 1);
    expect(store.calls.filter((call) => call === `put ${KEY}`).length).toBe(moves + 1);
  }
});

const LOST =
  'mirror.test/app:latest was moved by another run while this run tried to move it. The next run looks at it again.';

test.each([
  [1, 'moved', c],
  [2, LOST, a],
])('after %i conflicts the outcome of a tag is: %s', async (times, outcome, stands) => {
  const store = new MemoryStore();
  const upstream = { ...content, tags: new Map<string, string>() };
  const source = new MemorySource('source.test/app', upstream);
  tagAs(upstream, { mediaType: '', digest: c.digest, size: 0 }, 'latest');
  const environment = environmentFor(store);
  interfere(environment, store, times);
  const image = imageOf(source, 'mirror.test/app', { tags: ['latest'], referrersEveryMs: false });
  const report = await runMirror(environment, 'default', [image]);
  expect(outcomesOf(report)).toEqual({ 'mirror.test/app:latest': outcome });
  // One request per decision; a third decision is the next run's. At the second, the manifest is at hand.
  expect(asked(source)).toEqual(['manifest latest', 'resolve latest']);
  expect(store.json(KEY)).toMatchObject({ digest: stands.digest });
});

const asked = ({ calls }: MemorySource) => calls.filter((call) => /^(?:manifest|resolve) /.test(call));

test('after a conflict a tag follows what upstream says then', async () => {
  const store = new MemoryStore();
  const upstream = { ...content, tags: new Map([['latest', c.digest]]) };
  const source = new MemorySource('source.test/app', upstream);
  source.before = (call) => {
    if (call === 'resolve' && asked(source).length === 2) upstream.tags.set('latest', a.digest);
  };
  const environment = environmentFor(store);
  interfere(environment, store, 1);
  const image = imageOf(source, 'mirror.test/app', { tags: ['latest'], referrersEveryMs: false });
  const report = await runMirror(environment, 'default', [image]);
  expect(report.counts).toEqual({
    created: 0,
    failed: 0,
    moved: 0,
    unchanged: 1,
    skipped: 0,
    held: 0,
    gone: 0,
  });
  expect(store.json(KEY)).toMatchObject({ digest: a.digest });
});

test.each([
  ['has another digest', a, b.digest],
  ['was not there', a, undefined],
  ['is gone', undefined, b.digest],
])('a tag that %s is not moved, and no intent is recorded', async (_name, present, expected) => {
  const store = new MemoryStore();
  const environment = environmentFor(store);
  if (present !== undefined) await publish(environment, present);
  const before = store.keys();
  expect(await publishTag(environment, repository, tag, c, { expected })).toBe('conflict');
  expect(store.keys()).toEqual(before);
});

async function threeImages() {
  const upstream = emptyRepository();
  const [first, second, third] = await Promise.all(
    ['first', 'second', 'third'].map(async (name) =>
      addImage(upstream, { layers: [await addLayer(upstream, name)] }),
    ),
  );
  if (first === undefined || second === undefined || third === undefined) throw new Error('There are three.');
  return { upstream, first, second, third };
}

test.each([true, false])(
  'a digest that another run published during a long copy stays (a tag that is new: %s)',
  async (isNew) => {
    const { upstream, first, second, third } = await threeImages();
    const store = new MemoryStore();
    const run = (source: MemorySource) =>
      runMirror(environmentFor(store), 'default', [
        imageOf(source, 'mirror.test/app', { tags: ['latest'], referrersEveryMs: false }),
      ]);
    if (!isNew) {
      tagAs(upstream, first, 'latest');
      await run(new MemorySource('source.test/app', upstream));
    }
    tagAs(upstream, second, 'latest');
    const slow = new MemorySource('source.test/app', upstream);
    slow.before = async (call) => {
      if (call !== 'blob') return;
      slow.before = () => {};
      tagAs(upstream, third, 'latest');
      const fast = await run(new MemorySource('source.test/app', upstream));
      expect(outcomesOf(fast)).toEqual({ 'mirror.test/app:latest': isNew ? 'created' : 'moved' });
    };
    const report = await run(slow);
    expect(report.counts).toEqual({
      created: 0,
      failed: 0,
      moved: 0,
      unchanged: 1,
      skipped: 0,
      held: 0,
      gone: 0,
    });
    expect(store.json(KEY)).toMatchObject({ digest: third.digest });
    expect(history(store)).toMatchObject([
      ...(isNew ? [] : [{ from: null, to: first.digest }]),
      { from: isNew ? null : first.digest, to: third.digest },
    ]);
  },
);

test('an index that lags behind its tag costs a second look, and no failure', async () => {
  const { upstream, first, second, third } = await threeImages();
  const source = new MemorySource('source.test/app', upstream);
  const store = new MemoryStore();
  const run = () =>
    runMirror(environmentFor(store), 'default', [
      imageOf(source, 'mirror.test/app', { tags: ['latest'], referrersEveryMs: false }),
    ]);
  const index = 'repositories/mirror.test/app/_index.json';
  tagAs(upstream, first, 'latest');
  await run();
  const lagging = store.objects.get(index);
  if (lagging === undefined) throw new Error('There is an index.');
  tagAs(upstream, second, 'latest');
  await run();
  store.objects.set(index, lagging);
  tagAs(upstream, third, 'latest');
  expect(outcomesOf(await run())).toEqual({ 'mirror.test/app:latest': 'moved' });
  expect(store.json(KEY)).toMatchObject({ digest: third.digest });
});

test('a tag that cannot be read is written anew, but not over what another run wrote meanwhile', async () => {
  const store = new MemoryStore();
  const upstream = { ...content, tags: new Map([['latest', c.digest]]) };
  const source = new MemorySource('source.test/app', upstream);
  const environment = environmentFor(store);
  const image = imageOf(source, 'mirror.test/app', { tags: ['latest'], referrersEveryMs: false });
  await store.put(KEY, Buffer.from('{'), { contentType: 'a/b' });
  expect(outcomesOf(await runMirror(environment, 'default', [image]))).toEqual({
    'mirror.test/app:latest': 'created',
  });
  expect(environment.logged).toEqual([
    `warn: The bucket's object ${KEY} cannot be used: it is not JSON. The tag is written anew.`,
  ]);
  expect(store.json(KEY)).toMatchObject({ digest: c.digest });

  await store.put(KEY, Buffer.from('{'), { contentType: 'a/b' });
  interfere(environment, store, 1);
  expect(await publishTag(environment, repository, tag, c, { expected: undefined })).toBe('conflict');
  expect(store.json(KEY)).toMatchObject({ digest: a.digest });
});
