/** Plans: the requests that they send, what they print, and that the run after them does the same. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { DryStore } from '../../../../mirror-job/engine/store/dry-store.ts';
import { openBucket } from '../../../../mirror-job/engine/store/bucket.ts';
import { planMirror } from '../../../../mirror-job/engine/run/plan.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import {
  addArtifact,
  addImage,
  addLayer,
  addStreamedLayer,
  shareLayer,
  tagAs,
} from '../../../support/builder.ts';
import { emptyRepository, type Repository } from '../../../support/content.ts';
import { addMultiPlatform } from '../../../support/corpus.ts';
import { SPDX } from '../../../support/media-types.ts';
import { startRogueRegistry, type RogueRegistry } from '../../../support/rogue-registry.ts';
import {
  TestClock,
  EVERY_TAG,
  environmentFor,
  imageOf,
  outcomesOf,
  sourceAt,
  type ImageOptions,
} from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const MEBIBYTE = 1024 * 1024;
const LIMITS = { partBytes: MEBIBYTE, rangesFromBytes: 2 * MEBIBYTE };
/** Long, because nothing hangs here and a busy machine is slow. */
const PATIENT = { timeoutMs: 10_000 };
const READS = /^(?:get|size|list) /;
const repositories = new Map<string, Repository>();
let registry: RogueRegistry;
let store = new MemoryStore();

beforeAll(async () => {
  registry = await startRogueRegistry({ corpus: { repositories } });
});

beforeEach(async () => {
  store = new MemoryStore();
  const app = emptyRepository();
  const signed = await addMultiPlatform(app, 'signed');
  tagAs(app, signed, '1.0.0', '1.0');
  addArtifact(app, { artifactType: SPDX, subject: signed });
  tagAs(app, await addMultiPlatform(app, 'later'), '1.1.0');
  const other = emptyRepository();
  const layer = await addLayer(app, 'shared');
  tagAs(app, addImage(app, { layers: [layer] }), '2.0.0');
  shareLayer(app, other, layer);
  // A run fetches it in three ranges.
  const large = await addStreamedLayer(other, 'large', 2.5 * MEBIBYTE);
  tagAs(other, addImage(other, { layers: [layer, large] }), 'latest');
  repositories.set('team/app', app).set('team/other', other);
});

afterAll(async () => {
  await registry?.stop();
});

const APP: ImageOptions = { tags: ['gone'], rules: EVERY_TAG };

async function images() {
  const [app, other] = [
    await sourceAt(registry.host, 'team/app', PATIENT),
    await sourceAt(registry.host, 'team/other', PATIENT),
  ];
  return [imageOf(app, 'mirror.test/app', APP), imageOf(other, 'mirror.test/other')];
}

/** `<method> <kind>` → the number of such requests to the registry. */
function asked(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { method, kind } of registry.requests) {
    const name = `${method} ${kind}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  registry.requests.length = 0;
  return counts;
}

async function plan() {
  store.calls.length = 0;
  registry.requests.length = 0;
  const report = await planMirror(environmentFor(store, { limits: LIMITS }), 'test', await images());
  expect(store.calls.filter((call) => !READS.test(call))).toEqual([]);
  return report;
}

/** Its sleeps do not end, so no copy gives up waiting for another upstream's copy of the same blob. */
class SlowClock extends TestClock {
  override sleep(): Promise<void> {
    return new Promise(() => {});
  }
}

async function sync() {
  registry.requests.length = 0;
  const environment = environmentFor(store, { limits: LIMITS, clock: new SlowClock() });
  const report = await runMirror(environment, 'test', await images());
  return { report, bytes: environment.tally.counts.bytes };
}

test('a plan asks what the run asks except for the blobs, which it counts to the byte, and writes nothing', async () => {
  const planned = await plan();
  const { requests, bytes } = planned.cost;
  const before = asked();
  const { report, bytes: fetched } = await sync();
  const after = asked();
  expect(after).toEqual({ ...before, 'GET blob': requests.blobGets });
  expect(requests.manifestGets).toBe(after['GET manifest']);
  expect(requests.lists).toBe((after['GET tags'] ?? 0) + (after['GET referrers'] ?? 0));
  expect(bytes).toBe(fetched);
  expect(planned.counts).toEqual(report.counts);
  expect(outcomesOf(planned)).toEqual(outcomesOf(report));
  expect(planned.counts).toEqual({
    created: 5,
    moved: 0,
    unchanged: 0,
    failed: 1,
    skipped: 0,
    held: 0,
    gone: 0,
  });
  expect(store.keys('/_tags/').length).toBe(5);
});

test('when nothing has changed, a plan counts one HEAD per tag, and no bytes', async () => {
  await sync();
  const { cost, counts } = await plan();
  expect(cost).toEqual({ requests: { heads: 5, manifestGets: 1, blobGets: 0, lists: 2 }, bytes: 0 });
  expect(counts).toEqual({ created: 0, moved: 0, unchanged: 5, failed: 1, skipped: 0, held: 0, gone: 0 });
  expect(asked()).toEqual({ 'GET tags': 2, 'HEAD manifest': 5, 'GET manifest': 1 });
  expect(store.calls.filter((call) => call.includes('_index.json'))).toHaveLength(2);
});

test('when a tag has moved, a plan counts what the movement costs, and nothing else', async () => {
  await sync();
  const app = repositories.get('team/app') ?? emptyRepository();
  const known = new Set(app.blobs.keys());
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'fresh')] }), '2.0.0');
  const fresh = [...app.blobs].filter(([digest]) => !known.has(digest));
  const { images: planned, cost } = await plan();
  const [image] = planned;
  expect(image?.chosen.map(({ tag, result }) => `${tag} ${result}`)).toEqual([
    'gone failed',
    '1.0 unchanged',
    '1.0.0 unchanged',
    '1.1.0 unchanged',
    '2.0.0 moved',
  ]);
  expect(cost.requests.blobGets).toBe(2);
  expect(cost.bytes).toBe(fresh.reduce((sum, [, { size }]) => sum + size, 0));
});

test('each image has its own cost, and what two images share counts for one of them', async () => {
  const { images: planned, cost } = await plan();
  const sum = planned.reduce((total, image) => total + image.cost.bytes, 0);
  expect(sum).toBe(cost.bytes);
  expect(planned.map(({ repository, source }) => [repository, source])).toEqual([
    ['mirror.test/app', `${registry.host}/team/app`],
    ['mirror.test/other', `${registry.host}/team/other`],
  ]);
});

test('one source for two images is asked for both, and its cost counts once', async () => {
  const source = await sourceAt(registry.host, 'team/other', PATIENT);
  const both = ['mirror.test/a', 'mirror.test/b'].map((name) => imageOf(source, name, { tags: ['latest'] }));
  const { images: planned, cost } = await planMirror(environmentFor(store), 'test', both);
  expect(planned[1]?.cost).toEqual({
    requests: { heads: 0, manifestGets: 0, blobGets: 0, lists: 0 },
    bytes: 0,
  });
  expect(cost).toEqual(planned[0]?.cost);
});

test('a source whose requests cost nothing has bytes in the plan, and no requests', async () => {
  const source = new MemorySource('oci:folder', repositories.get('team/other') ?? emptyRepository());
  const { cost } = await planMirror(environmentFor(store), 'test', [imageOf(source, 'mirror.test/other')]);
  expect(cost.requests).toEqual({ heads: 0, manifestGets: 0, blobGets: 0, lists: 0 });
  expect(cost.bytes).toBeGreaterThan(0);
});

test('a dry run opens an empty bucket or one of ours without a write, and refuses a bucket where a run would', async () => {
  const expected = { name: 'test', audience: 'public', singleWriter: true, newId: 'new' } as const;
  expect((await openBucket(new DryStore(store), expected)).id).toBe('new');
  expect(store.keys()).toEqual([]);
  await openBucket(store, { ...expected, newId: 'first' });
  expect((await openBucket(new DryStore(store), expected)).id).toBe('first');
  await expect(openBucket(new DryStore(store), { ...expected, audience: 'token' })).rejects.toThrow(
    'One bucket has one audience',
  );
  const foreign = new MemoryStore();
  await foreign.put('cat.jpg', Buffer.from('meow'), { contentType: 'image/jpeg' });
  await expect(openBucket(new DryStore(foreign), expected)).rejects.toThrow('holds other things ("cat.jpg")');
});

test('a dry run reads what it has written, and nobody else does', async () => {
  const dry = new DryStore(store);
  await dry.put('a', Buffer.from('new'), { contentType: 'text/plain', condition: { ifNoneMatch: '*' } });
  expect((await dry.get('a'))?.bytes).toEqual(Buffer.from('new'));
  expect([await dry.size('a'), await store.size('a')]).toEqual([3, undefined]);
});

test('a blob is planned again if the stored object has another size', async () => {
  await sync();
  for (const key of store.keys('_manifests/')) store.objects.delete(key);
  for (const key of store.keys('_index.json')) store.objects.delete(key);
  expect((await plan()).cost).toMatchObject({ requests: { blobGets: 0 }, bytes: 0 });
  const [key = ''] = store.keys('blobs/sha256');
  const blob = store.objects.get(key);
  await store.put(key, Buffer.from('x'), { contentType: 'application/octet-stream' });
  expect((await plan()).cost).toMatchObject({ requests: { blobGets: 1 }, bytes: blob?.bytes.length });
});

test('an upload in a dry run is an error, and writes nothing', async () => {
  const dry = new DryStore(store);
  const sentence = 'The bucket in memory: blobs/x was to be uploaded in a dry run, which writes nothing.';
  await expect(dry.beginUpload('blobs/x')).rejects.toThrow(sentence);
  expect([await dry.openUploads(), store.calls]).toEqual([[], []]);
});
