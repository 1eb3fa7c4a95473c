/** What a store has lost is found by a later run, named, and fetched again. */
import { expect, test } from 'vitest';
import { parseDigest } from '../../core/digest.ts';
import { parseRepository } from '../../core/reference.ts';
import type { Environment } from '../../mirror-job/engine/environment.ts';
import { planMirror } from '../../mirror-job/engine/plan.ts';
import type { Finding } from '../../mirror-job/engine/report.ts';
import { runMirror } from '../../mirror-job/engine/run.ts';
import { ReadBudget, ScrubWalk } from '../../mirror-job/engine/scrub-walk.ts';
import { StoreError } from '../../mirror-job/engine/store.ts';
import {
  addArtifact,
  addImage,
  addIndex,
  addJson,
  addLayer,
  addManifest,
  addStreamedLayer,
  AMD64,
  ARM64,
  tagAs,
  type Descriptor,
} from '../support/builder.ts';
import { emptyRepository, type Repository } from '../support/content.ts';
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, SPDX } from '../support/media-types.ts';
import { environmentFor, imageOf, TestClock, type ImageOptions } from './harness.ts';
import { MemorySource } from './memory-source.ts';
import { MemoryStore } from './memory-store.ts';
import { Mirror, move, pairOf } from './several-stores.ts';

const ROOT = 'repositories/mirror.test/app';
const STATE = 'state/default/scrub.json';

class Scene {
  readonly upstream: Repository = emptyRepository();
  readonly source = new MemorySource('source.test/app', this.upstream);
  readonly store = new MemoryStore();
  readonly clock = new TestClock();
  environment = environmentFor(this.store);

  /** An hour later. Without referrers, unless they are asked for: nothing but the scrub looks at what is stored. */
  async run(options: ImageOptions = {}, more: Partial<Environment> = {}) {
    this.clock.advance(3_600_000);
    this.store.calls.length = 0;
    this.source.calls.length = 0;
    this.environment = environmentFor(this.store, { clock: this.clock });
    const images = [imageOf(this.source, 'mirror.test/app', { referrersEvery: false, ...options })];
    return runMirror({ ...this.environment, ...more }, 'default', images);
  }

  async image(seed: string, ...tags: string[]): Promise<{ image: Descriptor; layer: Descriptor }> {
    const layer = await addLayer(this.upstream, seed);
    const image = addImage(this.upstream, { layers: [layer] });
    tagAs(this.upstream, image, ...tags);
    return { image, layer };
  }

  lose(...keys: string[]): void {
    for (const key of keys) {
      if (!this.store.objects.delete(key)) throw new Error(`There is no ${key}.`);
    }
  }

  /** The next run begins with the first object. */
  async startAgain(): Promise<void> {
    await this.store.put(STATE, Buffer.from('{"after":[],"lost":[]}'), { contentType: 'application/json' });
  }

  /** How far the scrub has come. */
  after(): readonly string[] {
    const { bytes } = this.store.objects.get(STATE) ?? {};
    const record: { after: string[] } = JSON.parse(Buffer.from(bytes ?? '{"after":[]}').toString());
    return record.after;
  }

  /** Of the tags' manifests, in order. */
  digests(): readonly string[] {
    return [...this.upstream.tags.values()].toSorted();
  }

  calls(...kinds: string[]): string[] {
    return this.store.calls.filter((call) => kinds.some((kind) => call.startsWith(kind)));
  }
}

const path = ({ digest }: Pick<Descriptor, 'digest'>): string => digest.replace(':', '/');
const blob = (one: Pick<Descriptor, 'digest'>): string => `blobs/${path(one)}`;
const messages = (findings: readonly Finding[]): string[] => findings.map(({ message }) => message);

const AGAIN =
  'It was fetched again from source.test/app. Ask the provider of the store why it was lost: other objects may be missing too.';

test('a blob that the store lost is a finding with image and digest, and is fetched again in the same run', async () => {
  const scene = new Scene();
  const { image, layer } = await scene.image('a', 'latest');
  await scene.run();
  expect((await scene.run()).findings).toEqual([]);
  const before = scene.store.objects.get(blob(layer));
  scene.lose(blob(layer));
  expect((await scene.run()).findings).toEqual([
    {
      kind: 'object-lost',
      repository: 'mirror.test/app',
      tag: 'latest',
      message: `mirror.test/app:latest@${image.digest}: The bucket in memory has lost the blob ${layer.digest}. ${AGAIN}`,
    },
  ]);
  expect(scene.store.objects.get(blob(layer))).toEqual(before);
  expect(scene.source.calls).toEqual(['tags', 'resolve latest', `blob ${layer.digest} 0`]);
  expect((await scene.run()).findings).toEqual([]);
});

test('a blob of another size is a finding too, and is written anew', async () => {
  const scene = new Scene();
  const { image, layer } = await scene.image('a', 'latest');
  await scene.run();
  const before = scene.store.objects.get(blob(layer));
  if (before === undefined) throw new Error('It is stored.');
  scene.store.objects.set(blob(layer), { ...before, bytes: before.bytes.slice(1) });
  expect(messages((await scene.run()).findings)).toEqual([
    `mirror.test/app:latest@${image.digest}: The bucket in memory has ${layer.size - 1} bytes instead of ${layer.size} of the blob ${layer.digest}. ${AGAIN}`,
  ]);
  expect(scene.store.objects.get(blob(layer))).toEqual(before);
});

test('a lost link and lost manifests are findings, and are there again after the run', async () => {
  const scene = new Scene();
  const layer = await addLayer(scene.upstream, 'a');
  const child = addImage(scene.upstream, { layers: [layer], platform: AMD64 });
  const other = addImage(scene.upstream, { layers: [layer], platform: ARM64 });
  const index = addIndex(scene.upstream, [child, other]);
  tagAs(scene.upstream, index, 'latest');
  await scene.run();
  const whole = new Map(scene.store.objects);
  const name = `mirror.test/app:latest@${index.digest}`;
  const lost = async (key: string): Promise<string[]> => {
    scene.lose(key);
    const found = messages((await scene.run()).findings);
    expect(scene.store.objects.get(key)).toEqual(whole.get(key));
    return found;
  };
  expect(await lost(`${ROOT}/_blobs/${path(layer)}`)).toEqual([
    `${name}: The bucket in memory has lost the link to the blob ${layer.digest}. ${AGAIN}`,
  ]);
  expect(await lost(`${ROOT}/_manifests/${path(child)}`)).toEqual([
    `${name}: The bucket in memory has lost the manifest ${child.digest}. ${AGAIN}`,
  ]);
  expect(await lost(`${ROOT}/_manifests/${path(index)}`)).toEqual([
    `${name}: The bucket in memory has lost the manifest ${index.digest}. ${AGAIN}`,
  ]);
});

test('signatures and SBOMs that refer to an image are looked at with it', async () => {
  const scene = new Scene();
  const { image } = await scene.image('a', 'latest');
  const sbom = addJson(scene.upstream, SPDX, { spdxVersion: 'SPDX-2.3' });
  addArtifact(scene.upstream, { artifactType: SPDX, subject: image, layers: [sbom] });
  await scene.run({ referrersEvery: 1 });
  scene.lose(blob(sbom));
  expect(messages((await scene.run()).findings)).toEqual([
    `mirror.test/app:latest@${image.digest}: The bucket in memory has lost the blob ${sbom.digest}. ${AGAIN}`,
  ]);
});

test('what refers to a platform’s manifest, or to an SBOM, is looked at too, and fetched again', async () => {
  const scene = new Scene();
  const layer = await addLayer(scene.upstream, 'a');
  const child = addImage(scene.upstream, { layers: [layer], platform: AMD64 });
  const other = addImage(scene.upstream, { layers: [layer], platform: ARM64 });
  const index = addIndex(scene.upstream, [child, other]);
  tagAs(scene.upstream, index, 'latest');
  const refer = (subject: Descriptor, version: number) => {
    const content = addJson(scene.upstream, SPDX, { version });
    return {
      content,
      artifact: addArtifact(scene.upstream, { artifactType: SPDX, subject, layers: [content] }),
    };
  };
  const ofChild = refer(child, 1);
  const ofIndex = refer(index, 2);
  const ofReferrer = refer(ofIndex.artifact, 3);
  await scene.run({ referrersEvery: 1 });
  for (const { content } of [ofChild, ofReferrer]) {
    scene.lose(blob(content));
    expect(messages((await scene.run()).findings)).toEqual([
      `mirror.test/app:latest@${index.digest}: The bucket in memory has lost the blob ${content.digest}. ${AGAIN}`,
    ]);
    expect(scene.store.objects.has(blob(content))).toBe(true);
  }
  for (const { artifact } of [ofChild, ofReferrer]) {
    scene.lose(`${ROOT}/_manifests/${path(artifact)}`);
    expect(messages((await scene.run()).findings)).toEqual([
      `mirror.test/app:latest@${index.digest}: The bucket in memory has lost the manifest ${artifact.digest}. ${AGAIN}`,
    ]);
  }
  expect((await scene.run()).findings).toEqual([]);
});

test('a list of referrers that goes round in a circle, or deeper than eight levels, is not followed for ever', async () => {
  const scene = new Scene();
  const { image } = await scene.image('a', 'latest');
  const chain = [image];
  for (let index = 0; index < 10; index += 1) {
    const content = addJson(scene.upstream, SPDX, { index });
    const subject = chain.at(-1) ?? image;
    chain.push(addArtifact(scene.upstream, { artifactType: SPDX, subject, layers: [content] }));
  }
  await scene.run({ referrersEvery: 1 });
  const listOf = (one: Descriptor) => `${ROOT}/_referrers/${path(one)}`;
  const manifestOf = (one: Descriptor) => `${ROOT}/_manifests/${path(one)}`;
  await scene.run();
  const read = (): boolean[] => chain.map((one) => scene.calls(`get ${manifestOf(one)}`).length === 1);
  // The image and eight levels, which are all that are mirrored.
  const isWithin = chain.map((_, index) => index <= 8);
  expect(read()).toEqual(isWithin);
  expect(scene.calls(`get ${ROOT}/_referrers/`).length).toBe(8);

  const [first, second] = [chain[1] ?? image, chain[2] ?? image];
  const list = scene.store.objects.get(listOf(image));
  if (list === undefined) throw new Error('It is stored.');
  scene.store.objects.set(listOf(first), list);
  await scene.run();
  expect(read()).toEqual(chain.map((one) => one === image || one === first));
  expect(scene.calls(`get ${manifestOf(second)}`)).toEqual([]);
});

test('manifests that are nested deeper than the reads of a run do not hold up the check of the others', async () => {
  const { upstream, store } = new Scene();
  let nested = addImage(upstream, { layers: [], platform: AMD64 });
  for (let depth = 0; depth < 40; depth += 1) nested = addIndex(upstream, [nested]);
  const image = addImage(upstream, { layers: [await addLayer(upstream, 'a')] });
  for (const [digest, { bytes, mediaType }] of upstream.manifests) {
    await store.put(`${ROOT}/_manifests/${path({ digest })}`, bytes, { contentType: mediaType });
  }
  const roots = [nested, image].map(({ digest }) => ({ digest: parseDigest(digest), platforms: undefined }));
  const seen: string[] = [];
  let after: readonly string[] = [];
  for (const _ of [1, 2]) {
    const budget = new ReadBudget(32);
    const walk = new ScrubWalk(store, parseRepository('mirror.test/app'), budget, () => {});
    for await (const step of walk.steps(roots, after)) {
      after = step.path;
      seen.push(step.digest);
    }
  }
  for (const { digest } of [nested, image]) expect(seen).toContain(digest);
});

test('what upstream does not have any more stays a finding of each run, until it can be fetched', async () => {
  const scene = new Scene();
  const { image, layer } = await scene.image('a', 'latest');
  for (let index = 0; index < 40; index += 1) await scene.image(`other-${index}`, `other-${index}`);
  await scene.run();
  scene.lose(blob(layer));
  const content = scene.upstream.blobs.get(layer.digest);
  scene.upstream.blobs.delete(layer.digest);
  const said = `mirror.test/app:latest@${image.digest}: The bucket in memory has lost the blob ${layer.digest}. It could not be fetched again: source.test/app has no blob ${layer.digest}. Pulls of this image may fail until a run can fetch it; each run tries again.`;
  let first = 0;
  while (first < 4 && (await scene.run()).findings.length === 0) first += 1;
  // All runs from then on, wherever they are with the others.
  for (const _ of [1, 2, 3, 4]) expect(messages((await scene.run()).findings)).toEqual([said]);
  if (content !== undefined) scene.upstream.blobs.set(layer.digest, content);
  expect(messages((await scene.run()).findings)).toEqual([
    `mirror.test/app:latest@${image.digest}: The bucket in memory has lost the blob ${layer.digest}. ${AGAIN}`,
  ]);
  for (const _ of [1, 2, 3, 4]) expect((await scene.run()).findings).toEqual([]);
});

test('a run looks at 32 blobs at most, however many there are, and the next one goes on from there', async () => {
  const scene = new Scene();
  const layers = await Promise.all(
    Array.from({ length: 50 }, (_, index) => addStreamedLayer(scene.upstream, `layer-${index}`, 100)),
  );
  tagAs(scene.upstream, addImage(scene.upstream, { layers }), 'large');
  for (let index = 0; index < 20; index += 1) await scene.image(`image-${index}`, `image-${index}`);
  await scene.run();
  const blobs = new Set(scene.store.keys('blobs/').filter((key) => key.startsWith('blobs/')));
  expect(blobs.size).toBe(91);
  const seen: string[][] = [];
  for (const _ of [1, 2, 3]) {
    expect((await scene.run()).findings).toEqual([]);
    const looked = scene.calls('size blobs/').map((call) => call.slice('size '.length));
    expect(new Set(looked).size).toBe(looked.length);
    expect(scene.calls('size ').length).toBe(2 * looked.length);
    expect(scene.calls(`get ${ROOT}/_manifests/`).length).toBeLessThanOrEqual(32);
    expect(scene.calls(`get ${ROOT}/_referrers/`).length).toBeLessThanOrEqual(32);
    seen.push(looked);
  }
  expect(seen.map(({ length }) => length)).toEqual([32, 32, 27]);
  expect(new Set(seen.flat())).toEqual(blobs);
  await scene.run();
  expect(scene.calls('size blobs/').toSorted()).toEqual(seen[0]?.map((key) => `size ${key}`).toSorted());
});

test('the repositories take turns, and the reads of a run do not grow with their number', async () => {
  const scene = new Scene();
  const names = Array.from({ length: 40 }, (_, index) => `mirror.test/app-${String(index).padStart(2, '0')}`);
  await scene.image('a', 'latest');
  const blobs = [...scene.upstream.blobs.keys()].map((digest) => blob({ digest }));
  const seen = new Set<string>();
  for (const turn of [0, 1, 2, 3]) {
    scene.store.calls.length = 0;
    await runMirror(
      environmentFor(scene.store),
      'default',
      names.map((name) => imageOf(scene.source, name, { referrersEvery: false })),
    );
    // The first run finds nothing in the first 16, and passes on.
    if (turn === 0) continue;
    expect(scene.calls('size blobs/').length).toBe([0, 32, 16, 32][turn]);
    for (const call of scene.calls('size repositories/')) seen.add(call);
  }
  // Two blobs in each of the repositories.
  expect([seen.size, blobs.length]).toEqual([80, 2]);
});

test('a small mirror is looked at whole in each run, and nothing is written for that', async () => {
  const scene = new Scene();
  await scene.image('a', 'latest');
  await scene.run();
  for (const _ of [1, 2]) {
    await scene.run();
    expect(scene.calls('size blobs/').length).toBe(2);
    expect(scene.calls('put ')).toEqual(['put state/default/last-run.json']);
  }
});

test('platforms that are not mirrored, and layers that are kept elsewhere, are not missed', async () => {
  const scene = new Scene();
  const config = addJson(scene.upstream, OCI_CONFIG, { ...AMD64, rootfs: { type: 'layers', diff_ids: [] } });
  const foreign = {
    mediaType: OCI_LAYER,
    digest: `sha256:${'f'.repeat(64)}`,
    size: 7,
    urls: ['https://elsewhere.test/layer'],
  };
  const amd64 = {
    ...addManifest(scene.upstream, { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [foreign] }),
    platform: AMD64,
  };
  const arm64 = addImage(scene.upstream, {
    layers: [await addLayer(scene.upstream, 'arm64')],
    platform: ARM64,
  });
  tagAs(scene.upstream, addIndex(scene.upstream, [amd64, arm64]), 'latest');
  const options = { platforms: ['linux/amd64'] };
  await scene.run(options);
  expect(scene.store.keys(path(arm64))).toEqual([]);
  expect((await scene.run(options)).findings).toEqual([]);
  expect(scene.calls('size blobs/')).toContain(`size ${blob(foreign)}`);
});

test('a plan does not look at stored blobs', async () => {
  const scene = new Scene();
  const { layer } = await scene.image('a', 'latest');
  await scene.run();
  scene.lose(blob(layer));
  scene.store.calls.length = 0;
  const { findings } = await planMirror(environmentFor(scene.store), 'default', [
    imageOf(scene.source, 'mirror.test/app', { referrersEvery: false }),
  ]);
  expect([findings, scene.calls('put ', 'size ', `get ${STATE}`)]).toEqual([[], []]);
});

test('what upstream does not show to everybody is not fetched again into a public bucket', async () => {
  const scene = new Scene();
  const { image, layer } = await scene.image('a', 'latest');
  await scene.run({ mustBePublic: true });
  scene.lose(blob(layer));
  scene.source.isShown = false;
  expect(messages((await scene.run({ mustBePublic: true })).findings)).toEqual([
    `mirror.test/app:latest@${image.digest}: The bucket in memory has lost the blob ${layer.digest}. It could not be fetched again: source.test/app does not show ${image.digest} to anonymous callers. Pulls of this image may fail until a run can fetch it; each run tries again.`,
  ]);
  expect(scene.store.objects.has(blob(layer))).toBe(false);
});

test('each of several stores is looked at, the one that lost a blob is named, and both are whole again', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  await mirror.run();
  await move(mirror.repository, 'one', 'moved');
  await mirror.run();
  for (const [store, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const key = store.keys('blobs/').find((one) => one.startsWith('blobs/')) ?? '';
    const before = store.objects.get(key);
    store.objects.delete(key);
    const { findings, stores } = await mirror.run();
    expect(findings.map(({ kind, repository }) => [kind, repository])).toEqual([
      ['object-lost', 'mirror.test/app'],
    ]);
    expect(findings[0]?.message).toContain(`: ${store.name} has lost the blob sha256:`);
    expect(findings[0]?.message).not.toContain(`${other.name} has`);
    expect(store.objects.get(key)).toEqual(before);
    expect(stores?.map(({ state }) => state)).toEqual(['in step', 'in step']);
    expect((await mirror.run()).findings).toEqual([]);
  }
});

/** 60 images, of which no two share a blob. */
async function sceneOf60(): Promise<Scene> {
  const scene = new Scene();
  for (let index = 0; index < 60; index += 1) await scene.image(`image-${index}`, `image-${index}`);
  await scene.run();
  await scene.startAgain();
  return scene;
}

/** What each of some runs does with a store that refuses one key. */
async function runsWhileRefusing(scene: Scene, call: string, key: string, count: number) {
  scene.store.before = (asked, of) => {
    if (asked === call && of === key) throw new StoreError(`403 for ${of}.`);
  };
  const runs = [];
  for (let index = 0; index < count; index += 1) {
    const { findings, counts } = await scene.run();
    runs.push({
      found: findings.length,
      counts: [counts.unchanged, counts.failed],
      logged: scene.environment.logged,
      after: scene.after(),
    });
  }
  return runs;
}

const refusal = (message: string, count = 1): string =>
  `warn: The check of stored objects could not look at ${count === 1 ? 'one of them' : `${count} of them`}, and goes on with the others: ${message} A later run looks again.`;

test('a store that fails meanwhile fails no image: that is said once, and a later run looks again', async () => {
  const scene = new Scene();
  await scene.image('a', 'latest');
  await scene.run();
  scene.store.before = (call, key) => {
    if (call === 'size' && key.startsWith('blobs/')) throw new StoreError(`It is away for ${key}.`);
  };
  const { findings, counts } = await scene.run();
  expect([findings, counts.unchanged, counts.failed]).toEqual([[], 1, 0]);
  expect(scene.environment.logged.map((line) => line.replace(/blobs[^.]+/, 'a blob'))).toEqual([
    refusal('It is away for a blob.', 2),
  ]);
});

test('one blob that the store refuses hides no other that is lost, and does not stop the check', async () => {
  const scene = await sceneOf60();
  await scene.run();
  const [refused = '', lost = ''] = scene
    .calls('size blobs/')
    .slice(5)
    .map((call) => call.slice(5));
  await scene.startAgain();
  scene.lose(lost);
  const runs = await runsWhileRefusing(scene, 'size', refused, 3);
  expect(runs.map(({ found, counts }) => [found, ...counts])).toEqual([
    [1, 60, 0],
    [0, 60, 0],
    [0, 60, 0],
  ]);
  expect(scene.store.objects.has(lost)).toBe(true);
  expect(runs.map(({ logged }) => logged)).toEqual([[refusal(`403 for ${refused}.`)], [], []]);
  const places = runs.map(({ after }) => after.join(' '));
  expect(places).toEqual([...new Set(places)].toSorted());
});

test('one manifest that the store refuses does not stop the check, and is not taken for lost', async () => {
  const scene = await sceneOf60();
  const [refused = ''] = scene.store.keys(`${ROOT}/_manifests/`).toSorted();
  const runs = await runsWhileRefusing(scene, 'get', refused, 2);
  expect(runs.map(({ found, counts, logged }) => [found, ...counts, logged])).toEqual([
    [0, 60, 0, [refusal(`403 for ${refused}.`)]],
    [0, 60, 0, []],
  ]);
  const [first = '', second = ''] = runs.map(({ after }) => after.join(' '));
  expect([first.startsWith('mirror.test/app sha256:'), second > first]).toEqual([true, true]);
});

test('a store that refuses every manifest is not asked for all of them', async () => {
  const scene = await sceneOf60();
  scene.store.before = (call, key) => {
    if (call === 'get' && key.includes('/_manifests/')) throw new StoreError('It is away.');
  };
  await scene.run();
  expect(scene.environment.logged).toEqual([refusal('It is away.', 8)]);
  expect(scene.calls(`get ${ROOT}/_manifests/`).length).toBeLessThanOrEqual(16);
  const [repository, root] = scene.after();
  expect([repository, root]).toEqual(['mirror.test/app', scene.digests()[7]]);
});

test('a record that cannot be written hides no finding', async () => {
  const scene = await sceneOf60();
  await scene.run();
  const [lost = ''] = scene.calls('size blobs/').map((call) => call.slice(5));
  await scene.startAgain();
  scene.lose(lost);
  const [run] = await runsWhileRefusing(scene, 'put', STATE, 1);
  expect([run?.found, run?.logged]).toEqual([
    1,
    [`warn: 403 for ${STATE}. The next run checks the same stored objects again.`],
  ]);
});

test('what is known to be lost stays so while the store refuses it', async () => {
  const scene = new Scene();
  const { image, layer } = await scene.image('a', 'latest');
  await scene.run();
  scene.lose(blob(layer));
  const content = scene.upstream.blobs.get(layer.digest);
  scene.upstream.blobs.delete(layer.digest);
  expect((await scene.run()).findings.length).toBe(1);
  const record = scene.store.objects.get(STATE)?.bytes;
  scene.store.before = (call, key) => {
    if (call === 'size' && key === blob(layer)) throw new StoreError('403 for it.');
  };
  for (const _ of [1, 2]) {
    expect(messages((await scene.run()).findings)).toEqual([
      `mirror.test/app:latest@${image.digest}: The bucket in memory had lost the blob ${layer.digest} in an earlier run, and cannot be asked for it now: 403 for it. Pulls of this image may fail; each run tries again.`,
    ]);
    expect(scene.environment.logged).toEqual([refusal('403 for it.')]);
    expect(scene.store.objects.get(STATE)?.bytes).toEqual(record);
  }
  scene.store.before = () => {};
  if (content !== undefined) scene.upstream.blobs.set(layer.digest, content);
  expect((await scene.run()).findings.length).toBe(1);
  expect((await scene.run()).findings.length).toBe(0);
});

test('a record of the scrub that cannot be read is begun anew', async () => {
  const scene = new Scene();
  await scene.image('a', 'latest');
  await scene.run();
  for (const text of [
    '',
    '[]',
    '{"after":[1],"lost":[]}',
    '{"after":[],"lost":{}}',
    '{"after":["~"],"lost":[{}]}',
  ]) {
    await scene.store.put(STATE, Buffer.from(text), { contentType: 'application/json' });
    expect((await scene.run()).findings).toEqual([]);
    expect(scene.calls('size blobs/').length).toBe(2);
  }
});
