/** Checks a bucket in which a sweep of a prune was killed, was refused a deletion, or is at work: half of it is no damage. */
import { expect, test } from 'vitest';
import { verifyStore, type StoreResult } from '../../../../mirror-job/engine/verify/verify-store.ts';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import { isMd5Etag } from '../../../../mirror-job/storage/s3/etag-check.ts';
import { cancelPrune } from '../../../../mirror-job/engine/maintenance/cancel.ts';
import { DAY, HOUR, NAME, PrunedMirror } from '../maintenance/pruned-mirror.ts';
import { environmentFor } from '../../support/harness.ts';

const CHANGES: ReadonlySet<string> = new Set(['put', 'delete']);
const SENTENCE = /a sweep of "lifeboat prune" .* "lifeboat prune --continue"/;

/** @param tags those that stay */
async function condemnedMirror(tags: readonly string[]): Promise<PrunedMirror> {
  const mirror = new PrunedMirror();
  const identity = { version: 1, id: '11111111-1111-4111-8111-111111111111', audience: 'public' };
  await mirror.store.put('lifeboat.json', Buffer.from(JSON.stringify(identity)), {
    contentType: 'application/json',
  });
  for (const tag of ['stays', 'old', 'old-2']) await mirror.push(tag);
  await mirror.sync();
  mirror.clock.advance(100 * DAY);
  mirror.options = { tags };
  await mirror.condemn();
  mirror.clock.advance(49 * HOUR);
  return mirror;
}

function verify({ store, clock }: PrunedMirror): Promise<StoreResult> {
  return verifyStore(environmentFor(store, { clock }), store, { name: 'default', isEtagOf: isMd5Etag });
}

const messagesOf = ({ problems }: StoreResult) => problems.map(({ kind, message }) => `${kind}: ${message}`);

test.each([
  ['a part of a repository', ['stays']],
  ['a whole repository', ['another']],
])('wherever a sweep of %s ends, its half is no problem, and is named', async (_, tags) => {
  const whole = await condemnedMirror(tags);
  whole.store.calls.length = 0;
  await whole.sweep();
  const changes = whole.store.calls.filter((call) => CHANGES.has(call.split(' ', 1).join())).length;
  const ends = new Set<string>();
  for (const calls of ['killed', 'refused'] as const) {
    for (let last = 1; last < changes; last += 1) {
      const mirror = await condemnedMirror(tags);
      let left = last;
      mirror.store.before = (call) => {
        if (CHANGES.has(call)) left -= 1;
        // A key that lost its right to delete may still write.
        if (left < 0 && (calls === 'killed' || call === 'delete')) throw new StoreError('It has ended.');
      };
      await mirror.sweep().catch(() => undefined);
      mirror.store.before = () => {};
      const result = await verify(mirror);
      const { phase } = Object(mirror.store.json('state/_prune.json'));
      const isNamed = result.unknown.length === 1 && SENTENCE.test(result.unknown[0] ?? '');
      ends.add(`${calls} ${phase} ${isNamed ? 'named' : `${result.unknownCount} unknown`}`);
      expect([calls, last, messagesOf(result)]).toEqual([calls, last, []]);
      await mirror.finish();
      expect(await verify(mirror)).toMatchObject({ problemCount: 0, unknownCount: 0 });
    }
  }
  // Before a list has changed, nothing is half-way.
  expect([...ends].toSorted()).toEqual([
    'killed sweeping named',
    'refused condemned 0 unknown',
    'refused condemned named',
  ]);
});

async function halfSwept(): Promise<PrunedMirror> {
  const mirror = await condemnedMirror(['stays']);
  mirror.store.before = (call, key) => {
    if (call === 'delete' && key.includes('/_tags/')) throw new StoreError('It has ended.');
  };
  await mirror.sweep().catch(() => undefined);
  mirror.store.before = () => {};
  return mirror;
}

test('damage of what stays is a problem also while a sweep is left', async () => {
  const mirror = await halfSwept();
  const blob = mirror.store.keys().find((key) => key.startsWith('blobs/')) ?? '';
  mirror.store.objects.delete(blob);
  for (const key of mirror.store.keys('state/default/catalog.json')) mirror.store.objects.delete(key);
  const other = 'mirror.test/other';
  for (const [key, object] of mirror.store.objects) {
    if (key.startsWith(`repositories/${NAME}/`)) mirror.store.objects.set(key.replace(NAME, other), object);
  }
  const found = messagesOf(await verify(mirror));
  expect(found).toEqual(
    expect.arrayContaining([
      expect.stringContaining('blob-missing'),
      `catalog-stale: the catalogue lacks ${other}.`,
    ]),
  );
});

test('after the plan was given up, its half is judged as all else is', async () => {
  const mirror = await halfSwept();
  await cancelPrune(mirror.store, mirror.clock);
  const result = await verify(mirror);
  expect([messagesOf(result), result.unknownCount]).toEqual([
    [expect.stringContaining('index-stale'), expect.stringContaining('tag-list-stale')],
    0,
  ]);
});

test('a plan whose first sweep has not begun hides nothing', async () => {
  const mirror = await condemnedMirror(['stays']);
  mirror.clock.advance(-2 * HOUR);
  mirror.store.objects.delete(`repositories/${NAME}/_index.json`);
  expect(messagesOf(await verify(mirror))).toEqual([expect.stringContaining('index-stale')]);
});

test('a state of pruning that cannot be read is named, with what ends it', async () => {
  const mirror = await condemnedMirror(['stays']);
  await mirror.store.put('state/_prune.json', Buffer.from('{'), { contentType: 'application/json' });
  expect(await verify(mirror)).toMatchObject({
    problemCount: 0,
    unknown: [expect.stringMatching(/_prune\.json cannot be read.*"lifeboat prune --cancel"/)],
  });
});
