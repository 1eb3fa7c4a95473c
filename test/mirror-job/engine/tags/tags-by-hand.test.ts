/** `approve` and `revert`: what they write, and what they refuse. */
import { expect, test } from 'vitest';
import { parseDigest } from '../../../../core/digest.ts';
import { manifestKey, tagKey, tagListKey } from '../../../../core/layout.ts';
import { parseTag } from '../../../../core/reference.ts';
import { approveTag } from '../../../../mirror-job/engine/tags/approve.ts';
import { findManifest } from '../../../../mirror-job/engine/copy/find-manifest.ts';
import { readMovements } from '../../../../mirror-job/engine/tags/movement-log.ts';
import { MoveRefusedError } from '../../../../mirror-job/engine/tags/move-by-hand.ts';
import { RepositoryState } from '../../../../mirror-job/engine/tags/repository-state.ts';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import { UnconditionalStore } from '../../../../mirror-job/engine/store/unconditional-store.ts';
import { AMD64, ARM64, addImage, addIndex, addLayer, tagAs } from '../../../support/builder.ts';
import { INDEX_KEY, TAG_KEY, TagFixture, indexOf, threeDigests } from './tag-fixture.ts';

test('revert moves a tag back by one digest, holds it, gives it a later time than ever, and notes it in the index', async () => {
  const fixture = await threeDigests();
  const before = fixture.stands();
  expect(await fixture.revert({ reason: 'it crashes' })).toEqual({
    result: 'moved',
    digest: fixture.digest('b'),
    from: fixture.digest('c'),
  });
  const after = fixture.stands();
  expect(after).toMatchObject({ digest: fixture.digest('b'), hold: 'reverted by hand: it crashes' });
  // The edge believes the later of two movements, also to an older manifest.
  expect(after.moved > before.moved).toBe(true);
  expect(fixture.history()).toEqual([
    'nowhere → a: first seen',
    'a → b: upstream moved',
    'b → c: upstream moved',
    'c → b: reverted: it crashes',
  ]);
  expect(indexOf(fixture)).toEqual(['candidate c', 'tag b (reverted by hand: it crashes)']);
});

test('a revert is a later movement even if the clock was set back', async () => {
  const fixture = await threeDigests();
  const { moved } = fixture.stands();
  fixture.clock.advance(-86_400_000);
  await fixture.revert();
  expect(fixture.stands().moved > moved).toBe(true);
});

test('the time that the index has forgotten comes from the history: the first time that the tag had the digest', async () => {
  const fixture = await threeDigests();
  await fixture.revert({ to: 'a' });
  const entry = fixture.index().find(({ kind }) => kind === 'tag');
  expect(entry).toMatchObject({ digest: fixture.digest('a'), firstSeen: '2026-01-01T01:00:00.000Z' });
  expect(entry?.platforms).toBeUndefined();
});

test('the stored platforms go along with the digest, and come from the index, or else from what is stored', async () => {
  const fixture = new TagFixture();
  const { store, repository, upstream } = fixture;
  const children = await Promise.all(
    [AMD64, ARM64].map(async (platform) => {
      const layers = [await addLayer(upstream, `sparse ${platform.architecture}`)];
      return addImage(upstream, { layers, platform });
    }),
  );
  const sparse = addIndex(upstream, children);
  tagAs(upstream, sparse, 'latest');
  await fixture.run();
  await fixture.sync('b');
  fixture.forgetCandidates();
  store.objects.delete(manifestKey(repository, parseDigest(children[0]?.digest ?? '')));
  await fixture.revert();
  expect(fixture.stands()).toMatchObject({ digest: sparse.digest, platforms: ['linux/arm64'] });
  expect(fixture.index().find(({ kind }) => kind === 'tag')?.platforms).toEqual(['linux/arm64']);

  await fixture.approve('b');
  expect(fixture.stands().platforms).toBeUndefined();
  store.calls.length = 0;
  await fixture.revert();
  expect(fixture.stands().platforms).toEqual(['linux/arm64']);
  expect(store.calls.filter((call) => call.startsWith('size'))).toEqual([]);
});

test('a second revert is not two steps back, and --to goes further back', async () => {
  const fixture = await threeDigests();
  await fixture.revert({ reason: 'one' });
  fixture.store.calls.length = 0;
  for (const options of [{}, { reason: 'one' }, { to: 'b' }]) {
    expect(await fixture.revert(options)).toEqual({ result: 'unchanged', digest: fixture.digest('b') });
  }
  expect(fixture.store.calls.filter((call) => call.startsWith('put'))).toEqual([]);
  expect(fixture.stands().hold).toBe('reverted by hand: one');
  expect(await fixture.revert({ to: 'a' })).toMatchObject({ result: 'moved', from: fixture.digest('b') });
  expect(fixture.stands()).toMatchObject({ digest: fixture.digest('a'), hold: 'reverted by hand' });
  expect(indexOf(fixture)).toEqual(['candidate b', 'candidate c', 'tag a (reverted by hand)']);
});

test.each([[{}], [{ to: 'b' }]])(
  'a second revert (%j) that gives another reason leaves the tag where it is, and records the reason',
  async (options) => {
    const fixture = await threeDigests();
    await fixture.revert({ reason: 'one' });
    expect(await fixture.revert({ ...options, reason: 'two' })).toEqual({
      result: 'held',
      digest: fixture.digest('b'),
      hold: 'reverted by hand: two',
    });
    expect(fixture.stands()).toMatchObject({ digest: fixture.digest('b'), hold: 'reverted by hand: two' });
    expect(fixture.history().slice(3)).toEqual(['c → b: reverted: one', 'b → b: reverted: two']);
    expect(indexOf(fixture)).toEqual(['candidate c', 'tag b (reverted by hand: two)']);
  },
);

test('the record of a movement by hand names its author, and nobody if the author is not known', async () => {
  const fixture = await threeDigests();
  await fixture.revert({ by: 'alice@laptop' });
  await fixture.revert({ by: 'bob@laptop', reason: 'me too' });
  await fixture.approve('c', { by: 'octocat (GitHub Actions)' });
  await fixture.revert();
  const movements = await readMovements(fixture.environment(), fixture.repository, fixture.tag, 10);
  expect(movements.map(({ why, by }) => [why, by])).toEqual([
    ['reverted', undefined],
    ['approved', 'octocat (GitHub Actions)'],
    ['reverted: me too', 'bob@laptop'],
    ['reverted', 'alice@laptop'],
    ['upstream moved', undefined],
    ['upstream moved', undefined],
    ['first seen', undefined],
  ]);
});

test('a revert to the digest that the tag has only holds the tag, with the reason', async () => {
  const fixture = await threeDigests();
  expect(await fixture.revert({ to: 'c', reason: 'no newer one' })).toEqual({
    result: 'held',
    digest: fixture.digest('c'),
    hold: 'reverted by hand: no newer one',
  });
  expect(fixture.stands()).toMatchObject({
    digest: fixture.digest('c'),
    hold: 'reverted by hand: no newer one',
  });
  expect(fixture.history().at(-1)).toBe('c → c: reverted: no newer one');
  expect(indexOf(fixture)).toEqual(['tag c (reverted by hand: no newer one)']);
});

test('revert does not go back to a digest of a movement that was recorded and never carried out', async () => {
  const fixture = new TagFixture();
  await fixture.sync('a');
  await fixture.sync('b');
  fixture.store.before = (call, key) => {
    if (call === 'put' && key === TAG_KEY) throw new StoreError('gone');
  };
  await fixture.sync('c');
  fixture.store.before = () => {};
  expect(fixture.history().at(-1)).toBe('b → c: upstream moved');
  expect(await fixture.revert()).toMatchObject({ digest: fixture.digest('a'), from: fixture.digest('b') });
});

test('approve moves a tag forward again, without a hold, and a second approve changes nothing', async () => {
  const fixture = await threeDigests();
  await fixture.revert();
  expect(await fixture.approve('c', { reason: 'a3f9' })).toEqual({
    result: 'moved',
    digest: fixture.digest('c'),
    from: fixture.digest('b'),
  });
  expect(fixture.stands()).toMatchObject({ digest: fixture.digest('c') });
  expect(fixture.stands().hold).toBeUndefined();
  expect(fixture.history().slice(3)).toEqual(['c → b: reverted', 'b → c: approved: a3f9']);
  expect(fixture.index().find(({ kind }) => kind === 'tag')).toMatchObject({
    digest: fixture.digest('c'),
    firstSeen: '2026-01-01T03:00:00.000Z',
  });
  fixture.store.calls.length = 0;
  expect(await fixture.approve('c')).toEqual({ result: 'unchanged', digest: fixture.digest('c') });
  expect(fixture.store.calls.filter((call) => call.startsWith('put'))).toEqual([]);
});

test('an approve of the digest that the tag has ends the hold, and the history says so', async () => {
  const fixture = await threeDigests();
  await fixture.revert();
  const { moved } = fixture.stands();
  expect(await fixture.approve('b')).toEqual({ result: 'released', digest: fixture.digest('b') });
  expect(fixture.stands().hold).toBeUndefined();
  expect(fixture.stands().moved > moved).toBe(true);
  expect(fixture.history().at(-1)).toBe('b → b: approved');
  expect(indexOf(fixture)).toEqual(['candidate c', 'tag b']);
});

test('a list does not undo a revert of what it lists; the command line does, and so does a list of another digest', async () => {
  const fixture = await threeDigests();
  await fixture.revert();
  const listed = { isListed: true };
  expect(await fixture.approve('c', listed)).toEqual({
    result: 'held',
    digest: fixture.digest('b'),
    hold: 'reverted by hand',
  });
  expect(fixture.history()).toHaveLength(4);
  expect(await fixture.approve('a', listed)).toMatchObject({ result: 'moved', digest: fixture.digest('a') });
  await fixture.revert();
  expect(await fixture.approve('c')).toMatchObject({ result: 'moved', digest: fixture.digest('c') });
});

test('a list that names the digest that a revert went to does not end the hold, and the command line does', async () => {
  const fixture = await threeDigests();
  await fixture.revert({ reason: 'it crashes' });
  expect(await fixture.approve('b', { isListed: true })).toEqual({
    result: 'held',
    digest: fixture.digest('b'),
    hold: 'reverted by hand: it crashes',
  });
  // Otherwise the policy would decide again, and undo the revert.
  await fixture.run();
  expect(fixture.stands()).toMatchObject({
    digest: fixture.digest('b'),
    hold: 'reverted by hand: it crashes',
  });
  expect(await fixture.approve('b')).toEqual({ result: 'released', digest: fixture.digest('b') });
});

test('a list brings back neither the digest that the last revert left nor the one that the revert before it left', async () => {
  const fixture = await threeDigests();
  await fixture.revert();
  await fixture.revert({ to: 'a' });
  for (const name of ['b', 'c']) {
    expect(await fixture.approve(name, { isListed: true })).toEqual({
      result: 'held',
      digest: fixture.digest('a'),
      hold: 'reverted by hand',
    });
  }
  // A revert before an approval does not count.
  await fixture.approve('b');
  await fixture.revert({ to: 'a' });
  expect(await fixture.approve('c', { isListed: true })).toMatchObject({ result: 'moved' });
});

test('an entry takes over the record of another tag at its digest, but not that upstream lacks that tag', async () => {
  const fixture = await threeDigests();
  const environment = fixture.environment();
  const state = await RepositoryState.open(environment, fixture.repository);
  const [latest] = state.tags;
  if (latest === undefined) throw new Error('It is known.');
  const other = {
    ...latest,
    tag: parseTag('other'),
    digest: fixture.digest('a'),
    firstSeen: '2025-12-01T00:00:00.000Z',
  };
  await state.note({ ...other, gone: '2026-01-01T02:00:00.000Z' });
  await state.flush();
  await fixture.revert({ to: 'a' });
  const entry = fixture.index().find((one) => one.kind === 'tag' && one.tag === 'latest');
  expect(entry).toMatchObject({ digest: fixture.digest('a'), firstSeen: '2025-12-01T00:00:00.000Z' });
  expect(entry).toHaveProperty('gone', undefined);
});

test('approve creates a tag that the bucket lacks, with its place in the list of tags', async () => {
  const fixture = await threeDigests();
  const environment = fixture.environment();
  const { repository } = fixture;
  const tag = parseTag('stable');
  const target = await findManifest(environment, repository, fixture.digest('a'));
  if (target === undefined) throw new Error('It is stored.');
  const state = await RepositoryState.open(environment, repository);
  const approval = { repository, tag, target, reason: undefined, by: undefined, isListed: false };
  expect(await approveTag(environment, state, approval)).toMatchObject({ result: 'created' });
  expect(fixture.store.json(tagKey(repository, tag))).toMatchObject({ digest: fixture.digest('a') });
  expect(fixture.store.json(tagListKey(repository))).toEqual({
    name: 'mirror.test/app',
    tags: ['latest', 'stable'],
  });
});

test.each([
  ['the tag is not there', async (fixture: TagFixture) => void fixture.store.objects.delete(TAG_KEY), {}],
  [
    'the digest is not stored',
    async (fixture: TagFixture) =>
      void fixture.store.objects.delete(manifestKey(fixture.repository, fixture.digest('a'))),
    { to: 'a' },
  ],
  [
    'other bytes are stored in its place',
    async (fixture: TagFixture) => {
      const { store, repository } = fixture;
      const other = store.objects.get(manifestKey(repository, fixture.digest('b')));
      if (other !== undefined) store.objects.set(manifestKey(repository, fixture.digest('a')), other);
    },
    { to: 'a' },
  ],
])('revert refuses if %s, and writes nothing', async (_, prepare, options) => {
  const fixture = await threeDigests();
  await prepare(fixture);
  fixture.store.calls.length = 0;
  await expect(fixture.revert(options)).rejects.toThrow(MoveRefusedError);
  expect(fixture.store.calls.filter((call) => call.startsWith('put'))).toEqual([]);
});

test('revert refuses a tag that has no earlier digest', async () => {
  const fixture = new TagFixture();
  await fixture.sync('a');
  await expect(fixture.revert()).rejects.toThrow(
    'mirror.test/app:latest has no earlier digest in its history. Say which digest it is to move to: --to DIGEST.',
  );
});

test('approve moves a tag in a store that takes no conditions', async () => {
  const fixture = await threeDigests();
  const store = new UnconditionalStore(fixture.store);
  const environment = { ...fixture.environment(), store };
  const { repository, tag } = fixture;
  const state = await RepositoryState.open(environment, repository);
  const target = await findManifest(environment, repository, parseDigest(fixture.digest('a')));
  if (target === undefined) throw new Error('It is stored.');
  await approveTag(environment, state, {
    repository,
    tag,
    target,
    reason: undefined,
    by: undefined,
    isListed: false,
  });
  expect(fixture.stands().digest).toBe(fixture.digest('a'));
  expect(fixture.store.keys(INDEX_KEY)).toEqual([INDEX_KEY]);
});
