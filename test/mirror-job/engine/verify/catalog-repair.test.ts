/** A catalogue is looked at twice, is repaired by the configuration that it is of, and never says less than is known. */
import { beforeEach, expect, test } from 'vitest';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { repairStore } from '../../../../mirror-job/engine/verify/repair.ts';
import type { StoreResult } from '../../../../mirror-job/engine/verify/verify-store.ts';
import type { StoredObject } from '../../../../mirror-job/engine/store/store.ts';
import { environmentFor, imageOf, TestClock } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { NAME, openStore, VerifyScene } from './verify-scene.ts';

const OWN = `state/${NAME}/catalog.json`;
const OTHER = 'state/two/catalog.json';

let scene: VerifyScene;

/** The configuration `two` mirrors another repository into the same bucket, and the one of `default`, too. */
beforeEach(async () => {
  scene = await VerifyScene.fill();
  const source = new MemorySource('source.test/app', scene.upstream);
  await runMirror(environmentFor(scene.store), 'two', [
    imageOf(source, 'mirror.test/app'),
    imageOf(source, 'mirror.test/two'),
  ]);
});

function write(key: string, text: string): Promise<unknown> {
  return scene.store.put(key, Buffer.from(text), { contentType: 'application/json' });
}

function take(key: string): StoredObject {
  const object = scene.store.objects.get(key);
  if (object === undefined) throw new Error(`There is no ${key}.`);
  scene.store.objects.delete(key);
  return object;
}

function repair({ problems }: StoreResult, selected: readonly string[] = ['mirror.test/app']) {
  return repairStore(environmentFor(scene.store), scene.store, problems, {
    name: NAME,
    images: new Map(),
    others: [],
    openStore,
    selects: (repository) => selected.includes(repository),
  });
}

test('a catalogue that a run writes while the check is under way is no problem', async () => {
  const catalog = take(OTHER);
  expect((await scene.quick()).problems.map(({ key, repositories }) => [key, repositories])).toEqual([
    [OWN, ['mirror.test/two']],
  ]);
  scene.store.before = (call, prefix) => {
    // The second look lists the repository again.
    if (call === 'entries' && prefix !== '') scene.store.objects.set(OTHER, catalog);
  };
  expect((await scene.quick()).problems).toEqual([]);
});

test('a repository that a run publishes after the listing, and its catalogue, are no problem', async () => {
  const later = new Map([...scene.store.objects].filter(([key]) => key.includes('mirror.test/two')));
  const catalog = scene.store.objects.get(OTHER);
  for (const key of later.keys()) scene.store.objects.delete(key);
  await write(OTHER, '{"repositories":["mirror.test/app"]}');
  scene.store.before = (call, key) => {
    if (call !== 'get' || !key.endsWith('catalog.json') || catalog === undefined) return;
    for (const [one, object] of later) scene.store.objects.set(one, object);
    scene.store.objects.set(OTHER, catalog);
  };
  expect((await scene.quick()).problems).toEqual([]);
});

test('a repository that came after the last run ended is what a run is about to list, and is missing when a later run has ended', async () => {
  const run = (hour: string, name: string, repository: string) =>
    runMirror(environmentFor(scene.store, { clock: new TestClock(`2026-01-02T${hour}:00:00.000Z`) }), name, [
      imageOf(new MemorySource('source.test/app', scene.upstream), repository),
    ]);
  await run('01', 'three', 'mirror.test/three');
  for (const key of scene.store.keys('state/three/')) if (!key.includes('/repositories/')) take(key);
  expect((await scene.quick()).problems).toEqual([]);
  await run('02', NAME, 'mirror.test/app');
  expect((await scene.quick()).problems.map(({ repositories }) => repositories)).toEqual([
    ['mirror.test/three'],
  ]);
});

test('a repository that the configuration neither selects nor has described is not written into its catalogue', async () => {
  take(OTHER);
  const before = scene.store.json(OWN);
  const [outcome] = await repair(await scene.quick());
  expect(outcome).toMatchObject({
    key: OWN,
    result: 'failed',
    detail: expect.stringContaining('mirror.test/two'),
  });
  expect(scene.store.json(OWN)).toEqual(before);
});

test.each([
  ['selects', ['mirror.test/app'], false],
  ['has described', [], true],
])('a repository that the configuration %s is written into its catalogue', async (_, selected, described) => {
  await write(OWN, '{"repositories":[]}');
  await write(OTHER, '{"repositories":["mirror.test/two"]}');
  if (!described) take(`state/${NAME}/repositories/mirror.test/app.json`);
  const problems = (await scene.quick()).problems.filter(({ kind }) => kind === 'catalog-stale');
  const found = { ...(await scene.quick()), problems };
  expect(await repair(found, selected)).toMatchObject([{ key: OWN, result: 'repaired' }]);
  expect(scene.store.json(OWN)).toEqual({ repositories: ['mirror.test/app'] });
});

test('an unreadable catalogue of another configuration is left as it is, and stays a problem', async () => {
  await write(OTHER, '{"repositories":["mirr');
  const [outcome] = await repair(await scene.quick());
  expect(outcome).toMatchObject({
    key: OTHER,
    result: 'failed',
    detail: expect.stringMatching(/of the configuration "two".*next run of that configuration/),
  });
  expect(Buffer.from(scene.store.objects.get(OTHER)?.bytes ?? []).toString()).toBe('{"repositories":["mirr');
  expect((await scene.quick()).problems.map(({ key }) => key)).toEqual([OTHER]);
});

test('an unreadable catalogue of the own configuration gets all that it selects, also what another one lists, and with another that cannot be read', async () => {
  for (const key of [OWN, OTHER]) await write(key, '{"repositories":["mirr');
  const repaired = await repair(await scene.quick());
  expect(repaired.map(({ key, result }) => [key, result])).toEqual([
    [OWN, 'repaired'],
    [OTHER, 'failed'],
  ]);
  expect(scene.store.json(OWN)).toEqual({ repositories: ['mirror.test/app'] });
});
