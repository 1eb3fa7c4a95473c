/** A tag that was removed on purpose is not called lost, and no repair brings it back from a store that still has it. */
import { beforeEach, expect, test } from 'vitest';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import { DAY, HOUR, NAME, PrunedMirror } from '../maintenance/pruned-mirror.ts';
import { copyOf, note, TwoStores } from './two-stores.ts';

const APP = `repositories/${NAME}`;

let mirror: PrunedMirror;
let stores: TwoStores;

/** Both stores have the tags `old` and `stays`. The first one is going to be pruned. */
beforeEach(async () => {
  mirror = new PrunedMirror();
  const identity = { version: 1, id: '11111111-1111-4111-8111-111111111111', audience: 'public' };
  await mirror.store.put('lifeboat.json', Buffer.from(JSON.stringify(identity)), {
    contentType: 'application/json',
  });
  await mirror.push('old');
  await mirror.push('stays');
  await mirror.sync();
  stores = new TwoStores(mirror.store, copyOf(mirror.store));
  await note(stores.first, stores.other, true);
  mirror.clock.advance(100 * DAY);
});

const tags = (): string[] => stores.first.keys(`${APP}/_tags/`);

/** Checks and repairs. @returns the kinds of problems that were found */
async function repaired(): Promise<readonly string[]> {
  const found = await stores.check();
  await stores.repair();
  return found.problems.map(({ kind }) => kind);
}

test.each([
  ['a tag', ['stays'], ['stays']],
  ['a whole repository', ['another'], []],
])('%s that only the first store has pruned stays away after each step', async (_, selected, left) => {
  mirror.options = { tags: selected };
  await mirror.condemn();
  for (let step = 0; step < 3; step += 1) {
    mirror.clock.advance(49 * HOUR);
    await mirror.sweep();
    expect(await repaired()).toEqual([]);
    expect(tags()).toEqual(left.map((tag) => `${APP}/_tags/${tag}`));
  }
  expect(mirror.store.json('state/_prune.json')).toMatchObject({ phase: 'idle' });
});

test('a manifest that is left of a repository does not bring its tags back, because no catalogue has the repository', async () => {
  const [manifest = ''] = mirror.store.keys(`${APP}/_manifests/`);
  const left = mirror.store.objects.get(manifest);
  mirror.options = { tags: ['another'] };
  await mirror.pruneAll();
  if (left !== undefined) mirror.store.objects.set(manifest, left);
  expect(await repaired()).toEqual([]);
  expect([left === undefined, tags()]).toEqual([false, []]);
});

test.each([
  ['a tag', ['stays']],
  ['a whole repository', ['another']],
])(
  'a sweep of %s that was killed at any of its deletions leaves no lost tag, and none comes back',
  async (_, selected) => {
    mirror.options = { tags: selected };
    await mirror.condemn();
    mirror.clock.advance(49 * HOUR);
    const before = new Map(mirror.store.objects);
    let kills = 0;
    for (let survived = 0; survived < 100; survived += 1) {
      mirror.store.objects.clear();
      for (const [key, object] of before) mirror.store.objects.set(key, object);
      let deletions = 0;
      let isDead = false;
      mirror.store.before = (call) => {
        if (call === 'delete') deletions += 1;
        isDead ||= deletions > survived;
        if (isDead) throw new StoreError('Killed.');
      };
      const isKilled = await mirror.sweep().then(
        () => false,
        () => true,
      );
      mirror.store.before = () => {};
      if (!isKilled) break;
      kills += 1;
      const present = tags();
      expect(await repaired()).not.toContain('tag-missing');
      expect(tags()).toEqual(present);
    }
    expect(kills).toBeGreaterThan(4);
  },
);

test('a tag that was removed by hand from both stores is named once, and not after the next run', async () => {
  mirror.content.tags.delete('old');
  for (const store of [stores.first, stores.other]) {
    for (const name of ['_tags/old', '_tags.json', '_index.json']) store.objects.delete(`${APP}/${name}`);
  }
  expect(await repaired()).toContain('tag-missing');
  expect(tags()).toEqual([`${APP}/_tags/stays`]);
  await mirror.sync();
  expect((await stores.check()).problems).toEqual([]);
});

test('while it is not known which keys prune takes away, no tag comes back', async () => {
  for (const name of ['_tags/old', '_index.json']) stores.first.objects.delete(`${APP}/${name}`);
  await stores.first.put('state/_prune.json', Buffer.from('no json'), { contentType: 'application/json' });
  expect(await repaired()).toContain('tag-missing');
  expect(tags()).toEqual([`${APP}/_tags/stays`]);
});
