/**
 * A later store accuses an earlier one, and nothing shows that the job wrote that. What people do then decides the tags,
 * holds and reverts of all stores, however many runs were made meanwhile.
 */
import { expect, test } from 'vitest';
import { decodeTag } from '../../../../core/tag-object.ts';
import { encodeStatuses } from '../../../../mirror-job/engine/replication/replica-status.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import {
  Mirror,
  move,
  STATUS_KEY,
  statusesIn,
  pairOf,
  revertOne,
  ROOT,
  tagIn,
  takeAway,
} from './several-stores.ts';

const IN_STEP = [{ state: 'in step' }, { state: 'in step' }];
const UNDECIDED = [{ state: 'in step' }, { state: 'behind', undecided: true }];

function holdIn(store: MemoryStore): string | undefined {
  const key = `${ROOT}/_tags/one`;
  return decodeTag(key, store.objects.get(key)?.bytes ?? new Uint8Array()).hold;
}

/** Writes into a store that A was left out as undecided. */
async function noteUndecided(store: MemoryStore): Promise<void> {
  const [ofA, ...others] = statusesIn(store);
  if (ofA?.store !== 'A') throw new Error('There is no note about A.');
  const statuses = [{ ...ofA, inStep: false, undecided: true }, ...others];
  await store.put(STATUS_KEY, encodeStatuses(statuses), { contentType: 'application/json' });
}

function changeSecret(mirror: Mirror): void {
  mirror.secretOf = (name) => `another secret of ${name}`;
}

/** While A was away, upstream moved "one" and somebody put it back in B. Then the secret of A was changed. */
async function revertedInB(mirror: Mirror): Promise<string> {
  const [a, b] = pairOf(mirror);
  await mirror.run();
  const good = tagIn(b, 'one');
  takeAway(a);
  await move(mirror.repository, 'one', 'bad');
  await mirror.run();
  await revertOne(mirror, b);
  a.before = () => {};
  changeSecret(mirror);
  return good;
}

test.each([0, 1, 3])(
  'after %i undecided runs the holds and reverts of the store that is listed first count',
  async (runs) => {
    const mirror = await Mirror.create();
    const [a, b] = pairOf(mirror);
    const good = await revertedInB(mirror);
    for (let run = 0; run < runs; run += 1) expect((await mirror.run()).stores).toMatchObject(UNDECIDED);
    // The primary has followed upstream meanwhile, later than the revert.
    expect(tagIn(a, 'one') === good).toBe(runs === 0);
    const report = await mirror.run([b, a]);
    expect([report.stores, report.counts]).toMatchObject([IN_STEP, { held: 1, moved: 0 }]);
    for (const store of [a, b]) {
      expect(tagIn(store, 'one')).toBe(good);
      expect(holdIn(store)).toBe('reverted by hand: it crashes');
    }
    // The stores are listed in the old order again.
    const after = await mirror.run();
    expect([after.stores, after.counts]).toMatchObject([IN_STEP, { held: 1, moved: 0 }]);
    expect(after.findings.filter(({ kind }) => kind === 'caught-up')).toEqual([]);
    expect(tagIn(a, 'one')).toBe(good);
  },
);

test.each([
  ['a run', (mirror: Mirror) => mirror.run().then(({ stores }) => stores)],
  ['a command by hand', (mirror: Mirror) => mirror.openInStep().then((replicas) => replicas.report())],
])('an undecided store that is away during %s stays undecided', async (_name, act) => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  const good = await revertedInB(mirror);
  await mirror.run();
  takeAway(b);
  expect(await act(mirror)).toMatchObject([
    { state: 'in step' },
    {
      state: 'behind',
      undecided: true,
      reason:
        'B: could not be reached. An earlier run left it out as undecided, so somebody has to decide which store is right, unless that is done already (docs/stores.md).',
    },
  ]);
  expect(statusesIn(a).find(({ store }) => store === 'B')).toMatchObject({ inStep: false, undecided: true });
  b.before = () => {};
  const report = await mirror.run([b, a]);
  expect([report.stores, report.counts]).toMatchObject([IN_STEP, { held: 1, moved: 0 }]);
  expect([tagIn(a, 'one'), tagIn(b, 'one')]).toEqual([good, good]);
});

test('after undecided runs the tags of the primary count once the notes of the other store are deleted', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  const good = await revertedInB(mirror);
  expect((await mirror.run()).stores).toMatchObject(UNDECIDED);
  const bad = tagIn(a, 'one');
  expect(bad).not.toBe(good);
  b.objects.delete(STATUS_KEY);
  expect((await mirror.run()).stores).toMatchObject(IN_STEP);
  expect([tagIn(a, 'one'), tagIn(b, 'one')]).toEqual([bad, bad]);
});

test('a revert in the primary during undecided runs is kept when the old secret is configured again', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  await mirror.run();
  const good = tagIn(a, 'one');
  takeAway(a);
  await move(mirror.repository, 'one', 'bad');
  await mirror.run();
  a.before = () => {};
  const old = mirror.secretOf;
  changeSecret(mirror);
  expect((await mirror.run()).stores).toMatchObject(UNDECIDED);
  await revertOne(mirror, a);
  mirror.secretOf = old;
  expect((await mirror.run()).stores).toMatchObject(IN_STEP);
  expect([tagIn(a, 'one'), tagIn(b, 'one')]).toEqual([good, good]);
});

test('a note that an earlier store was left out as undecided says nothing against that store', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  await mirror.run();
  await noteUndecided(b);
  const before = tagIn(a, 'one');
  expect((await mirror.run()).stores).toMatchObject(IN_STEP);
  expect(tagIn(a, 'one')).toBe(before);
});

test('a later store that calls an earlier one undecided does not hide that the earlier one was away', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  await mirror.run();
  await noteUndecided(b);
  takeAway(a);
  await move(mirror.repository, 'one', 'while A is away');
  await mirror.run();
  const moved = tagIn(b, 'one');
  await revertOne(mirror, b);
  const good = tagIn(b, 'one');
  expect(good).not.toBe(moved);
  a.before = () => {};
  const report = await mirror.run();
  expect([report.stores, report.counts]).toMatchObject([IN_STEP, { held: 1, moved: 0 }]);
  expect([tagIn(a, 'one'), holdIn(a)]).toEqual([good, 'reverted by hand: it crashes']);
});

test('the note about an undecided store has no signature', async () => {
  const mirror = await Mirror.create();
  const [a] = pairOf(mirror);
  await revertedInB(mirror);
  await mirror.run();
  expect(statusesIn(a).find(({ store }) => store === 'B')).toMatchObject({
    inStep: false,
    undecided: true,
    signature: undefined,
  });
});
