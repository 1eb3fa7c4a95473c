/** Tags under a policy: what a run moves, holds back, stores, remembers and reports. */
import { expect, test } from 'vitest';
import { parseRepository, parseTag } from '../../../../core/reference.ts';
import { asMatcher, parsePattern } from '../../../../mirror-job/configuration/pattern.ts';
import { RepositoryState } from '../../../../mirror-job/engine/tags/repository-state.ts';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import { addArtifact, addImage, addIndex, addLayer, fallbackTag, tagAs } from '../../../support/builder.ts';
import { SPDX } from '../../../support/media-types.ts';
import { DAY, environmentFor } from '../../support/harness.ts';
import { INDEX, MovingUpstream, NAMES, TAG, writes } from './moving-upstream.ts';

test('minAge holds a tag until the new digest is old enough, and the new bytes are stored at once', async () => {
  const upstream = await MovingUpstream.start();
  const moves = { minAgeMs: 3 * DAY };
  expect((await upstream.sync('a', { moves })).outcome).toEqual({
    result: 'created',
    digest: upstream.image('a').digest,
  });
  const { outcome, counts } = await upstream.sync('b', { moves }, 1);
  expect(outcome).toEqual({
    result: 'held',
    digest: upstream.image('a').digest,
    upstream: upstream.image('b').digest,
    reason: "minAge is 3d, and upstream's digest was first seen 2026-01-02T00:00:00.000Z.",
    next: `It moves by itself from 2026-01-05T00:00:00.000Z on; ${upstream.approve('b')} moves it now.`,
    until: '2026-01-05T00:00:00.000Z',
  });
  expect(counts).toEqual({ created: 0, moved: 0, unchanged: 0, held: 1, gone: 0, failed: 0, skipped: 0 });
  expect(upstream.ours()).toBe('a');
  expect(upstream.store.keys('/_manifests/').length).toBe(2);
  expect(upstream.store.keys(upstream.image('b').digest.slice(7)).length).toBe(1);

  expect((await upstream.sync('b', { moves }, 3)).outcome).toEqual({
    result: 'moved',
    digest: upstream.image('b').digest,
    from: upstream.image('a').digest,
  });
  expect(upstream.ours()).toBe('b');
});

test('a held tag costs one HEAD and one read per run, and nothing is written', async () => {
  const upstream = await MovingUpstream.start();
  const moves = { policy: 'hold' } as const;
  await upstream.sync('a', { moves });
  await upstream.sync('b', { moves }, 1);
  expect((await upstream.sync('b', { moves }, 1)).outcome?.result).toBe('held');
  expect(upstream.source.calls).toEqual(['resolve latest']);
  expect(upstream.store.calls.filter((call) => call.includes('repositories/'))).toEqual([`get ${INDEX}`]);
});

test('a tag that moves upstream each day follows at the distance of minAge, and never stands still', async () => {
  const upstream = await MovingUpstream.start();
  const ours: (string | undefined)[] = [];
  for (const name of [...NAMES, 'e', 'e', 'e']) {
    await upstream.sync(name, { moves: { minAgeMs: 2 * DAY } }, 1);
    ours.push(upstream.ours());
  }
  expect(ours).toEqual(['a', 'a', 'a', 'b', 'c', 'd', 'e', 'e']);
  expect(upstream.store.json(TAG)).toMatchObject({ digest: upstream.image('e').digest });
});

test('a tag does not move to a digest that the upstream went back from, even when it is old enough', async () => {
  const upstream = await MovingUpstream.start();
  const moves = { minAgeMs: 3 * DAY };
  await upstream.sync('a', { moves });
  await upstream.sync('b', { moves }, 1);
  expect((await upstream.sync('a', { moves }, 1)).counts).toMatchObject({ unchanged: 1 });
  expect((await upstream.sync('c', { moves }, 7)).outcome).toMatchObject({ result: 'held' });
  expect(upstream.ours()).toBe('a');
});

test('a run after one that died before a tag moved late knows how old both digests are', async () => {
  const upstream = await MovingUpstream.start();
  const moves = { minAgeMs: 3 * DAY };
  await upstream.sync('a', { moves });
  await upstream.sync('b', { moves }, 1);
  await upstream.sync('c', { moves }, 1);
  await upstream.sync('c', { moves }, 2);
  expect(upstream.ours()).toBe('b');
  upstream.store.before = (call, key) => {
    if (call === 'put' && key === TAG) throw new StoreError('the process is gone');
  };
  await upstream.sync('c', { moves }, 1);
  upstream.store.before = () => {};
  expect(upstream.ours()).toBe('b');
  expect((await upstream.sync('c', { moves })).outcome).toMatchObject({ result: 'moved' });
});

test('a rollback is held, and the history says so when it is followed', async () => {
  const upstream = await MovingUpstream.start();
  await upstream.sync('a');
  await upstream.sync('b', {}, 1);
  const { outcome, findings } = await upstream.sync('a', {}, 1);
  expect(outcome).toMatchObject({
    result: 'held',
    reason:
      "Upstream went back to a digest that it showed before the mirror's, first seen 2026-01-01T00:00:00.000Z.",
    next: `${upstream.approve('a')} moves it.`,
  });
  expect([upstream.ours(), findings]).toEqual(['b', []]);
  // The second one says that the repository is described with it.
  expect(writes(upstream.store)).toEqual([`put ${INDEX}`, `put ${INDEX}`]);
  await upstream.sync('a', {}, 1);
  expect(writes(upstream.store)).toEqual([]);

  expect((await upstream.sync('a', { moves: { rollback: 'follow' } }, 1)).outcome?.result).toBe('moved');
  const records = upstream.store.keys('/_history/').map((key) => upstream.store.json(key));
  expect(records).toMatchObject([
    { why: 'first seen' },
    { why: 'upstream moved' },
    { why: 'upstream went back', to: upstream.image('a').digest },
  ]);
});

test('a tag follows when the upstream moves on after a rollback', async () => {
  const upstream = await MovingUpstream.start();
  for (const name of ['a', 'b', 'a', 'c']) await upstream.sync(name, {}, 1);
  expect(upstream.ours()).toBe('c');
});

test('policy hold moves no tag that exists; it creates new tags', async () => {
  const upstream = await MovingUpstream.start();
  const moves = { policy: 'hold' } as const;
  await upstream.sync('a', { moves });
  expect((await upstream.sync('b', { moves }, 100)).outcome).toMatchObject({
    result: 'held',
    reason: 'moves.policy is hold.',
    next: `${upstream.approve('b')} moves it.`,
  });
  expect(upstream.ours()).toBe('a');
});

test('an immutable tag that changed upstream is held, is a finding in each run, and its new bytes are stored', async () => {
  const upstream = await MovingUpstream.start();
  const immutable = [asMatcher(parsePattern('l*'))];
  await upstream.sync('a', { immutable });
  for (const times of [1, 2]) {
    const { outcome, findings, counts } = await upstream.sync('b', { immutable }, 1);
    expect(outcome, `${times} times`).toMatchObject({
      result: 'held',
      reason: 'It is immutable, and upstream has changed it.',
    });
    expect(findings).toEqual([
      {
        kind: 'immutable-changed',
        repository: 'mirror.test/app',
        tag: 'latest',
        message: `mirror.test/app:latest is immutable in this configuration, but upstream now has ${upstream.image('b').digest}; the mirror stays at ${upstream.image('a').digest}. Ask the publisher why the tag changed. ${upstream.approve('b')} accepts the new digest; without "immutable" the tag follows upstream.`,
      },
    ]);
    expect(counts).toMatchObject({ held: 1, failed: 0 });
  }
  expect(upstream.store.keys(upstream.image('b').digest.slice(7)).length).toBe(1);
  const { outcome, findings } = await upstream.sync('a', { immutable }, 1);
  expect([outcome, findings]).toEqual([undefined, []]);
});

test('a held tag stays held without an index, because the tag itself is the truth', async () => {
  const upstream = await MovingUpstream.start();
  await upstream.sync('a');
  await upstream.sync('b', {}, 1);
  await upstream.setTag('a', 'reverted by hand');
  upstream.store.objects.delete(INDEX);
  const held = await upstream.sync('c', {}, 1);
  expect(held.outcome).toMatchObject({ result: 'held', reason: 'It is held: reverted by hand.' });
  expect(upstream.ours()).toBe('a');
  // The tag is in the index again.
  expect((await upstream.sync('c', {}, 1)).outcome).toMatchObject({
    reason: 'It is held: reverted by hand.',
  });
  expect(upstream.source.calls).toEqual(['resolve latest']);

  upstream.store.objects.delete(INDEX);
  expect((await upstream.sync('a', {}, 1)).counts).toMatchObject({ unchanged: 1 });
  expect(upstream.store.json(TAG)).toMatchObject({
    annotations: { 'dev.lifeboat.hold': 'reverted by hand' },
  });
  expect((await upstream.sync('d', {}, 1)).outcome).toMatchObject({ result: 'held' });
});

test('a hold that the index does not know yet is not lost', async () => {
  const upstream = await MovingUpstream.start();
  await upstream.sync('a');
  await upstream.sync('b', {}, 1);
  const lagging = upstream.store.objects.get(INDEX);
  await upstream.setTag('b', 'not now');
  if (lagging !== undefined) upstream.store.objects.set(INDEX, lagging);
  expect((await upstream.sync('c', {}, 1)).outcome).toMatchObject({
    result: 'held',
    reason: 'It is held: not now.',
  });
  expect(upstream.ours()).toBe('b');
  expect(upstream.store.json(TAG)).toMatchObject({ annotations: { 'dev.lifeboat.hold': 'not now' } });
});

test('a tag that was put back stays there, whatever the upstream does, until it is approved', async () => {
  const upstream = await MovingUpstream.start();
  await upstream.sync('a');
  await upstream.sync('b', {}, 1);
  await upstream.setTag('a', 'reverted by hand');
  for (const name of ['b', 'c', 'a', 'c']) {
    const { outcome } = await upstream.sync(name, {}, 1);
    expect([upstream.ours(), outcome?.result]).toEqual(['a', name === 'a' ? undefined : 'held']);
  }
  await upstream.setTag('c', undefined);
  expect((await upstream.sync('c', {}, 1)).counts).toMatchObject({ unchanged: 1 });
  expect((await upstream.sync('d', {}, 1)).outcome?.result).toBe('moved');
});

test('signature tags follow the upstream, whatever the policy of their image', async () => {
  const upstream = await MovingUpstream.start();
  const { content, image } = { content: upstream.content, image: upstream.image('a') };
  const tag = fallbackTag(image.digest);
  const options = { tags: ['latest', tag], immutable: [asMatcher(parsePattern('*'))] };
  tagAs(content, image, 'latest');
  tagAs(content, addIndex(content, [addArtifact(content, { artifactType: SPDX, subject: image })]), tag);
  await upstream.run(options);
  const more = addArtifact(content, { artifactType: 'application/vnd.more', subject: image });
  tagAs(content, addIndex(content, [more]), tag);
  const { counts, findings } = await upstream.run(options);
  expect([counts, findings]).toMatchObject([{ moved: 1, unchanged: 1 }, []]);
});

test('the referrers of a digest that is held are stored, and asked for again when they are due', async () => {
  const upstream = await MovingUpstream.start();
  const options = { moves: { policy: 'hold' }, referrersEveryMs: DAY } as const;
  const addTo = (name: string, artifactType: string) =>
    addArtifact(upstream.content, { artifactType, subject: upstream.image(name) }).digest.slice(7);
  await upstream.sync('a', options);
  const early = addTo('b', SPDX);
  await upstream.sync('b', options, 0.5);
  expect(upstream.store.keys(early).length).toBe(1);
  const [late, oursLate] = [addTo('b', 'application/late'), addTo('a', 'application/late')];
  await upstream.sync('b', options, 0.4);
  expect(upstream.source.calls).toEqual(['resolve latest']);
  await upstream.sync('b', options, 1);
  expect([late, oursLate].map((hex) => upstream.store.keys(hex).length)).toEqual([1, 1]);
  expect(upstream.ours()).toBe('a');
});

test('the last twenty digests of a tag are remembered', async () => {
  const upstream = await MovingUpstream.start();
  for (let index = 0; index < 23; index += 1) {
    const layer = await addLayer(upstream.content, `build ${index}`);
    upstream.images.set(`p${index}`, addImage(upstream.content, { layers: [layer] }));
    await upstream.sync(`p${index}`, {}, 1);
  }
  const state = await RepositoryState.open(
    environmentFor(upstream.store),
    parseRepository('mirror.test/app'),
  );
  const digests = state.candidates(parseTag('latest')).map(({ digest }) => digest);
  const expected = Array.from({ length: 20 }, (_, index) => upstream.image(`p${index + 2}`).digest);
  expect(digests.toSorted()).toEqual(expected.toSorted());
});

test('after a run that died at any write, a move back is held exactly if that run had moved the tag', async () => {
  for (let dies = 1; ; dies += 1) {
    const upstream = await MovingUpstream.start();
    await upstream.sync('a');
    let puts = 0;
    upstream.store.before = (call) => {
      if (call === 'put') puts += 1;
      if (puts >= dies) throw new StoreError('the process is gone');
    };
    await upstream.sync('b', {}, 1);
    upstream.store.before = () => {};
    const isMoved = upstream.ours() === 'b';
    await upstream.sync('a', {}, 1);
    // Upstream is back where it was before the run that died: a rollback if that run had moved the tag, and no change if not.
    expect([dies, upstream.ours()]).toEqual([dies, isMoved ? 'b' : 'a']);
    await upstream.sync('c', {}, 1);
    expect([dies, upstream.ours()]).toEqual([dies, 'c']);
    if (puts < dies) break;
    expect(dies).toBeLessThan(30);
  }
});
