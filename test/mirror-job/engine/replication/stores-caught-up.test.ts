/** A store that is new, was away or was not listed is caught up from one that is in step, not from upstream. */
import { setTimeout } from 'node:timers/promises';
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
  ROOT,
  tagIn,
  takeAway,
} from './several-stores.ts';

const IN_STEP = [
  { name: 'A', state: 'in step' },
  { name: 'B', state: 'in step' },
];

test('a second store that is added is filled from the first, not from upstream', async () => {
  const [a, b] = [new MemoryStore('A'), new MemoryStore('B')];
  const mirror = await Mirror.create(a, b);
  await mirror.run([a]);
  const report = await mirror.run();
  expect(report.stores).toEqual(IN_STEP);
  expectWhole(mirror);
  expect(mirror.source.calls.filter((call) => call.startsWith('blob'))).toEqual([]);
});

test('uploads of a run that was killed while it filled a new store are cleared by the next run', async () => {
  const [a, b] = [new MemoryStore('A'), new MemoryStore('B')];
  const mirror = await Mirror.create(a, b);
  await mirror.run([a]);
  b.before = (call) => {
    if (call === 'putPart' || call === 'abortUpload') throw new Error('killed');
  };
  await expect(mirror.run()).rejects.toThrow('killed');
  expect(b.uploads.size).toBeGreaterThan(0);
  b.before = () => {};
  expect((await mirror.run()).stores).toEqual(IN_STEP);
  expect(b.uploads.size).toBe(0);
});

test('a catch-up that takes long logs its progress, also after a single object', async () => {
  const [a, b] = [new MemoryStore('A'), new MemoryStore('B')];
  const mirror = await Mirror.create(a, b);
  await mirror.run([a]);
  let begun = 0;
  b.before = async (call, key) => {
    if (!['put', 'beginUpload'].includes(call) || !key.startsWith('blobs/')) return;
    begun += 1;
    if (begun === 1) mirror.clock.advance(15_000);
    // The first one is copied before all others.
    else await setTimeout(20);
  };
  await mirror.run();
  expect(mirror.environment?.logged.filter((line) => line.includes('at most'))).toEqual([
    'info: B: 1 object of at most 25 copied.',
  ]);
});

test('a new primary is filled from the other store', async () => {
  const [a, b] = [new MemoryStore('A'), new MemoryStore('B')];
  const mirror = await Mirror.create(a, b);
  await mirror.run([b]);
  const report = await mirror.run();
  expect(report.counts).toEqual({
    unchanged: 2,
    created: 0,
    moved: 0,
    failed: 0,
    skipped: 0,
    held: 0,
    gone: 0,
  });
  expect(report.stores).toEqual(IN_STEP);
  expectWhole(mirror);
  expect(mirror.source.calls.filter((call) => call.startsWith('blob'))).toEqual([]);
});

test.each([0, 1])('a store that was away is caught up from the other: store %i', async (index) => {
  const mirror = await Mirror.create();
  await mirror.run();
  const away = mirror.stores[index] ?? new MemoryStore();
  await move(mirror.repository, 'one', 'while away');
  takeAway(away);
  const report = await mirror.run();
  expect(report.counts).toEqual({
    unchanged: 1,
    created: 0,
    moved: 1,
    failed: 0,
    skipped: 0,
    held: 0,
    gone: 0,
  });
  expect(report.stores?.[index]).toEqual({
    name: away.name,
    state: 'behind',
    since: '2026-01-01T02:00:00.000Z',
    reason: `${away.name}: could not be reached.`,
  });
  expect((await mirror.run()).stores?.[index]).toMatchObject({ since: '2026-01-01T02:00:00.000Z' });
  away.before = () => {};
  const next = await mirror.run();
  expect(next.counts).toEqual({
    unchanged: 2,
    created: 0,
    moved: 0,
    failed: 0,
    skipped: 0,
    held: 0,
    gone: 0,
  });
  // A layer, its link, a configuration, its link, the manifest, the movement, the tag, the index, the report, and the three
  // objects that pages read.
  expect(next.stores?.[index]).toMatchObject({ state: 'in step', copied: { objects: 12 } });
  expect(mirror.source.calls.filter((call) => call.startsWith('blob'))).toEqual([]);
  expectWhole(mirror);
});

test('what pages read is caught up too, and nothing of it is made anew', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  await mirror.run();
  takeAway(b);
  await move(mirror.repository, 'one', 'while away');
  await mirror.run();
  b.before = () => {};
  await mirror.run();
  const description = 'state/default/repositories/mirror.test/app.json';
  expect(b.json(description)).toEqual(a.json(description));
  expect(b.json(`${ROOT}/_index.json`)).toMatchObject({
    annotations: { 'dev.lifeboat.described': 'default' },
  });
  expect(b.json('state/default/runs.json')).toMatchObject({ runs: [{}, {}, {}] });
  a.calls.length = 0;
  await mirror.run();
  expect(a.calls.filter((call) => call.includes(description))).toEqual([]);
});

test('a store that was caught up, and is away again, is behind since then', async () => {
  const mirror = await Mirror.create();
  const [, b] = pairOf(mirror);
  await mirror.run();
  takeAway(b);
  await mirror.run();
  let reports = 0;
  b.before = (call, key) => {
    if (call !== 'put' || !key.endsWith('/last-run.json')) return;
    reports += 1;
    // The first is the one that A has.
    if (reports === 2) throw new StoreError('B is ill again.');
  };
  expect((await mirror.run()).stores?.[1]).toMatchObject({ since: '2026-01-01T03:00:00.000Z' });
});

test('two stores that were away in turn are joined: the later movement of a tag holds, and both have everything', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  await mirror.run();
  takeAway(b);
  await move(mirror.repository, 'one', 'without B');
  await mirror.run();
  b.before = () => {};
  takeAway(a);
  await move(mirror.repository, 'two', 'without A');
  await mirror.run();
  a.before = () => {};
  const report = await mirror.run();
  expect(report.stores?.map(({ state }) => state)).toEqual(['in step', 'in step']);
  expectWhole(mirror);
});

test('a store that was not listed for a while is caught up when it is listed again', async () => {
  const mirror = await Mirror.create();
  const [a] = pairOf(mirror);
  await mirror.run();
  await move(mirror.repository, 'one', 'without B');
  await mirror.run([a]);
  const report = await mirror.run();
  expect(report.counts.unchanged).toBe(2);
  expect(report.stores).toMatchObject([{ state: 'in step' }, { state: 'in step', copied: { objects: 12 } }]);
  expectWhole(mirror);
});

test('a tag is off the index of a store that is caught up before it moves in that store, and on it at the end', async () => {
  const mirror = await Mirror.create();
  const [, b] = pairOf(mirror);
  await mirror.run();
  takeAway(b);
  await move(mirror.repository, 'one', 'without B');
  await mirror.run();
  const index = `${ROOT}/_index.json`;
  const isListed = () => JSON.stringify(b.json(index)).includes('"org.opencontainers.image.ref.name":"one"');
  const moved: boolean[] = [];
  b.before = (call, key) => {
    if (call === 'put' && key === `${ROOT}/_tags/one`) moved.push(isListed());
  };
  await mirror.run();
  expect([...moved, isListed()]).toEqual([false, true]);
});

test.each([0, 1])(
  'another bucket in the place of a store that was in step is filled like a new one: store %i',
  async (index) => {
    const mirror = await Mirror.create();
    await mirror.run();
    const [a, b] = pairOf(mirror);
    mirror.stores[index]?.objects.clear();
    const report = await mirror.run();
    expect(report.stores?.map(({ state }) => state)).toEqual(['in step', 'in step']);
    expect(mirror.source.calls.filter((call) => call.startsWith('blob'))).toEqual([]);
    expect(b.json('lifeboat.json')).not.toEqual(a.json('lifeboat.json'));
    expectWhole(mirror);
  },
);

test('a damaged blob of one store is not copied to the other, which stays behind and says why', async () => {
  const [a, b] = [new MemoryStore('A'), new MemoryStore('B')];
  const mirror = await Mirror.create(a, b);
  await mirror.run([a]);
  const blob = a.keys('blobs/sha256').find((key) => key.startsWith('blobs/')) ?? '';
  const stored = a.objects.get(blob);
  if (stored === undefined) throw new Error('There is no blob.');
  a.objects.set(blob, { ...stored, bytes: new Uint8Array(stored.bytes.length) });
  const { stores } = await mirror.run();
  expect(stores).toMatchObject([{ state: 'in step' }, { state: 'behind' }]);
  expect(stores?.[1]?.reason).toMatch(
    /^A sent other bytes than asked for: their digest is sha256:\w{64}, not sha256:\w{64}\.$/,
  );
  expect([...problemsIn(b), ...liesIn(b)]).toEqual([]);
  expect(b.objects.has(blob)).toBe(false);
  // B has no catalogue, because it was not filled to the end.
  expect(b.keys('catalog.json')).toEqual([]);
  // When the damaged store is gone, the missing objects come from upstream.
  takeAway(a);
  expect((await mirror.run()).counts.created).toBe(2);
  expect(problemsIn(b)).toEqual([]);
  expect(tagIn(b, 'one')).toBe(mirror.repository.tags.get('one')?.replace(':', '/'));
});

test.each([
  ['a manifest that holds other bytes', '_manifests/', ' '.repeat(300)],
  ['one that is none', '_manifests/', '{'],
  ['a link to a blob that is gone', 'blobs/sha256/', undefined],
])('%s keeps the other store behind', async (_name, where, text) => {
  const [a, b] = [new MemoryStore('A'), new MemoryStore('B')];
  const mirror = await Mirror.create(a, b);
  await mirror.run([a]);
  const key = a.keys(where).find((one) => !one.includes('/_blobs/')) ?? '';
  const stored = a.objects.get(key);
  if (stored === undefined) throw new Error('There is no such object.');
  if (text === undefined) a.objects.delete(key);
  else a.objects.set(key, { ...stored, bytes: new Uint8Array(Buffer.from(text)) });
  const { stores } = await mirror.run();
  const named = text === undefined ? `${ROOT}/_blobs/${key.slice('blobs/'.length)}` : key;
  expect(stores?.[1]).toMatchObject({
    state: 'behind',
    reason: `A: ${named} is damaged, or an object that it names is missing.`,
  });
  expect([...problemsIn(b), ...liesIn(b)]).toEqual([]);
});

test('an object of a damaged store that holds another manifest keeps the other store behind', async () => {
  const [a, b] = [new MemoryStore('A'), new MemoryStore('B')];
  const mirror = await Mirror.create(a, b);
  await move(mirror.repository, 'two', 'another image');
  await mirror.run([a]);
  const [one = '', two = ''] = ['one', 'two'].map(
    (tag) => `repositories/mirror.test/app/_manifests/${tagIn(a, tag)}`,
  );
  const other = a.objects.get(two);
  if (other === undefined) throw new Error('There is no manifest.');
  // Everything that it names is there, so only its digest shows that it is another manifest.
  a.objects.set(one, other);
  const { stores } = await mirror.run();
  expect(stores?.[1]).toMatchObject({
    state: 'behind',
    reason: `A: ${one} is damaged, or an object that it names is missing.`,
  });
  expect([b.objects.has(one), b.objects.has(two), problemsIn(b)]).toEqual([false, true, []]);
});

test('a tag whose image could not be copied stays where it was, and is looked at again', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  await mirror.run();
  takeAway(b);
  await move(mirror.repository, 'one', 'without B');
  await mirror.run();
  b.before = () => {};
  const was = tagIn(b, 'one');
  const blob = a.keys('blobs/sha256').find((key) => key.startsWith('blobs/') && !b.objects.has(key)) ?? '';
  const stored = a.objects.get(blob);
  if (stored === undefined) throw new Error('There is no such blob.');
  a.objects.set(blob, { ...stored, bytes: new Uint8Array(stored.bytes.length) });
  await mirror.run();
  expect([tagIn(b, 'one'), problemsIn(b), liesIn(b)]).toEqual([was, [], []]);
  takeAway(a);
  expect((await mirror.run()).counts.moved).toBe(1);
  expect(tagIn(b, 'one')).toBe(mirror.repository.tags.get('one')?.replace(':', '/'));
});

test('a run that is stopped while it catches a store up leaves it behind, and the next run goes on from there', async () => {
  const [a, b] = [new MemoryStore('A'), new MemoryStore('B')];
  const mirror = await Mirror.create(a, b);
  await mirror.run([a]);
  const stop = new AbortController();
  b.before = (call, key) => {
    if (call === 'put' && key.includes('/_blobs/')) stop.abort(new Error('stopped'));
  };
  const report = await mirror.run([a, b], stop.signal);
  expect(report.interrupted).toBe(true);
  expect(report.stores?.[1]).toMatchObject({
    state: 'behind',
    reason: 'B: the run was stopped before this store was caught up.',
  });
  b.before = () => {};
  b.calls.length = 0;
  await mirror.run();
  expect(b.calls.filter((call) => /^(?:put|beginUpload) blobs/.test(call))).toEqual([]);
  expectWhole(mirror);
});

test('one failed read does not remove the catch-up source, and upstream is not asked for its objects', async () => {
  const [a, b] = [new MemoryStore('A'), new MemoryStore('B')];
  const mirror = await Mirror.create(a, b);
  await mirror.run([a]);
  let isBroken = true;
  a.before = (call) => {
    if (!isBroken || call !== 'stream') return;
    isBroken = false;
    throw new StoreError('A: could not read a blob.');
  };
  const report = await mirror.run();
  expect(report.stores).toMatchObject([
    { state: 'in step' },
    { state: 'behind', reason: 'A: could not read a blob.' },
  ]);
  expect(mirror.source.calls.filter((call) => call.startsWith('blob'))).toEqual([]);
  await mirror.run();
  expect(mirror.source.calls.filter((call) => call.startsWith('blob'))).toEqual([]);
  expectWhole(mirror);
});
