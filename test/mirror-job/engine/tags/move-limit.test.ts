/** Several tags of one image: maxMovesPerRun, and tags that must not keep each other from moving. */
import { expect, test } from 'vitest';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import { tagAs } from '../../../support/builder.ts';
import { DAY } from '../../support/harness.ts';
import { MovingUpstream } from './moving-upstream.ts';

test('maxMovesPerRun lets so many tags move, the other tags say when they will, and creations do not count', async () => {
  const upstream = await MovingUpstream.start();
  const tags = ['one', 'two', 'three'];
  tagAs(upstream.content, upstream.image('a'), ...tags);
  const options = { tags: [...tags, 'new'], moves: { maxMovesPerRun: 2 } };
  expect((await upstream.run({ ...options, tags })).counts).toMatchObject({ created: 3 });
  upstream.clock.advance(DAY);
  tagAs(upstream.content, upstream.image('b'), ...tags, 'new');
  expect((await upstream.run(options)).counts).toMatchObject({ created: 1, moved: 2, held: 1 });
  expect((await upstream.run(options)).counts).toMatchObject({ unchanged: 3, moved: 1, held: 0 });

  upstream.clock.advance(DAY);
  tagAs(upstream.content, upstream.image('c'), 'one', 'latest');
  await upstream.run({ tags: ['latest'] });
  upstream.clock.advance(DAY);
  tagAs(upstream.content, upstream.image('d'), 'one', 'latest');
  const both = await upstream.run({ tags: ['one', 'latest'], moves: { maxMovesPerRun: 1 } });
  expect(both.outcome).toMatchObject({
    result: 'held',
    reason: 'maxMovesPerRun is 1, and that many tags of this image have moved in this run.',
    next: `The next run goes on with it; ${upstream.approve('d')} moves it now.`,
  });
});

test('a tag that waits for its turn or its age is asked for once per run, also in the run that moves it', async () => {
  const upstream = await MovingUpstream.start();
  const tags = ['one', 'two', 'three'];
  tagAs(upstream.content, upstream.image('a'), ...tags);
  const options = { tags, moves: { maxMovesPerRun: 1, minAgeMs: 2 * DAY }, referrersEveryMs: 30 * DAY };
  await upstream.run(options);
  upstream.clock.advance(DAY);
  tagAs(upstream.content, upstream.image('b'), ...tags);
  expect((await upstream.run(options)).counts).toMatchObject({ held: 3 });
  const heads = tags.map((tag) => `resolve ${tag}`);
  for (const [passed, moved, held] of [
    [DAY, 0, 3],
    [DAY, 1, 2],
    [0, 1, 1],
    [0, 1, 0],
    [0, 0, 0],
  ] as const) {
    upstream.clock.advance(passed);
    expect((await upstream.run(options)).counts).toMatchObject({ moved, held });
    expect(upstream.source.calls).toEqual(heads);
  }
  // The move has not changed when the referrers are due.
  upstream.clock.advance(27 * DAY);
  await upstream.run(options);
  expect(upstream.source.calls).toEqual(heads);
  upstream.clock.advance(DAY);
  await upstream.run(options);
  expect(upstream.source.calls).toContain(`referrers ${upstream.image('b').digest}`);
});

test('a tag whose content cannot be fetched keeps no sibling from moving', async () => {
  const upstream = await MovingUpstream.start();
  tagAs(upstream.content, upstream.image('a'), 'one', 'two');
  const options = { tags: ['one', 'two'], moves: { maxMovesPerRun: 1 } };
  await upstream.run(options);
  upstream.clock.advance(DAY);
  tagAs(upstream.content, upstream.image('b'), 'one');
  tagAs(upstream.content, upstream.image('c'), 'two');
  upstream.source.before = (call, what) => {
    if (call === 'manifest' && what === upstream.image('b').digest) throw new Error('Not today.');
  };
  expect((await upstream.run(options)).counts).toMatchObject({ failed: 1, moved: 1 });
  expect(upstream.ours('repositories/mirror.test/app/_tags/two')).toBe('c');
});

test('a movement that fails does not count towards maxMovesPerRun', async () => {
  const upstream = await MovingUpstream.start();
  tagAs(upstream.content, upstream.image('a'), 'one', 'two');
  const options = { tags: ['one', 'two'], moves: { maxMovesPerRun: 1 } };
  await upstream.run(options);
  upstream.clock.advance(DAY);
  tagAs(upstream.content, upstream.image('b'), 'one');
  tagAs(upstream.content, upstream.image('c'), 'two');
  upstream.store.before = (call, key) => {
    if (call === 'put' && key.endsWith('/_tags/one')) throw new StoreError('Not now.');
  };
  const { counts } = await upstream.run(options, { tags: 1 });
  expect(counts).toMatchObject({ failed: 1, moved: 1, held: 0 });
});
