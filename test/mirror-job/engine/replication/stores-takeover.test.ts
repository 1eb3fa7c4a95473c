/**
 * The writer of a later store tries to decide what the stores before it hold. It may write any object of its own store,
 * and replay old ones; it lacks the other stores' secrets.
 */
import { expect, test } from 'vitest';
import { decodeIdentity } from '../../../../core/identity.ts';
import { StatusSigner } from '../../../../mirror-job/engine/replication/status-signer.ts';
import { exitCodeOf } from '../../../../mirror-job/engine/report.ts';
import {
  encodeStatuses,
  type ReplicaStatus,
} from '../../../../mirror-job/engine/replication/replica-status.ts';
import { addImage, addStreamedLayer, tagAs } from '../../../support/builder.ts';
import { emptyRepository } from '../../../support/content.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import {
  contentOf,
  Mirror,
  STATUS_KEY,
  statusesIn,
  pairOf,
  problemsIn,
  tagIn,
  takeAway,
} from './several-stores.ts';

function idOf(store: MemoryStore): string {
  const stored = store.objects.get('lifeboat.json');
  if (stored === undefined) throw new Error(`${store.name} is nobody's.`);
  return decodeIdentity(stored.bytes).id;
}

/** The attacker's own mirror, later than everything else: the tag "one" is another image, "evil" is a new tag. */
async function evilStore(): Promise<MemoryStore> {
  const repository = emptyRepository();
  const image = addImage(repository, { layers: [await addStreamedLayer(repository, 'evil', 100)] });
  tagAs(repository, image, 'one', 'evil');
  const store = new MemoryStore('E');
  const mirror = new Mirror(repository, [store]);
  mirror.clock.advance(365 * 86_400_000);
  await mirror.run();
  return store;
}

/** Puts the attacker's images and tags into a store. */
async function poison(store: MemoryStore): Promise<void> {
  const evil = await evilStore();
  for (const [key, object] of evil.objects) if (key !== 'lifeboat.json') store.objects.set(key, object);
}

async function writeStatuses(store: MemoryStore, statuses: readonly ReplicaStatus[]): Promise<void> {
  await store.put(STATUS_KEY, encodeStatuses(statuses), { contentType: 'application/json' });
}

const LATER = '2030-01-01T00:00:00.000Z';

/** The statuses that an attacker may write. */
function status(store: MemoryStore, inStep: boolean, others: Partial<ReplicaStatus> = {}): ReplicaStatus {
  return { store: store.name, id: idOf(store), inStep, since: LATER, at: LATER, run: 'evil', ...others };
}

const UNSIGNED =
  'B says that A, which is listed before it, is behind. Nothing shows that this job wrote that, so nothing was copied from it. If A has the right tags, delete state/_stores.json of B. If B has them, list it first until both are in step. Also look for who else can write into it: docs/stores.md tells when a signature is missing.';

const FORGERIES: readonly (readonly [
  string,
  (a: MemoryStore, b: MemoryStore) => ReplicaStatus[] | Promise<ReplicaStatus[]>,
])[] = [
  ['without a signature', (a, b) => [status(a, false), status(b, true)]],
  ['without an id', (a, b) => [status(a, false, { id: undefined }), status(b, true)]],
  ['with text for a signature', (a, b) => [status(a, false, { signature: 'no base64 !' }), status(b, true)]],
  [
    'signed with the secret of the store that the attacker can write',
    async (a, b) => {
      const signer = new StatusSigner(() => 'the secret of B');
      return [await signer.sign(status(a, false), { name: 'B', id: idOf(b) }), status(b, true)];
    },
  ],
  [
    'that is the old one with another meaning',
    (a, b) => {
      const [ofA, ...others] = statusesIn(b);
      if (ofA?.store !== a.name) throw new Error('There is no note about A.');
      return [{ ...ofA, inStep: false }, ...others];
    },
  ],
];

test.each(FORGERIES)(
  'a note %s that the primary is behind is not believed, and its store is left out',
  async (_, forge) => {
    const mirror = await Mirror.create();
    const [a, b] = pairOf(mirror);
    await mirror.run();
    const before = Object.fromEntries(contentOf(a));
    const forged = await forge(a, b);
    await poison(b);
    await writeStatuses(b, forged);
    const report = await mirror.run();
    expect(Object.fromEntries(contentOf(a))).toEqual(before);
    expect(report.counts).toMatchObject({ unchanged: 2, failed: 0 });
    expect(report.stores).toMatchObject([
      { name: 'A', state: 'in step' },
      { name: 'B', state: 'behind', reason: UNSIGNED, undecided: true },
    ]);
    expect(exitCodeOf(report)).toBe(1);
    expect(mirror.environment?.logged).toContain(`warn: ${UNSIGNED} This run goes on without this store.`);
  },
);

test.each([
  [
    'the id of another bucket for the primary',
    (a: MemoryStore, b: MemoryStore) => [status(a, true, { id: 'x' }), status(b, true)],
  ],
  ['nothing of the primary', (_: MemoryStore, b: MemoryStore) => [status(b, true)]],
  ['nothing at all', () => []],
])('notes with %s change nothing in the primary, and the attacked store is compared', async (_, forge) => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  await mirror.run();
  const before = Object.fromEntries(contentOf(a));
  const good = tagIn(b, 'one');
  await poison(b);
  await writeStatuses(b, forge(a, b));
  const report = await mirror.run();
  expect(Object.fromEntries(contentOf(a))).toEqual(before);
  expect(tagIn(b, 'one')).toBe(good);
  expect(report.stores).toMatchObject([{ state: 'in step' }, { state: 'in step' }]);
  expect(report.findings).toMatchObject([{ kind: 'caught-up', store: 'B', tags: [{ tag: 'one' }] }]);
  expect(exitCodeOf(report)).toBe(1);
});

/** @returns the statuses that the job wrote into B while A was away */
async function notesOfAnOutage(mirror: Mirror): Promise<ReplicaStatus[]> {
  const [a, b] = pairOf(mirror);
  await mirror.run();
  takeAway(a);
  await mirror.run();
  const statuses = statusesIn(b);
  a.before = () => {};
  return statuses;
}

test('the notes of an earlier outage do not count again, and the store that shows them is caught up', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  const old = await notesOfAnOutage(mirror);
  expect(old).toMatchObject([
    { store: 'A', inStep: false },
    { store: 'B', inStep: true },
  ]);
  await mirror.run();
  const before = Object.fromEntries(contentOf(a));
  const good = tagIn(a, 'one');
  await poison(b);
  await writeStatuses(b, old);
  const report = await mirror.run();
  expect(Object.fromEntries(contentOf(a))).toEqual(before);
  expect([tagIn(b, 'one'), report.stores]).toMatchObject([
    good,
    [{ state: 'in step' }, { state: 'in step' }],
  ]);
  expect(report.findings).toMatchObject([{ kind: 'caught-up', store: 'B' }]);
  expect(exitCodeOf(await mirror.run())).toBe(0);
});

test('the notes of an earlier outage do not count again if the clock was ahead during that outage', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  mirror.clock.advance(10 * 3_600_000);
  const old = await notesOfAnOutage(mirror);
  mirror.clock.advance(-8 * 3_600_000);
  await mirror.run();
  const before = Object.fromEntries(contentOf(a));
  await poison(b);
  await writeStatuses(b, old);
  await mirror.run();
  expect(Object.fromEntries(contentOf(a))).toEqual(before);
});

test('a note that is shown many times costs as few calls as one note', async () => {
  const calls: number[] = [];
  for (const copies of [1, 100]) {
    const mirror = await Mirror.create();
    const [a, b] = pairOf(mirror);
    const [old, ...others] = await notesOfAnOutage(mirror);
    if (old === undefined) throw new Error('There is no note about A.');
    await mirror.run();
    const replayed = Array.from({ length: copies }, () => old);
    const stores = [...replayed, ...others];
    await b.put(STATUS_KEY, Buffer.from(JSON.stringify({ stores })), { contentType: 'application/json' });
    a.calls.length = 0;
    await mirror.run();
    calls.push(a.calls.length);
  }
  expect(calls[1]).toBe(calls[0]);
});

test('a store that several others accuse is listed once to see whether it was filled', async () => {
  const [a, b, c] = [new MemoryStore('A'), new MemoryStore('B'), new MemoryStore('C')];
  const mirror = await Mirror.create(a, b, c);
  await mirror.run();
  for (const store of [b, c]) await writeStatuses(store, [status(a, false), status(store, true)]);
  a.calls.length = 0;
  expect((await mirror.run()).stores).toMatchObject([
    { state: 'in step' },
    { undecided: true },
    { undecided: true },
  ]);
  expect(a.calls.filter((call) => call === 'list state/')).toHaveLength(1);
});

test.each(['2099-01-01T00:00:00.000Z', '9998-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'])(
  'a note of %s, signed with the secret of its store, moves the time of no other store, and all can be read',
  async (at) => {
    const [a, b, c] = [new MemoryStore('A'), new MemoryStore('B'), new MemoryStore('C')];
    const mirror = await Mirror.create(a, b, c);
    await mirror.run([a, b]);
    const signer = new StatusSigner(() => 'the secret of B');
    const ahead = await signer.sign(status(b, true, { at, since: at }), { name: 'B', id: idOf(b) });
    await writeStatuses(b, [...statusesIn(b).filter(({ store }) => store !== 'B'), ahead]);
    await mirror.run([a, b]);
    await mirror.run();
    const certified = mirror.clock.now().toISOString();
    for (const store of [a, b, c]) {
      expect(statusesIn(store)).toMatchObject([
        { store: 'A', inStep: true, at: certified },
        { store: 'B', inStep: true },
        { store: 'C', inStep: true, at: certified },
      ]);
    }
    for (const stores of [
      [a, b],
      [a, b, c],
    ]) {
      expect((await mirror.run(stores)).stores?.every(({ state }) => state === 'in step')).toBe(true);
    }
    const calls = [a, b, c].map((store) => store.calls.length);
    await mirror.run([a, b, c]);
    await mirror.run([a, b, c]);
    const since = [a, b, c].flatMap((store, index) => store.calls.slice(calls[index]));
    expect(since.filter((call) => call.startsWith('put state/_stores'))).toEqual([]);
  },
);

test('the writer of a later store cannot have the job sign that another bucket than the primary is behind', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  await mirror.run();
  takeAway(a);
  await writeStatuses(b, [status(a, true, { id: 'of another bucket' }), status(b, true)]);
  await mirror.run();
  expect(statusesIn(b).find(({ store }) => store === 'A')).toMatchObject({ id: undefined, inStep: false });
});

test('older notes of the job, by which all stores are in step, do not hide what was changed in a store', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  await mirror.run();
  const old = statusesIn(b);
  expect(old).toMatchObject([{ inStep: true }, { inStep: true }]);
  takeAway(b);
  await mirror.run();
  b.before = () => {};
  await mirror.run();
  await poison(b);
  await writeStatuses(b, old);
  const report = await mirror.run();
  expect([tagIn(b, 'one'), report.findings]).toMatchObject([tagIn(a, 'one'), [{ store: 'B' }]]);
});

test('the notes of an earlier outage do not count after the notes of the primary were deleted', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  const old = await notesOfAnOutage(mirror);
  await mirror.run();
  const before = Object.fromEntries(contentOf(a));
  a.objects.delete(STATUS_KEY);
  await poison(b);
  await writeStatuses(b, old);
  await mirror.run();
  expect(Object.fromEntries(contentOf(a))).toEqual(before);
});

test('a note that the job wrote into one store does not count in another one', async () => {
  const [a, b, c] = [new MemoryStore('A'), new MemoryStore('B'), new MemoryStore('C')];
  const mirror = await Mirror.create(a, b, c);
  await mirror.run();
  takeAway(a);
  takeAway(c);
  await mirror.run();
  for (const store of [a, c]) store.before = () => {};
  const before = tagIn(a, 'one');
  await poison(c);
  await writeStatuses(c, [...statusesIn(b).filter(({ store }) => store === 'A'), status(c, true)]);
  takeAway(b);
  const report = await mirror.run();
  expect([tagIn(a, 'one'), report.stores?.[2]?.undecided]).toEqual([before, true]);
  expect(problemsIn(a)).toEqual([]);
});

test('a store that was filled by somebody else is overwritten when it is added, and the primary is not', async () => {
  const [a, b] = [new MemoryStore('A'), await evilStore()];
  const mirror = await Mirror.create(a, b);
  await mirror.run([a]);
  const before = Object.fromEntries(contentOf(a));
  for (const statuses of [[], [status(b, true), status(a, true)]]) {
    await poison(b);
    await writeStatuses(b, statuses);
    const report = await mirror.run();
    expect(Object.fromEntries(contentOf(a))).toEqual(before);
    expect([tagIn(b, 'one'), report.stores?.[1]?.state]).toEqual([tagIn(a, 'one'), 'in step']);
    expect(report.findings).toMatchObject([{ kind: 'caught-up', store: 'E' }]);
    expect(report.findings[0]?.tags?.map(({ tag }) => tag)).toContain('one');
  }
});

test('the last of three stores cannot make the second one take its tags while the primary is away', async () => {
  const [a, b, c] = [new MemoryStore('A'), new MemoryStore('B'), new MemoryStore('C')];
  const mirror = await Mirror.create(a, b, c);
  await mirror.run();
  const before = Object.fromEntries(contentOf(b));
  await poison(c);
  await writeStatuses(c, [status(a, true), status(b, false), status(c, true)]);
  takeAway(a);
  const report = await mirror.run();
  expect(Object.fromEntries(contentOf(b))).toEqual(before);
  expect(report.stores).toMatchObject([{ state: 'behind' }, { state: 'in step' }, { undecided: true }]);
});

test('the name of a store that does not exist is not carried from a later store into the primary', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  await mirror.run();
  await writeStatuses(b, [...statusesIn(b), { ...status(b, true), store: 'Z' }]);
  await mirror.run();
  expect(statusesIn(a).map(({ store }) => store)).toEqual(['A', 'B']);
});
