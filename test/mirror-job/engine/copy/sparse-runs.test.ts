/** Runs that mirror a subset of platforms, and changes of the subset: in memory, key by key. */
import { expect, test } from 'vitest';
import { planMirror } from '../../../../mirror-job/engine/run/plan.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import {
  AMD64,
  ARM64,
  addArtifact,
  addImage,
  addIndex,
  addLayer,
  tagAs,
  type Descriptor,
  type Platform,
} from '../../../support/builder.ts';
import { emptyRepository, type Repository } from '../../../support/content.ts';
import { SPDX } from '../../../support/media-types.ts';
import {
  DAY,
  TestClock,
  environmentFor,
  imageOf,
  outcomesOf,
  type ImageOptions,
} from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const ROOT = 'repositories/mirror.test/app/';
const S390X: Platform = { os: 'linux', architecture: 's390x' };
const WARNING =
  'warn: source.test/app: mirrored only for linux/amd64, and not for linux/arm64, linux/s390x. podman and CRI-O cannot fall back on upstream for a platform that the mirror leaves out: a node of such a platform fails to pull.';

interface Built {
  readonly index: Descriptor;
  readonly amd64: Descriptor;
  readonly arm64: Descriptor;
  readonly s390x: Descriptor;
}

/** An index for three platforms. */
async function build(content: Repository, seed: string): Promise<Built> {
  const add = async (platform: Platform) =>
    addImage(content, {
      platform,
      layers: [await addLayer(content, `${seed} ${platform.architecture}`)],
    });
  const [amd64, arm64, s390x] = [await add(AMD64), await add(ARM64), await add(S390X)];
  return { amd64, arm64, s390x, index: addIndex(content, [amd64, arm64, s390x]) };
}

async function begin() {
  const content = emptyRepository();
  const built = await build(content, 'one');
  tagAs(content, built.index, 'one');
  const source = new MemorySource('source.test/app', content);
  const store = new MemoryStore();
  const clock = new TestClock();
  const sync = async (options: ImageOptions) => {
    source.calls.length = 0;
    store.calls.length = 0;
    const environment = environmentFor(store, { clock });
    const image = imageOf(source, 'mirror.test/app', { tags: ['one'], ...options });
    const report = await runMirror(environment, 'default', [image]);
    return { outcomes: outcomesOf(report), counts: report.counts, logged: environment.logged };
  };
  return { ...built, content, source, store, clock, sync };
}

/** The digests that are stored as manifests. */
function stored(store: MemoryStore, ...descriptors: readonly Descriptor[]): boolean[] {
  return descriptors.map(({ digest }) => store.objects.has(`${ROOT}_manifests/${digest.replace(':', '/')}`));
}

/** The platforms that the tag records, and those in its entry of the index. */
function recorded(store: MemoryStore, tag = 'one'): (string | undefined)[] {
  const index = entries(store).find(
    ({ annotations }) => annotations['org.opencontainers.image.ref.name'] === tag,
  );
  return [annotationsOf(store.json(`${ROOT}_tags/${tag}`)), index?.annotations ?? {}].map(
    (annotations) => annotations['dev.lifeboat.platforms'],
  );
}

interface Entry {
  readonly digest: string;
  readonly annotations: Readonly<Record<string, string>>;
}

function entries(store: MemoryStore): readonly Entry[] {
  const index = store.json(`${ROOT}_index.json`);
  if (typeof index !== 'object' || index === null || !('manifests' in index)) return [];
  const { manifests } = index;
  return Array.isArray(manifests)
    ? manifests.map((entry) => ({ digest: String(entry.digest), annotations: annotationsOf(entry) }))
    : [];
}

function annotationsOf(json: unknown): Record<string, string> {
  if (typeof json !== 'object' || json === null || !('annotations' in json)) return {};
  const { annotations } = json;
  return typeof annotations === 'object' && annotations !== null
    ? Object.fromEntries(Object.entries(annotations).map(([key, text]) => [key, String(text)]))
    : {};
}

test('a subset skips children, keeps the index, and is recorded on the tag and warned of once in the run', async () => {
  const { content, source, store, sync, index, amd64, arm64, s390x } = await begin();
  tagAs(content, (await build(content, 'two')).index, 'two');
  const { outcomes, logged } = await sync({ tags: ['one', 'two'], platforms: ['linux/amd64'] });
  expect(outcomes).toEqual({ 'mirror.test/app:one': 'created', 'mirror.test/app:two': 'created' });
  expect(stored(store, index, amd64, arm64, s390x)).toEqual([true, true, false, false]);
  expect(store.json(`${ROOT}_tags/one`)).toMatchObject({ digest: index.digest });
  expect([recorded(store), recorded(store, 'two')]).toEqual([
    ['linux/amd64', 'linux/amd64'],
    ['linux/amd64', 'linux/amd64'],
  ]);
  expect(logged).toEqual([WARNING]);
  expect(source.calls).not.toContain(`manifest ${arm64.digest}`);
  // Each has a config and a layer.
  expect(store.keys('blobs/sha256/').filter((key) => key.startsWith('blobs/')).length).toBe(4);
});

test('an image that is stored for a subset costs no more than a HEAD, and causes no warning', async () => {
  const { source, store, sync } = await begin();
  await sync({ platforms: ['linux/amd64'] });
  const { counts, logged } = await sync({ platforms: ['linux/amd64'] });
  expect(counts).toEqual({ created: 0, failed: 0, moved: 0, unchanged: 1, held: 0, gone: 0, skipped: 0 });
  expect([source.calls, logged]).toEqual([['resolve one'], []]);
  expect(store.calls.filter((call) => call.startsWith('put')).toSorted()).toEqual(
    ['last-run', 'overview', 'runs'].map((name) => `put state/default/${name}.json`),
  );
});

test('a subset that covers all of an index is not recorded as a subset', async () => {
  const { store, sync } = await begin();
  const { logged } = await sync({
    platforms: ['linux/amd64', 'linux/arm64', 'linux/riscv64', 'linux/s390x'],
  });
  expect([recorded(store), logged]).toEqual([[undefined, undefined], []]);
});

test('a subset that grew fills in what is missing, even if the tag did not move', async () => {
  const { source, store, sync, index, amd64, arm64, s390x } = await begin();
  await sync({ platforms: ['linux/amd64'] });
  const before = store.json(`${ROOT}_tags/one`);
  const { counts } = await sync({ platforms: ['linux/amd64', 'linux/arm64'], referrersEveryMs: false });
  expect(counts).toEqual({ created: 0, failed: 0, moved: 0, unchanged: 1, held: 0, gone: 0, skipped: 0 });
  expect(stored(store, index, amd64, arm64, s390x)).toEqual([true, true, true, false]);
  expect(recorded(store)).toEqual(['linux/amd64,linux/arm64', 'linux/amd64,linux/arm64']);
  // The index and the stored children come from the bucket.
  expect(source.calls.filter((call) => call.startsWith('manifest'))).toEqual([`manifest ${arm64.digest}`]);
  // The tag's digest did not change, but its ETag did, because its record did.
  expect(store.json(`${ROOT}_tags/one`)).toMatchObject({ digest: index.digest });
  expect(store.json(`${ROOT}_tags/one`)).not.toEqual(before);
  expect(store.keys(`${ROOT}_history/one/`).map((key) => store.json(key))[1]).toMatchObject({
    from: index.digest,
    to: index.digest,
    why: 'other platforms',
  });
  expect((await sync({ platforms: ['linux/amd64', 'linux/arm64'] })).counts.unchanged).toBe(1);
});

test('a fill waits its turn at an upstream that counts manifests, and an image with nothing to fill in does not', async () => {
  const { source, sync } = await begin();
  await sync({ platforms: ['linux/amd64'] });
  let turns = 0;
  const upstream: MemorySource['upstream'] = {
    name: 'upstream.test',
    askTime: async () => {},
    inTurn: (task) => {
      turns += 1;
      return task();
    },
    report: () => ({
      name: 'source.test',
      requests: { heads: 0, manifestGets: 0, blobGets: 0, lists: 0 },
      quotas: [],
      exhausted: undefined,
    }),
  };
  source.upstream = upstream;
  await sync({ platforms: ['linux/amd64'] });
  expect(turns).toBe(0);
  await sync({ platforms: ['linux/arm64'] });
  expect(turns).toBe(1);
});

test('a run without a subset after one with a subset fills in the rest and removes the record', async () => {
  const { source, store, sync, arm64, s390x } = await begin();
  await sync({ platforms: ['linux/amd64'] });
  const { logged } = await sync({});
  expect(stored(store, arm64, s390x)).toEqual([true, true]);
  expect([recorded(store), logged]).toEqual([[undefined, undefined], []]);
  await sync({});
  expect(source.calls).toEqual(['resolve one']);
});

test('a narrower subset deletes nothing, and the wider record stays until the tag moves', async () => {
  const { content, source, store, sync, arm64 } = await begin();
  await sync({ platforms: ['linux/amd64', 'linux/arm64'] });
  await sync({ platforms: ['linux/amd64'] });
  expect(source.calls).toEqual(['resolve one']);
  expect(recorded(store)).toEqual(['linux/amd64,linux/arm64', 'linux/amd64,linux/arm64']);
  expect(stored(store, arm64)).toEqual([true]);
  const next = await build(content, 'next');
  tagAs(content, next.index, 'one');
  await sync({ platforms: ['linux/amd64'] });
  expect(recorded(store)).toEqual(['linux/amd64', 'linux/amd64']);
  expect(stored(store, next.amd64, next.arm64)).toEqual([true, false]);
});

test('another subset is added to what is stored', async () => {
  const { store, sync, amd64, arm64, s390x } = await begin();
  await sync({ platforms: ['linux/amd64'] });
  await sync({ platforms: ['linux/s390x'] });
  expect(recorded(store)).toEqual(['linux/amd64,linux/s390x', 'linux/amd64,linux/s390x']);
  expect(stored(store, amd64, arm64, s390x)).toEqual([true, false, true]);
});

test('a subset of an image that is mirrored whole fetches nothing', async () => {
  const { source, store, sync, arm64 } = await begin();
  await sync({});
  await sync({ platforms: ['linux/amd64'] });
  expect([source.calls, recorded(store)]).toEqual([['resolve one'], [undefined, undefined]]);
  expect(stored(store, arm64)).toEqual([true]);
});

test('a fill that fails leaves the record, and the next run completes it', async () => {
  const { content, store, sync, arm64 } = await begin();
  await sync({ platforms: ['linux/amd64'] });
  const lost = content.manifests.get(arm64.digest);
  content.manifests.delete(arm64.digest);
  const { outcomes } = await sync({});
  expect(outcomes).toEqual({
    'mirror.test/app:one': `source.test/app has no manifest ${arm64.digest}.`,
  });
  expect(recorded(store)).toEqual(['linux/amd64', 'linux/amd64']);
  if (lost !== undefined) content.manifests.set(arm64.digest, lost);
  expect((await sync({})).outcomes).toEqual({});
  expect(recorded(store)).toEqual([undefined, undefined]);
});

test('a run that dies between the tag and the index leaves an index with too few platforms, and the next run repairs it', async () => {
  const { store, sync } = await begin();
  await sync({ platforms: ['linux/amd64'] });
  store.before = (call, key) => {
    if (call === 'put' && key === `${ROOT}_index.json`) throw new Error('killed');
  };
  await sync({ platforms: ['linux/arm64'] });
  store.before = () => {};
  expect(recorded(store)).toEqual(['linux/amd64,linux/arm64', 'linux/amd64']);
  await sync({ platforms: ['linux/arm64'] });
  expect(recorded(store)).toEqual(['linux/amd64,linux/arm64', 'linux/amd64,linux/arm64']);
  expect(store.keys(`${ROOT}_history/one/`).length).toBe(2);
});

test('a fill without an index is recorded in the history as a fill, because upstream has not moved', async () => {
  const { store, sync } = await begin();
  await sync({ platforms: ['linux/amd64'] });
  store.objects.delete(`${ROOT}_index.json`);
  await sync({ platforms: ['linux/arm64'] });
  expect(recorded(store)).toEqual(['linux/amd64,linux/arm64', 'linux/amd64,linux/arm64']);
  const [, last = ''] = store.keys(`${ROOT}_history/one/`);
  expect(store.json(last)).toMatchObject({ why: 'other platforms' });
});

test('a fill does not point back a tag that another run has moved, and the next run looks at that tag anew', async () => {
  const { content, store, sync, index } = await begin();
  await sync({ platforms: ['linux/amd64'] });
  const mine = store.objects.get(`${ROOT}_index.json`);
  tagAs(content, (await build(content, 'next')).index, 'one');
  await sync({ platforms: ['linux/amd64'] });
  const theirs = store.json(`${ROOT}_tags/one`);
  // The index is as before the other run, and upstream is back at its earlier digest.
  if (mine !== undefined) store.objects.set(`${ROOT}_index.json`, mine);
  tagAs(content, index, 'one');
  expect((await sync({})).outcomes).toEqual({
    'mirror.test/app:one':
      'mirror.test/app:one is not at the digest where this run expected it. The next run looks at it again.',
  });
  expect(store.json(`${ROOT}_tags/one`)).toEqual(theirs);
  expect((await sync({})).outcomes).toEqual({ 'mirror.test/app:one': 'moved' });
  expect(store.json(`${ROOT}_tags/one`)).toMatchObject({ digest: index.digest });
});

test('an index that one image of a repository has in part, and another image has whole, is stored whole', async () => {
  const { content, source, store, index, amd64, arm64, s390x } = await begin();
  tagAs(content, index, 'two');
  const environment = environmentFor(store);
  const image = (options: ImageOptions) => imageOf(source, 'mirror.test/app', options);
  const images = [
    image({ tags: ['one'], digests: [index.digest], platforms: ['linux/amd64'] }),
    image({ tags: ['two'], digests: [index.digest] }),
  ];
  for (const order of [images, images.toReversed(), images]) {
    await runMirror(environment, 'default', order);
    expect(stored(store, index, amd64, arm64, s390x)).toEqual([true, true, true, true]);
    expect([recorded(store), recorded(store, 'two')]).toEqual([
      ['linux/amd64', 'linux/amd64'],
      [undefined, undefined],
    ]);
    const pin = entries(store).find(({ annotations }) => annotations['dev.lifeboat.kind'] === 'pin');
    expect(pin?.annotations['dev.lifeboat.platforms']).toBeUndefined();
  }
});

test('a pin that another image stores whole meanwhile is not recorded in part', async () => {
  const { content, source, store, index } = await begin();
  const slow = new MemorySource('slow.test/app', content);
  slow.before = async (call) => {
    if (call !== 'referrers') return;
    for (let turn = 0; turn < 500; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  const options = { tags: [], digests: [index.digest] };
  await runMirror(environmentFor(store), 'default', [
    imageOf(slow, 'mirror.test/app', { ...options, platforms: ['linux/amd64'] }),
    imageOf(source, 'mirror.test/app', options),
  ]);
  expect(entries(store).map(({ annotations }) => annotations['dev.lifeboat.platforms'])).toEqual([undefined]);
});

test('a pin records its platforms, and fills in when they change', async () => {
  const { source, store, sync, index, arm64, s390x } = await begin();
  const options = { tags: [], digests: [index.digest] };
  const pin = () => entries(store).map(({ annotations }) => annotations['dev.lifeboat.platforms']);
  await sync({ ...options, platforms: ['linux/amd64'] });
  expect([pin(), stored(store, arm64, s390x)]).toEqual([['linux/amd64'], [false, false]]);
  await sync({ ...options, platforms: ['linux/amd64'] });
  expect(source.calls).toEqual([]);
  const filled = await sync({ ...options, platforms: ['linux/arm64'] });
  expect(filled.counts.unchanged).toBe(1);
  expect([pin(), stored(store, arm64, s390x)]).toEqual([['linux/amd64,linux/arm64'], [true, false]]);
});

test('a run that fetches new referrers of a subset neither asks for nor fetches the platforms that are left out', async () => {
  const { content, source, store, clock, sync, amd64, arm64 } = await begin();
  await sync({ platforms: ['linux/amd64'] });
  expect(source.calls).not.toContain(`referrers ${arm64.digest}`);
  const sbom = addArtifact(content, { artifactType: SPDX, subject: amd64 });
  clock.advance(DAY);
  await sync({ platforms: ['linux/amd64'] });
  expect(stored(store, sbom, arm64)).toEqual([true, false]);
  expect(recorded(store)).toEqual(['linux/amd64', 'linux/amd64']);
});

test('a referrer that is an index is whole, whatever the platforms', async () => {
  const { content, store, sync, index } = await begin();
  const other = addImage(content, { platform: ARM64, layers: [await addLayer(content, 'other')] });
  const referrer = addIndex(content, [other], { subject: index, artifactType: SPDX });
  await sync({ platforms: ['linux/amd64'] });
  expect(stored(store, referrer, other)).toEqual([true, true]);
});

test('nested indexes are entered, and a subset is matched against all of them as a whole', async () => {
  const { content, store, sync, index, amd64, arm64 } = await begin();
  const image = addImage(content, { platform: S390X, layers: [await addLayer(content, 'outer')] });
  tagAs(content, addIndex(content, [index, image]), 'one');
  const { outcomes } = await sync({ platforms: ['linux/arm64'] });
  expect(outcomes).toEqual({ 'mirror.test/app:one': 'created' });
  expect(stored(store, index, arm64, amd64, image)).toEqual([true, true, false, false]);
  expect(recorded(store)).toEqual(['linux/arm64', 'linux/arm64']);
});

test('an image without an index is always mirrored', async () => {
  const { content, store, sync, s390x } = await begin();
  tagAs(content, s390x, 'one');
  const { outcomes } = await sync({ platforms: ['linux/amd64'] });
  expect(outcomes).toEqual({ 'mirror.test/app:one': 'created' });
  expect(recorded(store)).toEqual([undefined, undefined]);
});

test('a tag with nothing for the wanted platforms fails and names its platforms, and nothing of it is visible', async () => {
  const { content, store, sync, index } = await begin();
  const other = addImage(content, {
    platform: { os: 'linux', architecture: 'riscv64' },
    layers: [await addLayer(content, 'other')],
  });
  tagAs(content, addIndex(content, [other]), 'two');
  const { outcomes } = await sync({ tags: ['one', 'two'], platforms: ['linux/riscv64'] });
  expect(outcomes).toEqual({
    'mirror.test/app:one': `source.test/app: ${index.digest} has nothing for linux/riscv64. It has: linux/amd64, linux/arm64, linux/s390x. Change "platforms" at the image.`,
    'mirror.test/app:two': 'created',
  });
  expect(stored(store, index)).toEqual([false]);
  expect(store.keys('/_tags/')).toEqual([`${ROOT}_tags/two`]);
});

test('an index without the wanted platforms may be a part of another index, and fails as a tag of its own', async () => {
  const { content, store, sync, index } = await begin();
  const image = addImage(content, {
    platform: { os: 'linux', architecture: 'riscv64' },
    layers: [await addLayer(content, 'outer')],
  });
  tagAs(content, addIndex(content, [index, image]), 'outer');
  const options = { tags: ['outer', 'one'], platforms: ['linux/riscv64'] };
  expect((await sync(options)).outcomes).toEqual({
    'mirror.test/app:outer': 'created',
    'mirror.test/app:one': expect.stringContaining('has nothing for linux/riscv64.'),
  });
  expect(store.keys('/_tags/')).toEqual([`${ROOT}_tags/outer`]);
});

test('a plan counts what a subset costs, and what it costs to fill it in', async () => {
  const { source, store, sync } = await begin();
  const plan = async (platforms: readonly string[]) => {
    const image = imageOf(source, 'mirror.test/app', { tags: ['one'], platforms });
    const { images } = await planMirror(environmentFor(store), 'default', [image]);
    return images.map(({ cost }) => cost.bytes > 0);
  };
  expect([await plan(['linux/amd64']), store.objects.size]).toEqual([[true], 0]);
  await sync({ platforms: ['linux/amd64'] });
  expect([await plan(['linux/amd64']), await plan(['linux/arm64'])]).toEqual([[false], [true]]);
});
