/** The index of one store is lost: pins, and the digests that wait for a decision, come from another one, and no run writes it without them. */
import { expect, test } from 'vitest';
import {
  decodeRepositoryIndex,
  encodeRepositoryIndex,
  type IndexEntry,
} from '../../../../core/repository-index.ts';
import { parseDigest, type Digest } from '../../../../core/digest.ts';
import { parseRepository } from '../../../../core/reference.ts';
import type { RunReport } from '../../../../mirror-job/engine/report.ts';
import { RepositoryState } from '../../../../mirror-job/engine/tags/repository-state.ts';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import { environmentFor } from '../../support/harness.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { expectWhole, Mirror, move, pairOf, revertOne, ROOT, takeAway, tagIn } from './several-stores.ts';

const INDEX = `${ROOT}/_index.json`;

function entriesIn(store: MemoryStore): readonly IndexEntry[] {
  return decodeRepositoryIndex(INDEX, store.objects.get(INDEX)?.bytes ?? new Uint8Array());
}

/** Notes a pin in the stores, as a rescue of a digest does. */
async function pin(stores: readonly MemoryStore[]): Promise<Digest> {
  const entry = entriesIn(stores[0] ?? new MemoryStore())[0];
  if (entry === undefined) throw new Error('There is no entry.');
  for (const store of stores) {
    const state = await RepositoryState.open(environmentFor(store), parseRepository('mirror.test/app'));
    const { mediaType, digest, size, firstSeen } = entry;
    await state.note({ kind: 'pin', mediaType, digest, size, firstSeen });
    await state.flush();
  }
  return entry.digest;
}

/** Two stores in step, with a pin, a tag that was reverted, and the digest that it left. */
async function mirrored(): Promise<Mirror> {
  const mirror = await Mirror.create();
  await mirror.run();
  await move(mirror.repository, 'one', 'newer');
  await mirror.run();
  await pin(mirror.stores);
  const reverted = await mirror.run();
  expect(reverted.stores).toMatchObject([{ state: 'in step' }, { state: 'in step' }]);
  const kinds = entriesIn(pairOf(mirror)[0]).map(({ kind }) => kind);
  expect(kinds.toSorted()).toEqual(['candidate', 'pin', 'tag', 'tag']);
  return mirror;
}

const lose = async (store: MemoryStore, how: 'missing' | 'unreadable'): Promise<void> => {
  if (how === 'missing') store.objects.delete(INDEX);
  else await store.put(INDEX, Buffer.from('no json'), { contentType: 'application/json' });
};

/** Whether a run keeps the entry that moves the tag "two". */
const isKept = (entry: IndexEntry): boolean => entry.kind !== 'tag' || entry.tag === 'one';

test.each([
  ['missing', 0],
  ['missing', 1],
  ['unreadable', 0],
  ['unreadable', 1],
] as const)(
  'a run with an index that is %s in store %d keeps every entry in both stores',
  async (how, at) => {
    const mirror = await mirrored();
    const before = entriesIn(pairOf(mirror)[0]);
    const store = mirror.stores[at];
    if (store === undefined) throw new Error('There is no such store.');
    await lose(store, how);
    // Something to write, because the other store's index is whole and a run that finds nothing new writes none.
    await move(mirror.repository, 'two', 'other');
    const report = await mirror.run();
    expect(report.findings).toEqual([]);
    expect(report.counts).toMatchObject({ unchanged: 1, moved: 1 });
    for (const one of mirror.stores)
      expect(entriesIn(one)).toEqual(expect.arrayContaining(before.filter(isKept)));
    expectWhole(mirror);
    const told = mirror.environment?.logged.filter((line) => line.includes('come from')) ?? [];
    expect(told).toHaveLength(at === 0 ? 1 : 0);
  },
);

test('a run that is killed before it has written the index leaves the other store’s whole', async () => {
  for (const how of ['missing', 'unreadable'] as const) {
    const mirror = await mirrored();
    const [a, b] = pairOf(mirror);
    const before = entriesIn(b).filter(({ kind }) => kind !== 'tag');
    await lose(a, how);
    await move(mirror.repository, 'two', 'other');
    let isDead = false;
    a.before = (call, key) => {
      if (call === 'put' && key === INDEX) isDead = true;
      if (isDead) throw new Error('killed');
    };
    await mirror.run().catch(() => undefined);
    a.before = () => {};
    expect(isDead).toBe(true);
    expect(entriesIn(b)).toEqual(expect.arrayContaining(before));
    await mirror.run();
    for (const one of mirror.stores) expect(entriesIn(one)).toEqual(expect.arrayContaining(before));
    expectWhole(mirror);
  }
});

test('a run that is killed after it has emptied an unreadable index of another store leaves the mark that pins may be lost', async () => {
  const mirror = await mirrored();
  const [a, b] = pairOf(mirror);
  await move(mirror.repository, 'two', 'other');
  await mirror.run([a]);
  await lose(b, 'unreadable');
  let isDead = false;
  b.before = (call, key) => {
    if (call === 'put' && key === `${ROOT}/_tags/two`) isDead = true;
    if (isDead) throw new Error('killed');
  };
  await mirror.run().catch(() => undefined);
  b.before = () => {};
  expect([isDead, entriesIn(b)]).toEqual([true, []]);
  // The other store is all that is left, and no prune may take its pins.
  await mirror.run([b]);
  expect(entriesIn(b).map(({ kind }) => kind)).not.toContain('pin');
  expect(b.json(INDEX)).toMatchObject({ annotations: { 'dev.lifeboat.may-lack': 'pins' } });
});

test('an index that no store has is a finding, once, and names the command that lists what may be lost', async () => {
  const mirror = await mirrored();
  for (const store of mirror.stores) await lose(store, 'missing');
  const report = await mirror.run();
  expect(report.findings).toEqual([
    {
      kind: 'index-lost',
      repository: 'mirror.test/app',
      message: `${INDEX} is missing, and no other store has it: it was made anew from the tags. Pins, and digests that waited for a decision, may be lost. "lifeboat verify --repair" names the digests of mirror.test/app that may have lost their pin; until then, pruning leaves them.`,
    },
  ]);
  for (const store of mirror.stores) {
    expect(entriesIn(store).map(({ kind }) => kind)).toEqual(['tag', 'tag']);
    expect(store.json(INDEX)).toMatchObject({ annotations: { 'dev.lifeboat.may-lack': 'pins' } });
  }
  await move(mirror.repository, 'two', 'other');
  expect((await mirror.run()).findings).toEqual([]);
  expect(pairOf(mirror)[0].json(INDEX)).toMatchObject({ annotations: { 'dev.lifeboat.may-lack': 'pins' } });
});

test('pins that the primary has lost while another store was away come back with that store', async () => {
  const mirror = await mirrored();
  const [a, b] = pairOf(mirror);
  const pinned = entriesIn(b).filter(({ kind }) => kind !== 'tag');
  await lose(a, 'missing');
  takeAway(b);
  expect((await mirror.run()).findings).toMatchObject([{ kind: 'index-lost' }]);
  b.before = () => {};
  await mirror.run();
  for (const store of mirror.stores) {
    expect(entriesIn(store)).toEqual(expect.arrayContaining(pinned));
    expect(store.objects.get(INDEX)?.bytes.toString()).not.toContain('may-lack');
  }
});

test('nothing is written if the other store cannot be asked for what the index had', async () => {
  const mirror = await mirrored();
  const [a, b] = pairOf(mirror);
  const pinned = entriesIn(b);
  await lose(a, 'missing');
  b.before = (call, key) => {
    if (call === 'get' && key === INDEX) throw new StoreError('B: the read has failed.');
  };
  expect((await mirror.run()).counts).toMatchObject({ failed: 1 });
  b.before = () => {};
  expect(entriesIn(b)).toEqual(pinned);
  await mirror.run();
  expect(entriesIn(a)).toEqual(pinned);
});

test('two runs at once both keep the pins', async () => {
  const mirror = await mirrored();
  const [a] = pairOf(mirror);
  const before = entriesIn(a).filter(({ kind }) => kind !== 'tag');
  await lose(a, 'missing');
  await move(mirror.repository, 'two', 'other');
  await Promise.all([mirror.run(), mirror.run()]);
  for (const one of mirror.stores) expect(entriesIn(one)).toEqual(expect.arrayContaining(before));
  expectWhole(mirror);
});

test('a new repository, and one whose first run was killed, have lost nothing', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  let isDead = false;
  a.before = (call, key) => {
    if (call === 'put' && key === INDEX) isDead = true;
    if (isDead) throw new Error('killed');
  };
  await mirror.run().catch(() => undefined);
  a.before = () => {};
  expect([isDead, a.objects.has(`${ROOT}/_tags/one`), a.objects.has(INDEX)]).toEqual([true, true, false]);
  b.objects.delete(INDEX);
  const report = await mirror.run();
  expect(report.findings).toEqual([]);
  expectWhole(mirror);
});

test('a held tag that has moved since the other store’s index was written never goes back to what waited there', async () => {
  const mirror = await mirrored();
  const [a, b] = pairOf(mirror);
  takeAway(b);
  await revertOne(mirror, a);
  const reverted = tagIn(a, 'one');
  a.objects.delete(INDEX);
  b.before = () => {};
  await mirror.run();
  expect([tagIn(a, 'one'), tagIn(b, 'one')]).toEqual([reverted, reverted]);
  expect(entriesIn(a).find((entry) => entry.kind === 'tag' && entry.tag === 'one')).toMatchObject({
    digest: parseDigest(reverted.replace('/', ':')),
    hold: expect.stringContaining('it crashes'),
  });
});

test('what waited for a tag in an index that is older than the tag never counts as newer, whatever the clocks say', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  await mirror.run();
  const entries = entriesIn(a);
  const [one, two] = ['one', 'two'].map((tag) =>
    entries.find((entry) => entry.kind === 'tag' && entry.tag === tag),
  );
  if (one?.kind !== 'tag' || two?.kind !== 'tag') throw new Error('There are no two tags.');
  // A clock that was ahead has seen a digest a year from now, and the tag has moved since by a right clock.
  const late = Date.parse(one.firstSeen) + 365 * 24 * 3_600_000;
  const digest = await pin([a]);
  await move(mirror.repository, 'one', 'newest');
  const { tag: _, ...facts } = one;
  const waiting = {
    ...facts,
    kind: 'candidate' as const,
    tag: one.tag,
    digest,
    sightings: { first: late, last: late },
  };
  takeAway(b);
  await mirror.run();
  b.before = () => {};
  a.objects.delete(INDEX);
  await b.put(INDEX, encodeRepositoryIndex([waiting, two]), { contentType: 'application/json' });
  const environment = { ...environmentFor(a, { clock: mirror.clock }), replicas: () => [a, b] };
  const state = await RepositoryState.open(environment, parseRepository('mirror.test/app'));
  expect(state.candidates(one.tag)).toHaveLength(1);
  expect(state.tag(one.tag)?.sightings?.last).toBeGreaterThan(late);
  expect(state.tag(two.tag)?.firstSeen).toBe(two.firstSeen);
});

/** The bytes of every object of the repository. */
const repositoryIn = (store: MemoryStore) =>
  new Map([...store.objects].flatMap(([key, { bytes }]) => (key.startsWith(ROOT) ? [[key, bytes]] : [])));

const failuresOf = ({ items }: RunReport): string[] =>
  items.flatMap(({ outcome }) => (outcome.result === 'failed' ? [outcome.error] : []));

test('a repository that the primary has lost whole is no new one: nothing is written before a repair', async () => {
  const mirror = await mirrored();
  const [a, b] = pairOf(mirror);
  for (const key of repositoryIn(a).keys()) a.objects.delete(key);
  const before = repositoryIn(b);
  mirror.repository.tags.delete('two');
  const report = await mirror.run();
  expect(failuresOf(report)).toEqual([
    'A has nothing of mirror.test/app, and B has an index of it. Nothing of mirror.test/app is written in this run. "lifeboat verify --repair" brings it back from the other store.',
  ]);
  expect(repositoryIn(a)).toEqual(new Map());
  expect(repositoryIn(b)).toEqual(before);
});

test('a repository that is new in both stores costs one read of the later store’s index more', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  const reads: string[] = [];
  for (const store of [a, b]) {
    store.before = (call, key) => {
      if (call === 'get' && key === INDEX && !store.objects.has(INDEX)) reads.push(store.name);
    };
  }
  expect(failuresOf(await mirror.run())).toEqual([]);
  expectWhole(mirror);
  // The second one, of B.
  expect(reads).toEqual(['A', 'B', 'A', 'A', 'B']);
});

test('pins and waiting digests whose manifest the primary has lost too stay where they are until a repair', async () => {
  for (const kind of ['pin', 'candidate']) {
    const mirror = await mirrored();
    const [a, b] = pairOf(mirror);
    const before = repositoryIn(b);
    const digest = entriesIn(a).find((entry) => entry.kind === kind)?.digest ?? '';
    a.objects.delete(`${ROOT}/_manifests/${digest.replace(':', '/')}`);
    a.objects.delete(INDEX);
    const rest = repositoryIn(a);
    await move(mirror.repository, 'two', 'other');
    expect(failuresOf(await mirror.run())).toEqual([
      `${INDEX} is missing. Its pins and waiting digests are in B, and A lacks manifests of them. Nothing of mirror.test/app is written in this run. "lifeboat verify --repair" brings them back from the other store: ${digest}.`,
    ]);
    expect([repositoryIn(a), repositoryIn(b)]).toEqual([rest, before]);
  }
});
