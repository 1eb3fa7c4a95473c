/** A repair looks again before it writes, and writes nothing but what it has hashed. */
import { expect, test } from 'vitest';
import { parseRepository } from '../../../../core/reference.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { repairStore } from '../../../../mirror-job/engine/verify/repair.ts';
import type { StoreResult } from '../../../../mirror-job/engine/verify/verify-store.ts';
import { blobOf } from '../../../support/content.ts';
import { environmentFor, imageOf } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { NAME, openStore, VerifyScene } from './verify-scene.ts';

async function repair(
  scene: VerifyScene,
  { problems }: StoreResult,
  names: readonly string[] = ['mirror.test/app'],
) {
  scene.store.calls.length = 0;
  const source = new MemorySource('source.test/app', scene.upstream);
  return repairStore(environmentFor(scene.store), scene.store, problems, {
    name: NAME,
    images: new Map(names.map((name) => [parseRepository(name), [imageOf(source, name)]])),
    others: [],
    selects: () => true,
    openStore,
  });
}

/** The keys below `blobs/` that were written. */
function written(scene: VerifyScene): string[] {
  return scene.store.calls.filter((call) => /^(?:put|completeUpload) blobs\//.test(call));
}

test.each(['missing', 'damaged'] as const)(
  'a blob that was %s and is right by now is not written',
  async (how) => {
    const scene = await VerifyScene.fill();
    const [key = ''] = scene.blobs();
    const right = scene.store.objects.get(key);
    if (how === 'missing') scene.store.objects.delete(key);
    else scene.flip(key);
    const found = await scene.deep();
    expect(found.problemCount).toBe(1);
    if (right !== undefined) scene.store.objects.set(key, right);
    expect(await repair(scene, found)).toMatchObject([{ key, result: 'right' }]);
    expect(written(scene)).toEqual([]);
  },
);

test('a damaged blob is written once, with the right bytes, and no other blob is', async () => {
  const scene = await VerifyScene.fill(2);
  const [key = ''] = scene.blobs();
  const right = scene.store.objects.get(key)?.bytes;
  scene.flip(key);
  expect(await repair(scene, await scene.deep())).toMatchObject([{ key, result: 'repaired' }]);
  expect(written(scene)).toEqual([`put ${key}`]);
  expect(Buffer.from(scene.store.objects.get(key)?.bytes ?? [])).toEqual(Buffer.from(right ?? []));
});

test('bytes that are not those of the digest are refused, and what was there stays', async () => {
  const scene = await VerifyScene.fill();
  const [key = ''] = scene.blobs();
  const digest = key.replace('blobs/', '').replace('/', ':');
  scene.flip(key);
  const damaged = scene.store.objects.get(key);
  const size = damaged?.bytes.length ?? 0;
  scene.upstream.blobs.set(digest, blobOf(Buffer.alloc(size)));
  const found = await scene.deep();
  const [outcome] = await repair(scene, found);
  expect(outcome).toMatchObject({ result: 'failed', detail: expect.stringContaining('source.test/app') });
  expect(written(scene)).toEqual([]);
  expect(scene.store.objects.get(key)).toEqual(damaged);
});

test('a tag that is back, and one that somebody has moved meanwhile, are left as they are', async () => {
  const scene = await VerifyScene.fill(2);
  const key = 'repositories/mirror.test/app/_tags/2';
  const tag = scene.store.objects.get(key);
  scene.store.objects.delete(key);
  const found = await scene.quick();
  expect(found.problems.map(({ kind }) => kind)).toEqual(['tag-missing']);
  const other = scene.store.objects.get('repositories/mirror.test/app/_tags/1');
  if (other !== undefined) scene.store.objects.set(key, other);
  expect(await repair(scene, found)).toMatchObject([{ key, result: 'right' }]);
  expect(scene.store.objects.get(key)).toBe(other);
  expect(tag).toBeDefined();
});

test('a repository that has no tag and no pin any more is taken off the catalogue, although manifests are left', async () => {
  const scene = await VerifyScene.fill();
  for (const key of scene.store.keys('repositories/mirror.test/app/_')) {
    if (/_tags|_index/.test(key)) scene.store.objects.delete(key);
  }
  await scene.store.put(
    'repositories/mirror.test/app/_index.json',
    Buffer.from('{"schemaVersion":2,"manifests":[]}'),
    { contentType: 'application/json' },
  );
  const found = await scene.quick();
  expect(found.problems.map(({ kind }) => kind)).toEqual(['catalog-stale']);
  expect(await repair(scene, found)).toMatchObject([{ result: 'repaired' }]);
  expect(scene.store.json(`state/${NAME}/catalog.json`)).toEqual({ repositories: [] });
  expect((await scene.quick()).problems).toEqual([]);
});

test.each([
  ['both', ['mirror.test/app', 'mirror.test/two']],
  ['the first', ['mirror.test/app']],
  ['the second', ['mirror.test/two']],
])(
  'a layer that two repositories share is mended once for both, if a source of %s is known',
  async (_, names) => {
    const scene = await VerifyScene.fill();
    const source = new MemorySource('source.test/app', scene.upstream);
    await runMirror(environmentFor(scene.store), NAME, [
      imageOf(source, 'mirror.test/app'),
      imageOf(source, 'mirror.test/two'),
    ]);
    const [key = ''] = scene.blobs();
    scene.store.objects.delete(key);
    const found = await scene.quick();
    expect(found.problems.map((problem) => [problem.kind, problem.key])).toEqual([
      ['blob-missing', key],
      ['blob-missing', key],
    ]);
    const repaired = await repair(scene, found, names);
    expect(repaired.map(({ repository, result }) => [repository, result])).toEqual([
      ['mirror.test/app', 'repaired'],
      ['mirror.test/two', 'repaired'],
    ]);
    expect(written(scene)).toEqual([`put ${key}`]);
    expect((await scene.quick()).problems).toEqual([]);
  },
);
