/** A lost tag comes back at the digest that the index or a store in step says, and never at an older one of another store. */
import { expect, test } from 'vitest';
import { parseRepository } from '../../../../core/reference.ts';
import { repairStore } from '../../../../mirror-job/engine/verify/repair.ts';
import { encodeStatuses } from '../../../../mirror-job/engine/replication/replica-status.ts';
import { environmentFor, imageOf } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { NAME, openStore, VerifyScene } from './verify-scene.ts';

const APP = 'repositories/mirror.test/app';
const TAG = `${APP}/_tags/2`;

/** A bucket with two tags, and another store with the same content. */
async function fill(): Promise<{ scene: VerifyScene; other: MemoryStore }> {
  const scene = await VerifyScene.fill(2);
  const other = new MemoryStore('The other store');
  for (const [key, object] of scene.store.objects) other.objects.set(key, object);
  return { scene, other };
}

/** Repairs what a check finds. @returns what became of the tag */
async function repairTag(scene: VerifyScene, other: MemoryStore) {
  const { problems } = await scene.quick();
  const image = imageOf(new MemorySource('source.test/app', scene.upstream), 'mirror.test/app');
  const repaired = await repairStore(environmentFor(scene.store), scene.store, problems, {
    name: NAME,
    images: new Map([[parseRepository('mirror.test/app'), [image]]]),
    others: [other],
    selects: () => true,
    openStore,
  });
  return repaired.find(({ kind }) => kind === 'tag-missing' || kind === 'tag-unreadable');
}

const digestIn = (store: MemoryStore, key = TAG): unknown => Object(store.json(key))['digest'];

/** Moves the tag of the other store back to the image of the first tag. */
function leaveBehind(other: MemoryStore): void {
  const older = other.objects.get(`${APP}/_tags/1`);
  if (older === undefined) throw new Error('It is stored.');
  other.objects.set(TAG, older);
}

/** Writes into a store what it knows of the other one. */
async function note(store: MemoryStore, other: MemoryStore, inStep: boolean): Promise<void> {
  const at = '2026-01-01T00:00:00.000Z';
  const { id } = Object(other.json('lifeboat.json'));
  const bytes = encodeStatuses([{ store: other.name, id, inStep, since: at, at, run: 'run' }]);
  await store.put('state/_stores.json', bytes, { contentType: 'application/json' });
}

test('the digest of the index counts, and not an older one that another store has, and the history says so', async () => {
  const { scene, other } = await fill();
  const right = digestIn(scene.store);
  leaveBehind(other);
  await note(scene.store, other, true);
  scene.store.objects.delete(TAG);
  const before = scene.store.keys('_history/2/');
  expect(await repairTag(scene, other)).toMatchObject({
    result: 'repaired',
    detail: "the repository's index",
  });
  expect(digestIn(scene.store)).toBe(right);
  const added = scene.store.keys('_history/2/').find((key) => !before.includes(key)) ?? '';
  expect(scene.store.json(added)).toMatchObject({ to: right, why: 'restored by verify from the index' });
});

test('another store’s tag at the digest of the index is taken as it is, with the record of its movement', async () => {
  const { scene, other } = await fill();
  const [movement = ''] = scene.store.keys('_history/2/');
  const right = scene.store.objects.get(TAG);
  for (const key of [TAG, movement]) scene.store.objects.delete(key);
  expect(await repairTag(scene, other)).toMatchObject({ result: 'repaired', detail: 'The other store' });
  expect(scene.store.objects.get(TAG)?.bytes).toEqual(right?.bytes);
  expect(scene.store.json(movement)).toEqual(other.json(movement));
});

/** Damages the tag, and takes the index away. */
async function damage(scene: VerifyScene): Promise<void> {
  await scene.store.put(TAG, Buffer.from('no json'), { contentType: 'application/json' });
  scene.store.objects.delete(`${APP}/_index.json`);
}

test('without an entry in the index, the tag of a store that is in step is taken', async () => {
  const { scene, other } = await fill();
  const right = digestIn(scene.store);
  await damage(scene);
  await note(scene.store, other, true);
  expect(await repairTag(scene, other)).toMatchObject({ result: 'repaired', detail: 'The other store' });
  expect(digestIn(scene.store)).toBe(right);
  expect((await scene.quick()).problems).toEqual([]);
});

test.each([
  ['behind', false],
  ['of unknown state', undefined],
])('without an entry in the index, the tag of a store that is %s is not taken', async (_, inStep) => {
  const { scene, other } = await fill();
  await damage(scene);
  leaveBehind(other);
  if (inStep !== undefined) await note(scene.store, other, inStep);
  expect(await repairTag(scene, other)).toMatchObject({ result: 'failed' });
  expect(Buffer.from(scene.store.objects.get(TAG)?.bytes ?? []).toString()).toBe('no json');
});

test('a store that another one calls behind does not count, although it is in step as this one has it', async () => {
  const { scene, other } = await fill();
  await damage(scene);
  await note(scene.store, other, true);
  await note(other, other, false);
  expect(await repairTag(scene, other)).toMatchObject({
    result: 'failed',
    detail: expect.stringContaining('another store that is in step'),
  });
});
