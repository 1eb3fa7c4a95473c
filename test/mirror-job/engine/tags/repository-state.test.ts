/** A repository's index: written as a run goes on, merged with what other runs wrote, rebuilt from tags. */
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { parseDigest } from '../../../../core/digest.ts';
import { parseRepository, parseTag } from '../../../../core/reference.ts';
import { encodeRepositoryIndex, type TagEntry } from '../../../../core/repository-index.ts';
import { OCI_DESCRIPTOR } from '../../../../core/media-type.ts';
import { encodeTag } from '../../../../core/tag-object.ts';
import { encodeTagList } from '../../../../core/tag-list.ts';
import { RepositoryState } from '../../../../mirror-job/engine/tags/repository-state.ts';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import { digestOf } from '../../../support/content.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../../../support/media-types.ts';
import { environmentFor, TestClock } from '../../support/harness.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const repository = parseRepository('mirror.test/app');
const INDEX = 'repositories/mirror.test/app/_index.json';
const TAGS = 'repositories/mirror.test/app/_tags.json';

function entry(tag: string, content = tag): TagEntry {
  const digest = parseDigest(digestOf(Buffer.from(content)));
  const firstSeen = '2026-01-01T00:00:00.000Z';
  return { kind: 'tag', tag: parseTag(tag), mediaType: OCI_MANIFEST, digest, size: 7, firstSeen };
}

const writes = ({ calls }: MemoryStore) => calls.filter((call) => call.startsWith('put '));

test('opening the state is one read and, without an index, one listing, and nothing is written if nothing is noted', async () => {
  const store = new MemoryStore();
  const state = await RepositoryState.open(environmentFor(store), repository);
  expect(state.isEmpty).toBe(true);
  await state.flush();
  expect(store.calls).toEqual([`get ${INDEX}`, 'list repositories/mirror.test/app/_']);
  await state.note(entry('a'));
  await state.flush();
  store.calls.length = 0;
  await (await RepositoryState.open(environmentFor(store), repository)).flush();
  expect(store.calls).toEqual([`get ${INDEX}`]);
});

test('the list of tags is written before the index, sorted, with tags that stand for referrers', async () => {
  const store = new MemoryStore();
  const state = await RepositoryState.open(environmentFor(store), repository);
  const signature = `sha256-${'0'.repeat(64)}`;
  for (const tag of ['b', 'a', signature, `${signature}.sig`]) await state.note(entry(tag));
  await state.flush();
  expect(writes(store)).toEqual([`put ${TAGS}`, `put ${INDEX}`]);
  expect(store.json(TAGS)).toEqual({
    name: 'mirror.test/app',
    tags: ['a', 'b', signature, `${signature}.sig`],
  });
  expect(store.objects.get(TAGS)?.contentType).toBe('application/json');
  expect(store.objects.get(INDEX)?.contentType).toBe(OCI_INDEX);
  const again = await RepositoryState.open(environmentFor(store), repository);
  expect(again.tag(parseTag('b'))).toEqual(entry('b'));
  expect(again.tag(parseTag(signature))).toEqual(entry(signature));
});

test('the index is read while the list of tags is changed, and written only after it', async () => {
  const store = new MemoryStore();
  const state = await RepositoryState.open(environmentFor(store), repository);
  await state.note(entry('a'));
  const isListed: boolean[] = [];
  store.before = async (call, key) => {
    if (call === 'put' && key === TAGS) await setTimeout(20);
    if (call === 'put' && key === INDEX) isListed.push(store.objects.has(TAGS));
  };
  await state.flush();
  expect(isListed).toEqual([true]);

  await state.note(entry('b'));
  store.before = (call, key) => {
    if (call === 'put' && key === TAGS) throw new StoreError('The store is ill.');
  };
  await expect(state.flush()).rejects.toThrow('The store is ill.');
  expect((await RepositoryState.open(environmentFor(store), repository)).tag(parseTag('b'))).toBeUndefined();
});

test('a pin is in the index, and the list of tags is empty', async () => {
  const store = new MemoryStore();
  const state = await RepositoryState.open(environmentFor(store), repository);
  const { digest, mediaType, size, firstSeen } = entry('pinned');
  await state.note({ kind: 'pin', digest, mediaType, size, firstSeen });
  await state.flush();
  expect(writes(store)).toEqual([`put ${TAGS}`, `put ${INDEX}`]);
  expect(store.json(TAGS)).toEqual({ name: 'mirror.test/app', tags: [] });
  const again = await RepositoryState.open(environmentFor(store), repository);
  expect(again.pin(digest)?.kind).toBe('pin');
  await again.flush();
  expect(store.calls.at(-1)).toBe(`get ${INDEX}`);
});

test('an entry whose hold another writer has set meanwhile is dropped, because the tag itself has to say whether it is held', async () => {
  const store = new MemoryStore();
  const open = () => RepositoryState.open(environmentFor(store), repository);
  const tag = parseTag('a');
  const first = await open();
  await first.note(entry('a'));
  await first.flush();
  const [run, hand] = [await open(), await open()];
  await hand.note({ ...entry('a'), hold: 'reverted by hand' });
  await hand.flush();
  await run.note({ ...entry('a'), referrersChecked: '2026-01-02T00:00:00.000Z' });
  await run.flush();
  expect((await open()).tag(tag)).toBeUndefined();
  // A run that has read the entry may write it.
  const held = { ...entry('a'), hold: 'reverted by hand' };
  await run.note(held);
  await run.flush();
  const later = await open();
  await later.note({ ...held, referrersChecked: '2026-01-03T00:00:00.000Z' });
  await later.flush();
  expect((await open()).tag(tag)).toMatchObject({ hold: 'reverted by hand' });
});

test('an entry is not written if a command by hand has moved the tag meanwhile, although the index lacks the tag again', async () => {
  const store = new MemoryStore();
  const open = () => RepositoryState.open(environmentFor(store), repository);
  const [run, other, hand] = [await open(), await open(), await open()];
  const moved = encodeTag({
    mediaType: OCI_MANIFEST,
    digest: entry('a', 'moved').digest,
    bytes: new Uint8Array(Buffer.from('moved')),
    moved: '2026-01-01T00:00:00.000Z',
    run: 'hand',
  });
  await other.note(entry('a'));
  await other.flush();
  await store.put('repositories/mirror.test/app/_tags/a', moved, { contentType: OCI_DESCRIPTOR });
  // The two disagree, so the index lacks the tag.
  await hand.note(entry('a', 'moved'));
  await hand.flush();
  await run.note(entry('a'));
  await run.note(entry('b'));
  await run.flush();
  const after = await open();
  expect([after.tag(parseTag('a')), after.tag(parseTag('b'))?.digest]).toEqual([
    undefined,
    entry('b').digest,
  ]);
});

test('two writers at once lose nothing of each other', async () => {
  const store = new MemoryStore();
  const [one, two] = await Promise.all(
    ['one', 'two'].map(() => RepositoryState.open(environmentFor(store), repository)),
  );
  await one?.note(entry('one'));
  await two?.note(entry('two'));
  await two?.note(entry('both', 'two'));
  await Promise.all([one?.flush(), two?.flush()]);
  expect(store.json(TAGS)).toEqual({ name: 'mirror.test/app', tags: ['both', 'one', 'two'] });
  const merged = await RepositoryState.open(environmentFor(store), repository);
  expect(['one', 'two', 'both'].map((tag) => merged.tag(parseTag(tag))?.digest)).toEqual([
    entry('one').digest,
    entry('two').digest,
    entry('both', 'two').digest,
  ]);
});

test('the state is written while the run goes on, if its last write is long enough ago', async () => {
  const store = new MemoryStore();
  const clock = new TestClock();
  const state = await RepositoryState.open(
    environmentFor(store, { clock, limits: { flushEveryMs: 1000 } }),
    repository,
  );
  clock.advance(999);
  await state.note(entry('one'));
  expect(writes(store)).toEqual([]);
  clock.advance(1);
  await state.note(entry('two'));
  expect(writes(store)).toEqual([`put ${TAGS}`, `put ${INDEX}`]);
  await state.note(entry('three'));
  expect(writes(store).length).toBe(2);
});

test('an entry that could not be written is written the next time', async () => {
  const store = new MemoryStore();
  const state = await RepositoryState.open(environmentFor(store), repository);
  await state.note(entry('one'));
  store.before = (call, key) => {
    if (call === 'put' && key === INDEX) throw new Error('not now');
  };
  await expect(state.flush()).rejects.toThrow('not now');
  store.before = () => {};
  await state.flush();
  expect((await RepositoryState.open(environmentFor(store), repository)).tag(parseTag('one'))).toEqual(
    entry('one'),
  );
});

test('an entry that cannot be written while the run goes on is no failure until the run ends', async () => {
  const store = new MemoryStore();
  const environment = environmentFor(store, { limits: { flushEveryMs: 0 } });
  const state = await RepositoryState.open(environment, repository);
  store.before = (call, key) => {
    if (call === 'put' && key === INDEX) throw new Error('not now');
  };
  await state.note(entry('one'));
  await expect(state.flush()).rejects.toThrow('not now');
  store.before = () => {};
  await state.note(entry('two'));
  expect((await RepositoryState.open(environment, repository)).tags).toEqual([entry('one'), entry('two')]);
});

test('an index that cannot be read is made anew from every tag, and warnings say so', async () => {
  const store = new MemoryStore();
  const manifest = Buffer.from('{"a":1}');
  const { digest } = entry('two', '{"a":1}');
  const moved = { mediaType: OCI_MANIFEST, digest, bytes: manifest, moved: entry('two').firstSeen, run: 'r' };
  await store.put('repositories/mirror.test/app/_tags/two', encodeTag(moved), {
    contentType: OCI_DESCRIPTOR,
  });
  await store.put(INDEX, Buffer.from('{'), { contentType: OCI_INDEX });
  const environment = environmentFor(store);
  const state = await RepositoryState.open(environment, repository);
  expect(environment.logged).toEqual([
    `warn: The bucket's object ${INDEX} cannot be used: it is not JSON. It is made anew.`,
    `warn: ${INDEX} could not be read: it was made anew from the tags. Pins, and digests that waited for a decision, may be lost. "lifeboat verify --repair" names the digests of mirror.test/app that may have lost their pin; until then, pruning leaves them.`,
  ]);
  await state.note(entry('one'));
  await state.flush();
  const again = await RepositoryState.open(environment, repository);
  expect(again.tag(parseTag('one'))).toEqual(entry('one'));
  expect(again.tag(parseTag('two'))).toMatchObject({ digest, firstSeen: entry('two').firstSeen });
});

test('a list of tags that cannot be read is made anew from the stored tags, and a warning says so', async () => {
  const store = new MemoryStore();
  const folder = 'repositories/mirror.test/app/_tags/';
  const there = Array.from({ length: 1001 }, (_, number) => `t${String(number).padStart(4, '0')}`);
  for (const name of [...there, 'not a tag']) {
    await store.put(`${folder}${name}`, Buffer.from('{}'), { contentType: 'a/b' });
  }
  await store.put(TAGS, Buffer.from('{'), { contentType: 'application/json' });
  const environment = environmentFor(store);
  const state = await RepositoryState.open(environment, repository);
  await state.note(entry('t0000'));
  await state.note(entry('t9999'));
  await state.flush();
  expect(environment.logged).toEqual([
    `warn: The bucket's object ${TAGS} cannot be used: it is not JSON. It is made anew from the tags.`,
  ]);
  expect(store.json(TAGS)).toEqual({ name: 'mirror.test/app', tags: [...there, 't9999'] });
  expect(store.calls.filter((call) => call.startsWith('list ')).slice(-1)).toEqual([`list ${folder}`]);
});

test('a list of tags that got lost is made anew with the tags that no run looks at any more', async () => {
  const store = new MemoryStore();
  const folder = 'repositories/mirror.test/app/_tags/';
  for (const name of ['old', `sha256-${'0'.repeat(64)}.sig`]) {
    await store.put(`${folder}${name}`, Buffer.from('{}'), { contentType: 'a/b' });
  }
  const state = await RepositoryState.open(environmentFor(store), repository);
  await state.note(entry('new'));
  await state.flush();
  expect(store.json(TAGS)).toEqual({
    name: 'mirror.test/app',
    tags: ['new', 'old', `sha256-${'0'.repeat(64)}.sig`],
  });
});

/** A bucket from a time when the list of tags had no signature tags. */
async function oldBucket() {
  const store = new MemoryStore();
  const signature = `sha256-${'0'.repeat(64)}.sig`;
  const bytes = encodeRepositoryIndex([entry('a'), entry(signature)]);
  await store.put(INDEX, bytes, { contentType: OCI_INDEX });
  const tags = JSON.stringify({ name: repository, tags: ['a'] });
  await store.put(TAGS, Buffer.from(tags), { contentType: 'application/json' });
  for (const name of ['a', signature]) {
    const key = `repositories/mirror.test/app/_tags/${name}`;
    await store.put(key, Buffer.from('{}'), { contentType: 'a/b' });
  }
  store.calls.length = 0;
  return { store, signature, open: () => RepositoryState.open(environmentFor(store), repository) };
}

test('a list from before lists had every tag is made anew, once, even if nothing is noted', async () => {
  const { store, signature, open } = await oldBucket();
  const state = await open();
  await state.flush();
  expect(store.json(TAGS)).toEqual({ name: 'mirror.test/app', tags: ['a', signature] });
  expect(store.json(INDEX)).toMatchObject({ annotations: { 'dev.lifeboat.tag-list': 'every' } });
  expect(store.calls.filter((call) => call.startsWith('list'))).toEqual([
    'list repositories/mirror.test/app/_tags/',
  ]);
  expect(writes(store)).toEqual([`put ${TAGS}`, `put ${INDEX}`]);
  expect((await open()).tags).toEqual([entry('a'), entry(signature)]);
  store.calls.length = 0;
  await state.flush();
  await (await open()).flush();
  expect(store.calls).toEqual([`get ${INDEX}`]);
});

test('a list that lacks nothing is not written again, and the index says so from then on', async () => {
  const { store, signature, open } = await oldBucket();
  await store.put(TAGS, encodeTagList(repository, ['a', signature].map(parseTag)), { contentType: 'a/b' });
  store.calls.length = 0;
  await (await open()).flush();
  expect(writes(store)).toEqual([`put ${INDEX}`]);
});

test('when the list cannot be made anew, the index does not say that it was, and the next run tries again', async () => {
  const { store, signature, open } = await oldBucket();
  const state = await open();
  store.before = (call) => {
    if (call === 'list') throw new StoreError('The store is ill.');
  };
  await expect(state.flush()).rejects.toThrow('The store is ill.');
  store.before = () => {};
  expect(store.json(INDEX)).not.toHaveProperty('annotations');
  await (await open()).flush();
  expect(store.json(TAGS)).toEqual({ name: 'mirror.test/app', tags: ['a', signature] });
});

test('an older job that writes the list without signature tags again is noticed', async () => {
  const { store, open } = await oldBucket();
  await (await open()).flush();
  const state = await open();
  await store.put(INDEX, encodeRepositoryIndex([entry('a')]), { contentType: OCI_INDEX });
  await state.note(entry('b'));
  await state.flush();
  expect(store.json(INDEX)).not.toHaveProperty('annotations');
});

test('a list that cannot be read is mended even if the only tag that is noted exists already', async () => {
  const store = new MemoryStore();
  await store.put('repositories/mirror.test/app/_tags/one', Buffer.from('{}'), { contentType: 'a/b' });
  await store.put(TAGS, Buffer.from('{'), { contentType: 'application/json' });
  const state = await RepositoryState.open(environmentFor(store), repository);
  await state.note(entry('one'));
  await state.flush();
  expect(store.json(TAGS)).toEqual({ name: 'mirror.test/app', tags: ['one'] });
});

test('an object that another writer changes before every attempt is a failure that tells of that writer', async () => {
  const store = new MemoryStore();
  const state = await RepositoryState.open(environmentFor(store), repository);
  await state.note(entry('one'));
  let changes = 0;
  store.before = async (call, key) => {
    if (call !== 'put' || key !== TAGS) return;
    changes += 1;
    const hook = store.before;
    store.before = () => {};
    const tags = { name: repository, tags: [`t${changes}`] };
    await store.put(TAGS, Buffer.from(JSON.stringify(tags)), { contentType: 'application/json' });
    store.before = hook;
  };
  await expect(state.flush()).rejects.toThrow(
    `The bucket in memory: ${TAGS} could not be written: another writer changed it in each of the 24 attempts of this run. Run again when the other run has ended.`,
  );
});

test('a tag that another writer is about to move is not put back into the index', async () => {
  const store = new MemoryStore();
  const state = await RepositoryState.open(environmentFor(store), repository);
  await state.note(entry('one'));
  // The other writer has noted where the tag is, has taken it off, and moves it only after this run's write.
  const leaving = { ...entry('one'), kind: 'candidate' as const };
  await store.put(INDEX, encodeRepositoryIndex([leaving, entry('two')]), { contentType: OCI_INDEX });
  await state.flush();
  const left = await RepositoryState.open(environmentFor(store), repository);
  expect([left.tag(parseTag('one')), left.tag(parseTag('two'))]).toEqual([undefined, entry('two')]);
  // A run that opens it reads the tag itself, and notes it.
  await left.note(entry('one'));
  await left.flush();
  const again = await RepositoryState.open(environmentFor(store), repository);
  expect(again.tag(parseTag('one'))).toEqual(entry('one'));
});
