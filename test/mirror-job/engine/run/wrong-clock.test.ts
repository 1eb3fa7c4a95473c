/** Times that a wrong clock has written into a bucket, and digests that were seen in one millisecond. */
import { expect, test } from 'vitest';
import { parseDigest } from '../../../../core/digest.ts';
import { parseTag } from '../../../../core/reference.ts';
import {
  decodeRepositoryIndex,
  encodeRepositoryIndex,
  type IndexEntry,
} from '../../../../core/repository-index.ts';
import { withoutFutureTimes } from '../../../../mirror-job/engine/tags/future-times.ts';
import { TagFixture, INDEX_KEY } from '../tags/tag-fixture.ts';

const DAY = 86_400_000;
const ABOUT = {
  tag: parseTag('latest'),
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  digest: parseDigest(`sha256:${'a'.repeat(64)}`),
  size: 1,
};

/** Writes an index as another program, or another clock, would have written it. */
function rewrite(fixture: TagFixture, change: (entry: IndexEntry) => IndexEntry): void {
  const stored = fixture.store.objects.get(INDEX_KEY);
  if (stored === undefined) throw new Error('There is no index.');
  const entries = decodeRepositoryIndex(INDEX_KEY, stored.bytes);
  fixture.store.objects.set(INDEX_KEY, {
    ...stored,
    bytes: encodeRepositoryIndex(entries.map(change), { listsEveryTag: true }),
  });
}

function ours(fixture: TagFixture): string {
  return fixture.nameOf(fixture.stands().digest);
}

test('a digest that was first seen in 2030 is held for minAge from now on, and not for years', async () => {
  const fixture = new TagFixture({ minAgeMs: 3 * DAY });
  await fixture.sync('a');
  await fixture.sync('b');
  const firstSeen = '2030-01-01T00:00:00.000Z';
  rewrite(fixture, (entry) =>
    entry.kind === 'candidate' ? { ...entry, firstSeen, sightings: undefined } : entry,
  );
  await fixture.run();
  expect(fixture.logged).toEqual([
    `warn: ${INDEX_KEY} has times in the future for 1 digest: a job with a wrong clock wrote them. They count as now, so a minAge begins anew for these digests.`,
  ]);
  const now = fixture.clock.now().toISOString();
  expect(fixture.index().find(({ kind }) => kind === 'candidate')).toMatchObject({ firstSeen: now });
  fixture.clock.advance(3 * DAY - 2 * 3_600_000);
  await fixture.run();
  expect([ours(fixture), fixture.logged]).toEqual(['a', []]);
  await fixture.run();
  expect(ours(fixture)).toBe('b');
  // The next digest is still the later one, although it was seen "before" 2030.
  await fixture.sync('c');
  fixture.clock.advance(3 * DAY);
  await fixture.run();
  expect(ours(fixture)).toBe('c');
});

test('a tag whose own digest was first seen in 2030 follows upstream, and a return to that digest is a rollback', async () => {
  const fixture = new TagFixture();
  await fixture.sync('a');
  const firstSeen = '2030-01-01T00:00:00.000Z';
  rewrite(fixture, (entry) => ({ ...entry, firstSeen, sightings: undefined }));
  await fixture.sync('b');
  expect(ours(fixture)).toBe('b');
  await fixture.sync('a');
  expect(ours(fixture)).toBe('b');
});

test.each([
  ['b', 'a'],
  ['a', 'b'],
])('a tag follows upstream to %s, although both digests were seen in one millisecond', async (to, from) => {
  const fixture = new TagFixture({ policy: 'hold' });
  await fixture.sync(from);
  await fixture.sync(to);
  const firstSeen = '2026-01-01T01:00:00.000Z';
  rewrite(fixture, (entry) => ({ ...entry, firstSeen, sightings: undefined }));
  fixture.moves = {};
  await fixture.run();
  expect(ours(fixture)).toBe(to);
  await fixture.sync(from);
  expect(ours(fixture)).toBe(to);
});

test('in an index of an earlier version, the times give the order', async () => {
  const fixture = new TagFixture({ minAgeMs: DAY });
  await fixture.sync('a');
  await fixture.sync('b');
  await fixture.sync('c');
  rewrite(fixture, (entry) => ({ ...entry, sightings: undefined }));
  await fixture.sync('b');
  fixture.clock.advance(2 * DAY);
  // Upstream has gone back from c.
  await fixture.run();
  expect(ours(fixture)).toBe('b');
  await fixture.sync('a');
  expect(ours(fixture)).toBe('b');
});

test('a clock that is set back holds nothing longer than minAge', async () => {
  const fixture = new TagFixture({ minAgeMs: DAY });
  await fixture.sync('a');
  fixture.clock.advance(-5 * 60_000 - 3_600_000);
  await fixture.sync('b');
  expect(fixture.index().find(({ kind }) => kind === 'candidate')).toMatchObject({
    firstSeen: fixture.clock.now().toISOString(),
  });
  fixture.clock.advance(DAY);
  await fixture.run();
  expect(ours(fixture)).toBe('b');
});

test('times up to ten minutes ahead are left alone, because two clocks may differ by so much', () => {
  const now = new Date('2026-01-01T00:00:00.000Z');
  const entry: IndexEntry = { kind: 'tag', ...ABOUT, firstSeen: '2026-01-01T00:10:00.000Z' };
  expect(withoutFutureTimes(entry, now)).toBe(entry);
  expect(withoutFutureTimes({ ...entry, firstSeen: '2026-01-01T00:10:00.001Z' }, now)).toMatchObject({
    firstSeen: now.toISOString(),
    sightings: {
      first: Date.parse('2026-01-01T00:10:00.001Z'),
      last: Date.parse('2026-01-01T00:10:00.001Z'),
    },
  });
});

const NOW = '2026-01-01T00:00:00.000Z';
const FUTURE = '2030-01-01T00:00:00.000Z';

test.each<[what: string, entry: IndexEntry, bounded: Partial<IndexEntry>]>([
  ['a pin', { kind: 'pin', ...ABOUT, firstSeen: FUTURE }, { firstSeen: NOW }],
  [
    'a tag that is gone',
    { kind: 'tag', ...ABOUT, firstSeen: NOW, gone: FUTURE },
    { firstSeen: NOW, gone: NOW },
  ],
  [
    'a candidate that was left by hand',
    { kind: 'candidate', ...ABOUT, firstSeen: FUTURE, returned: FUTURE, left: FUTURE },
    { firstSeen: NOW, returned: NOW, left: NOW },
  ],
])('no time of %s lies in the future', (_what, entry, bounded) => {
  expect(withoutFutureTimes(entry, new Date(NOW))).toMatchObject(bounded);
});
