/** No repair brings back a name that a prune has condemned, although another store still has it. */
import { beforeEach, expect, test } from 'vitest';
import { decodeRepositoryIndex } from '../../../../core/repository-index.ts';
import { DAY, keysOf, NAME, PrunedMirror } from '../maintenance/pruned-mirror.ts';
import { copyOf, note, TwoStores } from './two-stores.ts';

const APP = `repositories/${NAME}`;
const INDEX = `${APP}/_index.json`;
const manifestKey = (digest: string) => `${APP}/_manifests/${digest.replace(':', '/')}`;

let mirror: PrunedMirror;
let stores: TwoStores;
let condemned: ReadonlySet<string>;
/** By the words that name them. */
let digests: Readonly<Record<'pinned' | 'unpinned' | 'earliest' | 'earlier' | 'current', string>>;

/**
 * Both stores have the tags `old` and `stays`, which has moved, and two pins. In the first store, a plan is applied by which the
 * tag `old`, a pin, and the first image of `stays` go. No sweep has begun.
 */
beforeEach(async () => {
  mirror = new PrunedMirror();
  const identity = { version: 1, id: '11111111-1111-4111-8111-111111111111', audience: 'public' };
  await mirror.store.put('lifeboat.json', Buffer.from(JSON.stringify(identity)), {
    contentType: 'application/json',
  });
  const [pinned, unpinned] = [await mirror.push('pinned'), await mirror.push('unpinned')];
  await mirror.push('old');
  const moves: string[] = [];
  for (let move = 0; move < 3; move += 1) {
    moves.push(await mirror.push('stays'));
    mirror.options = { tags: ['old', 'stays'], digests: [pinned, unpinned] };
    await mirror.sync();
    mirror.clock.advance(DAY);
  }
  const [earliest = '', earlier = '', current = ''] = moves;
  digests = { pinned, unpinned, earliest, earlier, current };
  stores = new TwoStores(mirror.store, copyOf(mirror.store));
  await note(stores.first, stores.other, true);
  mirror.clock.advance(100 * DAY);
  mirror.options = { tags: ['stays'], digests: [pinned] };
  condemned = keysOf(await mirror.plan());
  await mirror.condemn();
});

const pins = (): string[] =>
  decodeRepositoryIndex(INDEX, stores.first.objects.get(INDEX)?.bytes ?? new Uint8Array())
    .filter(({ kind }) => kind === 'pin')
    .map(({ digest }) => digest);

test.each(['missing', 'unreadable'] as const)(
  'a pin that is condemned does not come back into an index that is %s, and another pin does',
  async (how) => {
    expect(condemned).toContain(manifestKey(digests.unpinned));
    expect(pins().toSorted()).toEqual([digests.pinned, digests.unpinned].toSorted());
    if (how === 'missing') stores.remove(INDEX);
    else await stores.first.put(INDEX, Buffer.from('no json'), { contentType: 'application/json' });
    const { repaired } = await stores.repair();
    expect(repaired.find(({ kind }) => kind === 'index-stale')).toMatchObject({ result: 'repaired' });
    expect(pins()).toEqual([digests.pinned]);
  },
);

test('no pin comes back while it is not known which keys prune takes away', async () => {
  await stores.first.put('state/_prune.json', Buffer.from('no json'), { contentType: 'application/json' });
  stores.remove(INDEX);
  await stores.repair();
  expect([pins(), stores.first.objects.has(INDEX)]).toEqual([[], true]);
});

test('a tag that is condemned and cannot be read does not come back, and another one does', async () => {
  const [old, stays] = [`${APP}/_tags/old`, `${APP}/_tags/stays`];
  expect([condemned.has(old), condemned.has(stays)]).toEqual([true, false]);
  for (const key of [old, stays])
    await stores.first.put(key, Buffer.from('no json'), { contentType: 'application/json' });
  stores.remove(INDEX);
  const { repaired } = await stores.repair();
  const ofTags = repaired.filter(({ kind }) => kind === 'tag-unreadable');
  expect(ofTags.map(({ key, result, detail }) => [key, result, detail])).toEqual(
    expect.arrayContaining([
      [old, 'failed', 'prune is taking it away.'],
      [stays, 'repaired', 'The other store'],
    ]),
  );
  expect(Buffer.from(stores.first.objects.get(old)?.bytes ?? []).toString()).toBe('no json');
});

test('an earlier image of a tag that is condemned does not come back with the tag, and those that stay do', async () => {
  const images = [digests.earliest, digests.earlier, digests.current].map((digest) => manifestKey(digest));
  expect(images.map((key) => condemned.has(key))).toEqual([true, false, false]);
  stores.remove(...stores.first.keys(`${APP}/`));
  const { repaired } = await stores.repair();
  expect(repaired.find(({ kind }) => kind === 'tag-missing')).toMatchObject({ result: 'repaired' });
  expect(images.map((key) => stores.first.objects.has(key))).toEqual([false, true, true]);
});

test('a list of tags that is repaired does not keep the name of a tag that is condemned', async () => {
  stores.remove(`${APP}/_tags/old`, INDEX);
  expect(stores.first.json(`${APP}/_tags.json`)).toMatchObject({ tags: ['old', 'stays'] });
  const { repaired } = await stores.repair();
  expect(repaired.map(({ kind }) => kind)).toContain('tag-list-stale');
  expect(stores.first.json(`${APP}/_tags.json`)).toMatchObject({ tags: ['stays'] });
});
