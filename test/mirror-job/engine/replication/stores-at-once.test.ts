/** Two runs at once over the same stores. */
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ReplicatedStore } from '../../../../mirror-job/engine/replication/replicated-store.ts';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import {
  contentOf,
  expectWhole,
  Mirror,
  move,
  pairOf,
  problemsIn,
  ROOT,
  servedBy,
  smallRepository,
  takeAway,
} from './several-stores.ts';

test('a run that goes on without a store says so at its end, even if another run has caught that store up meanwhile', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  await mirror.run();
  await move(mirror.repository, 'one', 'without B');
  await move(mirror.repository, 'two', 'without B too');
  takeAway(b);
  const other = new Mirror(mirror.repository, [a, b]);
  other.clock.advance(1_800_000);
  a.before = async (call, key) => {
    if (call !== 'put' || !key.includes('/_manifests/')) return;
    a.before = () => {};
    b.before = () => {};
    expect((await other.run()).stores).toMatchObject([{ state: 'in step' }, { state: 'in step' }]);
    expect(a.json('state/_stores.json')).toMatchObject({ stores: [{ inStep: true }, { inStep: true }] });
  };
  await mirror.run();
  expect(a.json('state/_stores.json')).toMatchObject({
    stores: [
      { store: 'A', inStep: true },
      { store: 'B', inStep: false },
    ],
  });
  await mirror.run();
  expectWhole(mirror);
});

/** Returns the same numbers each time. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7f_ff_ff_ff;
    return state / 0x7f_ff_ff_ff;
  };
}

test('two runs at once, in any order of their calls, leave the two stores the same', async () => {
  for (let seed = 1; seed <= 40; seed += 1) {
    const mirror = await Mirror.create();
    const [a, b] = pairOf(mirror);
    await mirror.run();
    const other = new Mirror(await smallRepository(), [a, b]);
    await move(mirror.repository, 'one', 'as the first one sees it');
    await move(mirror.repository, 'two', 'as both see it');
    await move(other.repository, 'one', 'as the second one sees it');
    await move(other.repository, 'two', 'as both see it');
    other.clock.advance(1_800_000);
    const random = randomOf(seed);
    for (const store of [a, b]) {
      store.before = async () => {
        for (let turns = Math.floor(random() * 4); turns > 0; turns -= 1) await setImmediate();
      };
    }
    const reports = await Promise.all([mirror.run(), other.run()]);
    expect(
      reports.flatMap(({ stores = [] }) => stores.map(({ state }) => state)),
      `seed ${seed}`,
    ).toEqual(Array.from({ length: 4 }, () => 'in step'));
    expect(Object.fromEntries(contentOf(b)), `seed ${seed}`).toEqual(Object.fromEntries(contentOf(a)));
    expect([...problemsIn(a), ...problemsIn(b)], `seed ${seed}`).toEqual([]);
  }
});

test('two runs at once that both catch a store up never believe that it is whole while it is not', async () => {
  let certified = 0;
  for (let seed = 1; seed <= 40; seed += 1) {
    const [a, b] = [new MemoryStore('A'), new MemoryStore('B')];
    const mirror = await Mirror.create(a, b);
    await mirror.run([a]);
    const other = new Mirror(mirror.repository, [a, b]);
    other.ids = 100;
    other.clock.advance(1_800_000);
    await move(mirror.repository, 'one', 'moved');
    await move(mirror.repository, 'two', 'moved too');
    const random = randomOf(seed);
    for (const store of [a, b]) {
      store.before = async () => {
        for (let turns = Math.floor(random() * 4); turns > 0; turns -= 1) await setImmediate();
      };
    }
    await Promise.all([mirror.run(), other.run()]);
    expect([...problemsIn(a), ...problemsIn(b)], `seed ${seed}`).toEqual([]);
    const told = [a, b].map((store) => JSON.stringify(store.json('state/_stores.json')));
    const isBelieved = told.every((statuses) => !statuses.includes('"inStep":false'));
    if (isBelieved) certified += 1;
    expect(isBelieved ? servedBy(b) : servedBy(a), `seed ${seed}`).toEqual(servedBy(a));
    for (const store of [a, b]) store.before = () => {};
    expect((await mirror.run()).stores, `seed ${seed}`).toMatchObject([
      { state: 'in step' },
      { state: 'in step' },
    ]);
    expect(servedBy(b), `seed ${seed}`).toEqual(servedBy(a));
  }
  expect(certified).toBeLessThan(40);
}, 60_000);

test('a tag that another run has moved without B reaches B only after its image', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  await mirror.run();
  await move(mirror.repository, 'one', 'as the first one sees it');
  const other = new Mirror(await smallRepository(), [a]);
  await move(other.repository, 'one', 'without B');
  other.clock.advance(1_800_000);
  const early: string[] = [];
  const tag = `${ROOT}/_tags/one`;
  a.before = async (call, key) => {
    if (call !== 'get' || key !== tag) return;
    a.before = () => {};
    await other.run();
  };
  b.before = () => {
    early.push(...problemsIn(b));
  };
  await mirror.run();
  expect(early).toEqual([]);
  expect([...problemsIn(a), ...problemsIn(b)]).toEqual([]);
  b.before = () => {};
  await mirror.run();
  expect(servedBy(b)).toEqual(servedBy(a));
});

test('an answer of a store that the run has left out meanwhile does not count, because the other store may lack the object', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  await mirror.run();
  const key = a.keys('/_manifests/')[0] ?? '';
  b.objects.delete(key);
  const replicas = await mirror.openInStep();
  const store = new ReplicatedStore(replicas);
  a.before = (call, name) => {
    if (call !== 'get' || name !== key) return;
    // Another call has failed while this one is under way.
    replicas.remove(replicas.lead, new StoreError('A: it failed.'));
  };
  expect(await store.get(key)).toBeUndefined();
  expect(replicas.lead.bucket.name).toBe('B');
});
