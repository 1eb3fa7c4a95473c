/** A store that is empty, because it is new or takes a lost one's place, never makes another one forget what it holds. */
import { expect, test } from 'vitest';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import {
  expectWhole,
  liesIn,
  Mirror,
  move,
  pairOf,
  problemsIn,
  revertOne,
  takeAway,
  tagIn,
} from './several-stores.ts';

/** A mirror in which `one` was put back by hand, and upstream still has the other image. */
async function reverted(mirror: Mirror, store: MemoryStore): Promise<string> {
  await mirror.run([store]);
  const good = tagIn(store, 'one');
  await move(mirror.repository, 'one', 'bad');
  await mirror.run([store]);
  await revertOne(mirror, store);
  expect(tagIn(store, 'one')).toBe(good);
  return good;
}

test.each([
  ['one of two that were in step', true],
  ['a new one before the only one there was', false],
])(
  'an empty bucket (%s) that is filled without the other store gives way to that store',
  async (_name, wasInStep) => {
    const mirror = await Mirror.create();
    const [a, b] = pairOf(mirror);
    const good = await reverted(mirror, b);
    if (wasInStep) await mirror.run();
    a.objects.clear();
    takeAway(b);
    for (let away = 0; away < 2; away += 1) {
      const report = await mirror.run();
      expect(report.stores).toMatchObject([{ state: 'in step' }, { state: 'behind' }]);
      expect([report.counts.created, report.counts.unchanged]).toEqual(away === 0 ? [2, 0] : [0, 2]);
    }
    expect(mirror.environment?.logged).toContain(
      'warn: A is not known to hold a whole mirror, so it is filled from upstream, without the holds and the reverts that B may have. When that store is back, its holds and reverts count.',
    );
    b.before = () => {};
    const report = await mirror.run();
    expect(report.counts).toMatchObject({ created: 0, moved: 0, held: 1, unchanged: 1 });
    expect(report.stores).toMatchObject([{ state: 'in step' }, { state: 'in step' }]);
    expect([tagIn(a, 'one'), tagIn(b, 'one')]).toEqual([good, good]);
    expect((await mirror.run()).stores).toMatchObject([{ state: 'in step' }, { state: 'in step' }]);
  },
);

test('nothing is decided by hand in a bucket that was begun anew until the other store is back', async () => {
  const mirror = await Mirror.create();
  const [, b] = pairOf(mirror);
  await reverted(mirror, b);
  takeAway(b);
  await mirror.run();
  await expect(mirror.openInStep()).rejects.toThrow(
    'A was begun anew without another store, whose tags count when it is back. B: could not be reached. Wait until that store answers, or take it out of stores if it is lost.',
  );
});

test('a new primary does not begin anew because one read of the old one has failed', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  const good = await reverted(mirror, b);
  let isBroken = true;
  b.before = (call) => {
    if (!isBroken || call !== 'stream') return;
    isBroken = false;
    throw new StoreError('B: could not read a blob.');
  };
  const report = await mirror.run();
  expect(report.stores).toMatchObject([
    { state: 'behind', reason: 'B: could not read a blob.' },
    { state: 'in step' },
  ]);
  expect(mirror.source.calls.filter((call) => call.startsWith('blob'))).toEqual([]);
  expect((await mirror.run()).stores).toMatchObject([{ state: 'in step' }, { state: 'in step' }]);
  expect([tagIn(a, 'one'), tagIn(b, 'one')]).toEqual([good, good]);
});

test('a lost store that is taken out is done without, and another store may be added', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  await reverted(mirror, a);
  takeAway(a);
  await mirror.run();
  await mirror.run([b]);
  const c = new MemoryStore('C');
  const report = await mirror.run([b, c]);
  expect(report.counts).toMatchObject({ unchanged: 2 });
  expect(report.stores).toMatchObject([{ state: 'in step' }, { state: 'in step' }]);
  expect(mirror.source.calls.filter((call) => call.startsWith('blob'))).toEqual([]);
  expect([problemsIn(c), liesIn(c), tagIn(c, 'one')]).toEqual([[], [], tagIn(b, 'one')]);
});

test('two new stores are filled, and one is filled without the other if the other fails', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  b.before = (call, key) => {
    if (call === 'put' && key.startsWith('repositories/')) throw new StoreError('B is ill.');
  };
  const report = await mirror.run();
  expect(report.stores).toMatchObject([{ state: 'in step' }, { state: 'behind' }]);
  expect(report.counts.created).toBe(2);
  b.before = () => {};
  await mirror.run();
  expectWhole(mirror);
  expect(tagIn(b, 'one')).toBe(tagIn(a, 'one'));
});
