/** If a store fails or hangs at any of its calls, the others go on, and the next run mends it. */
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { LargeObjectError } from '../../../../mirror-job/engine/store/large-object-error.ts';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import { outcomesOf } from '../../support/harness.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import {
  expectServing,
  expectWhole,
  Mirror,
  move,
  pairOf,
  problemsIn,
  SITUATIONS,
  tagIn,
} from './several-stores.ts';

test('a store that fails in the middle keeps nothing from the other store', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  b.before = (call) => {
    if (call === 'putPart') throw new StoreError('B: the disk is full.');
  };
  const report = await mirror.run();
  expect(report.counts).toEqual({
    unchanged: 0,
    created: 2,
    moved: 0,
    failed: 0,
    skipped: 0,
    held: 0,
    gone: 0,
  });
  expect(report.stores).toMatchObject([
    { state: 'in step' },
    { state: 'behind', reason: 'B: the disk is full.' },
  ]);
  expect(problemsIn(a)).toEqual([]);
  expect([...a.uploads]).toEqual([]);
});

test('the primary has the status of the other store before it gets an object that the other lacks', async () => {
  const count = await callsOf(async () => {}, 1);
  const untold: string[] = [];
  for (let at = 10; at <= count; at += 1) {
    const mirror = await Mirror.create();
    const [a, b] = pairOf(mirror);
    breakAt(b, at, 'fails from one call on');
    a.before = (call, key) => {
      if (
        (call !== 'put' && call !== 'completeUpload') ||
        key.startsWith('state/') ||
        key === 'lifeboat.json'
      )
        return;
      const isTold = JSON.stringify(
        a.objects.has('state/_stores.json') ? a.json('state/_stores.json') : '',
      ).includes('"inStep":false');
      if (!b.objects.has(key) && !isTold) untold.push(`call ${at}: ${key}`);
    };
    await mirror.run();
  }
  expect(untold).toEqual([]);
});

test.each([1, 2, 3])(
  'another run that has completed a blob in both stores, and cleared the uploads at part %i, leaves both in step',
  async (part) => {
    const done = await Mirror.create();
    await done.run();
    const [whole] = pairOf(done);
    const mirror = await Mirror.create();
    const [a, b] = pairOf(mirror);
    const parts: string[] = [];
    a.before = (call, key) => {
      if (call !== 'putPart') return;
      parts.push(key);
      if (parts.length !== part) return;
      const blob = key.split(' ')[0] ?? '';
      const stored = whole.objects.get(blob);
      if (stored === undefined) throw new Error(`There is no ${blob}.`);
      for (const store of [a, b]) {
        store.objects.set(blob, stored);
        for (const [id, upload] of store.uploads) if (upload.key === blob) store.uploads.delete(id);
      }
    };
    const report = await mirror.run();
    expect(parts.length).toBeGreaterThanOrEqual(3);
    expect(report.counts).toMatchObject({ created: 2, failed: 0 });
    expect(report.stores).toMatchObject([{ state: 'in step' }, { state: 'in step' }]);
    expectWhole(mirror);
  },
);

test('the stored report says what became of the stores up to the end of the run', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  a.before = (call, key) => {
    if (call === 'put' && key === 'state/default/last-run.json') throw new StoreError('A is ill.');
  };
  const { stores } = await mirror.run();
  expect(stores).toMatchObject([{ state: 'behind', reason: 'A is ill.' }, { state: 'in step' }]);
  expect(b.json('state/default/last-run.json')).toMatchObject({ stores });
});

test.each([
  ['state/_stores.json', 65_536],
  ['state/default/catalog.json', 134_217_728],
])('a store whose %s is too large to be read is left out until that is deleted', async (key, limit) => {
  const mirror = await Mirror.create();
  const [a] = pairOf(mirror);
  await mirror.run();
  await a.put(key, Buffer.from('too large'), { contentType: 'application/json' });
  const { etag = '' } = a.objects.get(key) ?? {};
  a.before = (call, of) => {
    if (call === 'get' && of === key && a.objects.get(key)?.etag === etag)
      throw new LargeObjectError('A', key, etag);
  };
  const reason = `A: could not read ${key}: it has more than ${limit} bytes, which no object of its kind has. Delete it: the next run makes it anew.`;
  const { stores } = await mirror.run();
  expect(stores).toMatchObject([{ state: 'behind', reason }, { state: 'in step' }]);
  expect(mirror.environment?.logged).toContain(
    `warn: ${reason} This run goes on without this store; a run catches it up when that object is deleted or replaced.`,
  );
  a.objects.delete(key);
  expect((await mirror.run()).stores).toMatchObject([{ state: 'in step' }, { state: 'in step' }]);
  expectWhole(mirror);
});

test('a tag that has moved while the primary failed counts as moved', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  await mirror.run();
  await move(mirror.repository, 'one', 'moved');
  a.before = (call, key) => {
    if (call === 'put' && key.endsWith('/_tags/one')) throw new StoreError('A is ill.');
  };
  const report = await mirror.run();
  expect(report.stores).toMatchObject([{ state: 'behind' }, { state: 'in step' }]);
  expect(report.counts).toMatchObject({ moved: 1, unchanged: 1 });
  expect(tagIn(b, 'one')).toBe(mirror.repository.tags.get('one')?.replace(':', '/'));
});

test('a run that is stopped in the middle of a part leaves both stores in step', async () => {
  const mirror = await Mirror.create();
  const stores = pairOf(mirror);
  await mirror.run();
  await move(mirror.repository, 'one', 'moved');
  const stop = new AbortController();
  for (const store of stores) {
    store.before = async (call) => {
      if (call !== 'putPart') return;
      stop.abort(new Error('Ctrl-C'));
      // This is longer than calls in flight may take after the signal.
      await setTimeout(80);
    };
  }
  const report = await mirror.run(stores, stop.signal);
  expect([report.interrupted, report.counts.skipped]).toEqual([true, 1]);
  expect(report.stores).toMatchObject([{ state: 'in step' }, { state: 'in step' }]);
  for (const store of stores) {
    store.before = () => {};
    store.calls.length = 0;
  }
  expect((await mirror.run()).counts.moved).toBe(1);
  expect(stores.flatMap(({ calls }) => calls.filter((call) => call.startsWith('entries')))).toEqual([]);
});

/** Every call that a store is sent in a run, so that each can fail once. */
async function callsOf(prepare: (mirror: Mirror) => Promise<void>, index: number): Promise<number> {
  const mirror = await Mirror.create();
  await prepare(mirror);
  const store = mirror.stores[index] ?? new MemoryStore();
  store.calls.length = 0;
  await mirror.run();
  return store.calls.length;
}

const HOW = ['fails at one call', 'fails from one call on', 'hangs from one call on'] as const;
type How = (typeof HOW)[number];

function breakAt(store: MemoryStore, at: number, how: How): void {
  let count = 0;
  store.before = async () => {
    count += 1;
    const call = count;
    if (how === 'fails at one call' ? call !== at : call < at) return;
    // A call that hangs until the store is given up. Everything else goes on meanwhile.
    if (how === 'hangs from one call on') await setTimeout(2);
    throw new StoreError(`${store.name}: call ${call} failed.`);
  };
}

for (const [what, prepare] of SITUATIONS) {
  for (const index of [0, 1]) {
    for (const how of HOW) {
      test(`${what}: when ${index === 0 ? 'A' : 'B'} ${how}, whichever call it is, the other is whole, and the next run mends it`, async () => {
        const count = await callsOf(prepare, index);
        expect(count).toBeGreaterThan(10);
        for (let at = 1; at <= count; at += 1) {
          const mirror = await Mirror.create();
          await prepare(mirror);
          const [broken, other] = [mirror.stores[index], mirror.stores[1 - index]];
          if (broken === undefined || other === undefined) throw new Error('There are no two stores.');
          breakAt(broken, at, how);
          const report = await mirror.run();
          const isBegunAnew = mirror.environment?.logged.some((line) =>
            line.includes('is not known to hold a whole mirror'),
          );
          expect(report.counts.failed, `call ${at}: ${JSON.stringify(outcomesOf(report))}`).toBe(0);
          expect(problemsIn(other), `call ${at}`).toEqual([]);
          expect(problemsIn(broken), `call ${at}`).toEqual([]);
          // If one read of the catch-up source fails, the run goes on with the source and not with the store behind.
          const served = report.stores?.[1 - index]?.state === 'behind' ? broken : other;
          for (const [tag, digest] of mirror.repository.tags) {
            expect(tagIn(served, tag), `call ${at}`).toBe(digest.replace(':', '/'));
          }
          broken.before = () => {};
          const next = await mirror.run();
          expect(next.counts.failed, `call ${at}`).toBe(0);
          expect(
            next.stores?.map(({ state }) => state),
            `call ${at}`,
          ).toEqual(['in step', 'in step']);
          if (isBegunAnew === true) expectServing(mirror);
          else expectWhole(mirror);
        }
      }, 120_000);
    }
  }
}

test('a run without any store left fails, and the next run mends all stores', async () => {
  const mirror = await Mirror.create();
  await mirror.run();
  await move(mirror.repository, 'one', 'moved');
  for (const store of mirror.stores) {
    store.before = (call, key) => {
      if (key.startsWith('blobs/') && call === 'size') throw new StoreError(`${store.name}: gone.`);
    };
  }
  const report = await mirror.run();
  expect(report.counts).toEqual({
    unchanged: 1,
    created: 0,
    moved: 0,
    failed: 1,
    skipped: 0,
    held: 0,
    gone: 0,
  });
  expect(outcomesOf(report)).toEqual({ 'mirror.test/app:one': 'B: gone.' });
  for (const store of mirror.stores) store.before = () => {};
  await mirror.run();
  expectWhole(mirror);
});
