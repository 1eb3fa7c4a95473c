/** Prunes a part of a repository that no run looks at any more: the objects for pages say what is left, also after a kill. */
import { beforeEach, expect, test } from 'vitest';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import { DAY, HOUR, NAME, PrunedMirror, tagReference } from './pruned-mirror.ts';

const OVERVIEW = 'state/default/overview.json';
const DESCRIPTION = `state/default/repositories/${NAME}.json`;

let mirror: PrunedMirror;

const overview = () => Object(mirror.store.json(OVERVIEW));
const description = () => mirror.store.json(DESCRIPTION);

beforeEach(async () => {
  mirror = new PrunedMirror();
  mirror.options = { moves: { policy: 'hold' } };
  await mirror.push('stays');
  await mirror.sync();
  mirror.clock.advance(DAY);
  const first = await mirror.push('goes');
  mirror.options = { tags: ['stays', 'goes'], moves: { policy: 'hold' } };
  await mirror.sync();
  mirror.clock.advance(DAY);
  const second = await mirror.push('pinned');
  mirror.options = { digests: [first, second], moves: { policy: 'hold' } };
  await mirror.sync();
  // Upstream's new digests of both tags wait.
  await mirror.push('goes');
  await mirror.push('stays');
  await mirror.sync();
  mirror.clock.advance(100 * DAY);
  mirror.options = { tags: ['another'], digests: [second] };
  mirror.used = [tagReference('stays')];
});

test('the description and the overview lose the tags and the pins that go, and keep what runs have said', async () => {
  const stays = { name: NAME, checked: overview().ended };
  expect(overview()).toMatchObject({
    repositories: [{ ...stays, tags: 3, pins: 2, held: 2, newest: { tag: 'pinned' } }],
    held: [{ tag: 'goes' }, { tag: 'stays' }],
    heldCount: 2,
  });
  const held = overview().held[1];
  await mirror.pruneAll();
  expect(overview()).toMatchObject({
    repositories: [{ ...stays, tags: 1, pins: 1, held: 1, newest: { tag: 'stays' } }],
    held: [held],
    heldCount: 1,
  });
  expect(description()).toMatchObject({
    tags: [{ tag: 'stays', upstream: {}, movements: [{}] }],
    tagCount: 1,
    pins: [{ digest: mirror.options.digests?.[0] }],
  });
});

test('a sweep that was killed after the index was written has told the pages before', async () => {
  await mirror.condemn();
  mirror.clock.advance(49 * HOUR);
  mirror.store.before = (call, key) => {
    if (call === 'delete' && key.includes('/_tags/')) throw new StoreError('Killed.');
  };
  await expect(mirror.sweep()).rejects.toThrow('Killed.');
  expect([overview(), description()]).toMatchObject([{ repositories: [{ tags: 1 }] }, { tagCount: 1 }]);
});

test('a description that cannot be read does not end a sweep', async () => {
  for (const key of [OVERVIEW, DESCRIPTION]) {
    await mirror.store.put(key, Buffer.from('{'), { contentType: 'application/json' });
  }
  await mirror.pruneAll();
  expect(mirror.store.keys('_tags/')).toHaveLength(1);
});
