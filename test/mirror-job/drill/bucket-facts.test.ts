/** The facts of a drill, from a bucket that a run has filled, in memory: read by read. */
import { beforeEach, expect, test } from 'vitest';
import type { DrilledImage } from '../../../cluster/drill/observation.ts';
import { parseDigest } from '../../../core/digest.ts';
import { parseReference } from '../../../core/reference.ts';
import { bucketFactsOf } from '../../../mirror-job/drill/bucket-facts.ts';
import { runMirror } from '../../../mirror-job/engine/run/run.ts';
import { StoreError } from '../../../mirror-job/engine/store/store.ts';
import { addImage, addIndex, addLayer, AMD64, ARM64, tagAs, type Descriptor } from '../../support/builder.ts';
import { emptyRepository, type Repository } from '../../support/content.ts';
import { environmentFor, imageOf, TestClock, type ImageOptions } from '../support/harness.ts';
import { MemorySource } from '../support/memory-source.ts';
import { MemoryStore } from '../support/memory-store.ts';

const ROOT = 'repositories/mirror.test/app/';
const ARMV7 = { os: 'linux', architecture: 'arm', variant: 'v7' };

let content: Repository;
let store: MemoryStore;
let clock: TestClock;
let amd64: Descriptor;
let arm64: Descriptor;
let armv7: Descriptor;
let index: Descriptor;
/** An image without an index. */
let plain: Descriptor;

beforeEach(async () => {
  content = emptyRepository();
  store = new MemoryStore();
  clock = new TestClock();
  const layers = [await addLayer(content, 'one')];
  amd64 = addImage(content, { platform: AMD64, layers });
  arm64 = addImage(content, { platform: ARM64, layers });
  armv7 = addImage(content, { platform: ARMV7, layers });
  index = addIndex(content, [amd64, arm64, armv7]);
  plain = addImage(content, { layers: [await addLayer(content, 'two')] });
  tagAs(content, index, 'one');
  tagAs(content, plain, 'plain');
});

async function mirror(options: ImageOptions = {}): Promise<void> {
  const source = new MemorySource('source.test/app', content);
  const wanted = imageOf(source, 'mirror.test/app', {
    tags: ['one', 'plain'],
    referrersEveryMs: false,
    ...options,
  });
  const { counts } = await runMirror(environmentFor(store, { clock }), 'default', [wanted]);
  expect(counts.failed).toBe(0);
  store.calls.length = 0;
}

function image(
  reference: string,
  runs: Descriptor | undefined,
  platforms: readonly string[] | undefined = ['linux/amd64'],
): DrilledImage {
  const parsed = parseReference(reference);
  const digest = parsed.digest ?? (runs === undefined ? undefined : parseDigest(runs.digest));
  return { reference: parsed, digest, platforms, clusters: ['prod'], uses: [], useCount: 0 };
}

const app = (tag: string, runs?: Descriptor, platforms?: readonly string[]) =>
  image(`mirror.test/app:${tag}`, runs, platforms);

async function look(...images: readonly DrilledImage[]) {
  return bucketFactsOf(store, images);
}

const keyOf = ({ digest }: Descriptor) => `${ROOT}_manifests/${digest.replace(':', '/')}`;

test('a tag gives what runs, with the manifests for the nodes', async () => {
  await mirror();
  expect(await look(app('one', index, ['linux/amd64', 'linux/arm64']))).toEqual([
    {
      by: 'tag',
      tag: {
        digest: index.digest,
        missing: [],
        unlisted: [],
        arePlatformsKnown: true,
        hasManifest: true,
        moved: expect.any(String),
        mirrored: undefined,
      },
      running: undefined,
      upstream: { newer: undefined, hold: undefined, gone: undefined, running: undefined },
    },
  ]);
});

test('each object is asked for once, and no blob is', async () => {
  await mirror();
  await look(
    app('one', index, ['linux/amd64', 'linux/arm64']),
    app('one', plain),
    app('plain', plain),
    app('absent', index),
    image(`mirror.test/app@${index.digest}`, index),
    image(`mirror.test/app@${arm64.digest}`, arm64),
  );
  expect(store.calls.toSorted()).toEqual(
    [
      `get ${ROOT}_index.json`,
      `get ${ROOT}_tags/absent`,
      `get ${ROOT}_tags/one`,
      `get ${ROOT}_tags/plain`,
      `get ${keyOf(index)}`,
      `get ${keyOf(arm64)}`,
      `size ${keyOf(amd64)}`,
      `size ${keyOf(plain)}`,
    ].toSorted(),
  );
});

test('a subset of platforms lacks the others', async () => {
  await mirror({ platforms: ['linux/amd64'] });
  const [some, known] = await look(
    app('one', index, ['linux/amd64', 'linux/arm64', 'linux/riscv64']),
    image(`mirror.test/app@${index.digest}`, index, ['linux/arm64']),
  );
  expect(some).toMatchObject({
    tag: { missing: ['linux/arm64'], unlisted: ['linux/riscv64'], mirrored: ['linux/amd64'] },
  });
  expect(known).toMatchObject({ manifest: { missing: ['linux/arm64'], arePlatformsKnown: true } });
});

test('if no list says the platforms and some are there, that is said and not judged', async () => {
  await mirror({ platforms: ['linux/amd64'] });
  const [facts] = await bucketFactsOf(store, [{ ...app('one', index), platforms: undefined }]);
  expect(facts).toMatchObject({
    tag: { missing: ['linux/arm/v7', 'linux/arm64'], unlisted: [], arePlatformsKnown: false },
  });
});

test('an index that has none of its children is missing them, whatever the nodes are', async () => {
  await mirror();
  for (const child of [amd64, arm64, armv7]) store.objects.delete(keyOf(child));
  const [facts] = await bucketFactsOf(store, [{ ...app('one', index), platforms: undefined }]);
  expect(facts).toMatchObject({
    tag: { missing: ['linux/amd64', 'linux/arm/v7', 'linux/arm64'], arePlatformsKnown: true },
  });
});

test('a tag that stays behind names what upstream has shown since when, and why it is held', async () => {
  await mirror({ moves: { policy: 'hold' } });
  clock.advance(86_400_000);
  tagAs(content, plain, 'one');
  await mirror({ moves: { policy: 'hold' } });
  const [facts] = await look(app('one', plain));
  expect(facts).toMatchObject({
    tag: { digest: index.digest },
    running: 'stored',
    upstream: {
      newer: { digest: plain.digest, firstSeen: '2026-01-02T00:00:00.000Z' },
      gone: undefined,
      running: 'newer',
    },
  });
});

test('what runs and was served before is known to be older, and a tag that upstream deleted is gone', async () => {
  await mirror();
  tagAs(content, plain, 'one');
  clock.advance(86_400_000);
  await mirror();
  content.tags.delete('one');
  await mirror();
  const [facts] = await look(app('one', index));
  expect(facts).toMatchObject({
    tag: { digest: plain.digest },
    running: 'stored',
    upstream: { newer: undefined, gone: expect.stringMatching(/^2026-01-02/), running: 'older' },
  });
});

test('a name with a tag and a digest is looked up by the digest, whatever the tag gives', async () => {
  await mirror();
  const absent = parseDigest(`sha256:${'a'.repeat(64)}`);
  expect(
    await look(
      image(`mirror.test/app:one@${absent}`, undefined),
      image(`mirror.test/app:absent@${index.digest}`, index),
    ),
  ).toMatchObject([
    { by: 'digest', manifest: 'absent' },
    { by: 'digest', manifest: { digest: index.digest, missing: [] } },
  ]);
});

test('a repository that was never mirrored is absent in all its parts', async () => {
  await mirror();
  const other = parseDigest(`sha256:${'a'.repeat(64)}`);
  expect(
    await look(image('mirror.test/other:1', amd64), image(`mirror.test/other@${other}`, undefined)),
  ).toEqual([
    { by: 'tag', tag: 'absent', running: 'absent', upstream: 'absent' },
    { by: 'digest', manifest: 'absent' },
  ]);
});

test('a tag whose manifest is gone is not pulled by those who ask for its digest', async () => {
  await mirror();
  store.objects.delete(keyOf(index));
  expect(await look(app('one', index))).toMatchObject([{ tag: { hasManifest: false, missing: [] } }]);
});

test('damaged objects are named, and what is not damaged is looked at', async () => {
  await mirror();
  const spoil = async (key: string, text: string) =>
    store.put(key, Buffer.from(text), { contentType: 'application/json' });
  await spoil(`${ROOT}_tags/one`, '{}');
  await spoil(`${ROOT}_index.json`, '[]');
  await spoil(keyOf(arm64), '{}');
  const stored = Buffer.from(store.objects.get(`${ROOT}_tags/plain`)?.bytes ?? []).toString();
  await spoil(`${ROOT}_tags/plain`, stored.replace(plain.digest, amd64.digest));
  const [one, spoilt, arm] = await look(
    app('one', plain),
    app('plain', plain),
    image(`mirror.test/app@${arm64.digest}`, arm64),
  );
  expect(one).toEqual({
    by: 'tag',
    tag: {
      damaged: expect.stringMatching(/^the bucket's object repositories\S+_tags\/one cannot be used: /),
    },
    running: 'stored',
    upstream: { failed: expect.stringContaining('_index.json cannot be used: it is not a JSON object') },
  });
  expect(spoilt).toMatchObject({
    tag: { damaged: `the bucket has other bytes in the tag plain than its digest ${amd64.digest} says` },
  });
  expect(arm).toEqual({
    by: 'digest',
    manifest: { damaged: `the bucket has other bytes in the place of the manifest ${arm64.digest}` },
  });
});

test('a read that fails is a fact of its image alone, and is not tried for each image', async () => {
  await mirror();
  store.before = (call, key) => {
    if (key === `${ROOT}_tags/one` || (call === 'size' && key === keyOf(plain))) {
      throw new StoreError('The bucket in memory: it sleeps.');
    }
  };
  const facts = await look(app('one', index), app('one', plain), app('plain', plain), app('absent', amd64));
  const failed = { failed: 'the bucket in memory: it sleeps' };
  expect(facts).toMatchObject([
    { tag: failed, running: 'stored' },
    { tag: failed, running: failed },
    { tag: failed },
    { tag: 'absent', running: 'stored' },
  ]);
  expect(store.calls.filter((call) => call === `get ${ROOT}_tags/one`)).toHaveLength(1);
});

test('another error than that of a store is a fault, and is not swallowed', async () => {
  await mirror();
  store.before = () => {
    throw new TypeError('A bug.');
  };
  await expect(look(app('one', index))).rejects.toThrow('A bug.');
});

test('an index in an index is followed to the manifest for the node', async () => {
  tagAs(content, addIndex(content, [index]), 'one');
  await mirror();
  expect(await look(app('one', undefined, ['linux/arm64', 'linux/riscv64']))).toMatchObject([
    { tag: { missing: [], unlisted: ['linux/riscv64'] } },
  ]);
  store.objects.delete(keyOf(arm64));
  expect(await look(app('one', undefined, ['linux/arm64']))).toMatchObject([
    { tag: { missing: ['linux/arm64'] } },
  ]);
});
