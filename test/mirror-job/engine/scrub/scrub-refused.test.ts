/** A store that refuses some objects does not keep the scrub from the others. */
import { expect, test } from 'vitest';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';

import { blob, messages, path, ROOT, Scene, STATE } from './scrub-scene.ts';

/** 60 images, of which no two share a blob. */
async function sceneOf60(): Promise<Scene> {
  const scene = new Scene();
  for (let index = 0; index < 60; index += 1) await scene.image(`image-${index}`, `image-${index}`);
  await scene.run();
  await scene.startAgain();
  return scene;
}

/** @returns the outcome of each of some runs over a store that refuses one key */
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

test('a store that fails during the scrub fails no image; there is one warning, and a later run checks again', async () => {
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

test.each([
  ['manifest', ['/_manifests/']],
  ['list of referrers', ['/_referrers/']],
  ['manifest and every list of referrers', ['/_manifests/', '/_referrers/']],
])('a store that refuses every %s is not asked for all of them', async (_what, folders) => {
  const scene = await sceneOf60();
  scene.store.before = (call, key) => {
    if (call === 'get' && folders.some((folder) => key.includes(folder))) throw new StoreError('It is away.');
  };
  await scene.run();
  // One warning per manifest whose turn has come. Some are read ahead.
  expect(scene.environment.logged).toEqual([refusal('It is away.', 8)]);
  expect(scene.calls(`get ${ROOT}/_manifests/`).length).toBeLessThanOrEqual(16);
  const [repository, root] = scene.after();
  expect([repository, root]).toEqual(['mirror.test/app', scene.digests()[7]]);
});

test('a manifest that is known to be lost, and that the store refuses, is counted once', async () => {
  const scene = new Scene();
  const { image } = await scene.image('a', 'latest');
  await scene.run();
  const key = `${ROOT}/_manifests/${path(image)}`;
  scene.lose(key);
  scene.upstream.manifests.delete(image.digest);
  expect((await scene.run()).findings.length).toBe(1);
  scene.store.before = (call, of) => {
    if (call === 'get' && of === key) throw new StoreError('403 for it.');
  };
  await scene.run();
  expect(scene.environment.logged).toEqual([refusal('403 for it.')]);
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

test('an object that is known to be lost stays so while the store refuses it', async () => {
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
