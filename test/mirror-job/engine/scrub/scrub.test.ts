/** A later run finds the objects that a store has lost, names them and fetches them again. */
import { expect, test } from 'vitest';
import { LargeObjectError } from '../../../../mirror-job/engine/store/large-object-error.ts';
import { planMirror } from '../../../../mirror-job/engine/run/plan.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import {
  addImage,
  addIndex,
  addJson,
  addLayer,
  addManifest,
  addStreamedLayer,
  AMD64,
  ARM64,
  tagAs,
} from '../../../support/builder.ts';
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from '../../../support/media-types.ts';
import { environmentFor, imageOf } from '../../support/harness.ts';
import { Mirror, move, pairOf } from '../replication/several-stores.ts';

import { AGAIN, blob, messages, path, ROOT, Scene, STATE } from './scrub-scene.ts';

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

test('a lost object that upstream lacks too is a finding of each run until it can be fetched', async () => {
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
  // Each later run checks it, wherever it is with the others.
  for (const _ of [1, 2, 3, 4]) expect(messages((await scene.run()).findings)).toEqual([said]);
  if (content !== undefined) scene.upstream.blobs.set(layer.digest, content);
  expect(messages((await scene.run()).findings)).toEqual([
    `mirror.test/app:latest@${image.digest}: The bucket in memory has lost the blob ${layer.digest}. ${AGAIN}`,
  ]);
  for (const _ of [1, 2, 3, 4]) expect((await scene.run()).findings).toEqual([]);
});

test('a run checks at most 32 blobs, and the next one goes on from there', async () => {
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
      names.map((name) => imageOf(scene.source, name, { referrersEveryMs: false })),
    );
    // The first run finds nothing in the first 16, and passes on.
    if (turn === 0) continue;
    expect(scene.calls('size blobs/').length).toBe([0, 32, 16, 32][turn]);
    for (const call of scene.calls('size repositories/')) seen.add(call);
  }
  // Two blobs in each of the repositories.
  expect([seen.size, blobs.length]).toEqual([80, 2]);
});

test('each run checks all of a small mirror, and writes nothing for that', async () => {
  const scene = new Scene();
  await scene.image('a', 'latest');
  await scene.run();
  for (const _ of [1, 2]) {
    await scene.run();
    expect(scene.calls('size blobs/').length).toBe(2);
    expect(scene.calls('put ').toSorted()).toEqual(
      ['last-run', 'overview', 'runs'].map((name) => `put state/default/${name}.json`),
    );
  }
});

test('platforms that are not mirrored and foreign layers are not lost', async () => {
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

test('a plan does not check stored blobs', async () => {
  const scene = new Scene();
  const { layer } = await scene.image('a', 'latest');
  await scene.run();
  scene.lose(blob(layer));
  scene.store.calls.length = 0;
  const { findings } = await planMirror(environmentFor(scene.store), 'default', [
    imageOf(scene.source, 'mirror.test/app', { referrersEveryMs: false }),
  ]);
  expect([findings, scene.calls('put ', 'size ', `get ${STATE}`)]).toEqual([[], []]);
});

test('a lost object that upstream does not show to everybody is not fetched again into a public bucket', async () => {
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

test('each of several stores is checked, the one that lost a blob is named, and both are whole again', async () => {
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

test('a record of the scrub that is too large to be read is replaced', async () => {
  const scene = new Scene();
  await scene.image('a', 'latest');
  await scene.run();
  const after = scene.after();
  await scene.store.put(STATE, Buffer.from('too large'), { contentType: 'application/json' });
  const { etag = '' } = scene.store.objects.get(STATE) ?? {};
  scene.store.before = (call, key) => {
    if (call === 'get' && key === STATE && scene.store.objects.get(STATE)?.etag === etag)
      throw new LargeObjectError(scene.store.name, STATE, etag);
  };
  await scene.run();
  expect(scene.environment.logged).toEqual([]);
  expect(scene.calls('size blobs/').length).toBe(2);
  expect(scene.after()).toEqual(after);
});

test('the scrub begins again if its record cannot be read', async () => {
  const scene = new Scene();
  await scene.image('a', 'latest');
  await scene.run();
  for (const text of [
    '',
    '[]',
    '{"after":[1],"lost":[]}',
    '{"after":[],"lost":{}}',
    '{"after":["~"],"lost":[{}]}',
    `{"after":["mirror.test/app","~"],"lost":[],"x":[${'{},'.repeat(5000)}{}]}`,
  ]) {
    await scene.store.put(STATE, Buffer.from(text), { contentType: 'application/json' });
    expect((await scene.run()).findings).toEqual([]);
    expect(scene.calls('size blobs/').length).toBe(2);
  }
});
