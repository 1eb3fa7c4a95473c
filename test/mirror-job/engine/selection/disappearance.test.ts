/** Tags that upstream has deleted stay in the bucket. If too many disappear at once, upstream's list is not trusted. */
import { describe, expect, test } from 'vitest';
import { massDisappearance, MISSED_FOR_MS } from '../../../../mirror-job/engine/selection/disappearance.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { parseDigest } from '../../../../core/digest.ts';
import { parseTag } from '../../../../core/reference.ts';
import { asMatcher, parsePattern, parseSuffix } from '../../../../mirror-job/configuration/pattern.ts';
import { addImage, addLayer, tagAs } from '../../../support/builder.ts';
import { emptyRepository } from '../../../support/content.ts';
import {
  DAY,
  EVERY_TAG,
  environmentFor,
  imageOf,
  outcomesOf,
  TestClock,
  type ImageOptions,
} from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const NOW = new Date('2026-02-01T00:00:00.000Z');

describe('a mass disappearance', () => {
  test.each([
    [1, 1, false],
    [2, 1, false],
    [2, 2, true],
    [4, 3, false],
    [4, 4, true],
    [8, 4, false],
    [8, 5, true],
    [9, 5, true],
    [10, 5, false],
    [10, 6, true],
    [100, 50, false],
    [100, 51, true],
  ])('among %i tags of which %i are gone: %s', (of, gone, isMass) => {
    const known = Array.from({ length: of }, (_, index) => entry(`t${index}`));
    const there = new Set(known.slice(gone).map(({ tag }) => tag));
    expect(massDisappearance(known, (tag) => there.has(tag), NOW)).toEqual(isMass ? { gone, of } : undefined);
  });

  test.each([
    [MISSED_FOR_MS - 1, { gone: 6, of: 7 }],
    [MISSED_FOR_MS, undefined],
  ])('counts only tags that disappeared less than seven days ago: %i ms', (ago, expected) => {
    const gone = new Date(NOW.getTime() - ago).toISOString();
    const known = [
      ...Array.from({ length: 6 }, (_, index) => ({ ...entry(`t${index}`), gone })),
      entry('there'),
    ];
    expect(massDisappearance(known, (tag) => tag === 'there', NOW)).toEqual(expected);
  });
});

function entry(name: string) {
  return {
    kind: 'tag',
    tag: parseTag(name),
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: parseDigest(`sha256:${'0'.repeat(64)}`),
    size: 2,
    firstSeen: '2026-01-01T00:00:00.000Z',
  } as const;
}

/** A run that changes the index writes it, and once more with the mark that the repository is described as it is now. */
const INDEX_WRITTEN = [
  'put repositories/mirror.test/app/_index.json',
  'put repositories/mirror.test/app/_index.json',
];

async function upstreamWith(...tags: readonly string[]) {
  const content = emptyRepository();
  const image = addImage(content, { layers: [await addLayer(content, 'one')] });
  tagAs(content, image, ...tags);
  const next = addImage(content, { layers: [await addLayer(content, 'two')] });
  const source = new MemorySource('source.test/app', content);
  const store = new MemoryStore();
  const clock = new TestClock();
  const sync = async (options: ImageOptions = {}) => {
    store.calls.length = 0;
    source.calls.length = 0;
    const environment = environmentFor(store, { clock });
    const report = await runMirror(environment, 'default', [
      imageOf(source, 'mirror.test/app', { referrersEveryMs: false, ...options }),
    ]);
    const written = store.calls.filter((call) => call.startsWith('put repositories/'));
    return { report, outcomes: outcomesOf(report), written };
  };
  return { content, image, next, source, store, clock, sync };
}

test('a named tag that is gone is reported in each run, recorded once, and stays in the bucket', async () => {
  const { content, image, store, clock, sync } = await upstreamWith('one', 'two');
  const options = { tags: ['one', 'two'] };
  await sync(options);
  content.tags.delete('two');
  clock.advance(DAY);
  const outcome = { result: 'gone', digest: image.digest, since: '2026-01-02T00:00:00.000Z' };
  const first = await sync(options);
  expect(first.report.items).toEqual([{ repository: 'mirror.test/app', reference: 'two', outcome }]);
  expect(first.report.findings).toEqual([]);
  expect(first.report.counts).toEqual({
    created: 0,
    moved: 0,
    unchanged: 1,
    held: 0,
    gone: 1,
    failed: 0,
    skipped: 0,
  });
  expect(first.written).toEqual(INDEX_WRITTEN);
  clock.advance(DAY);
  const second = await sync(options);
  expect(second.report.items[0]?.outcome).toEqual(outcome);
  expect(second.written).toEqual([]);
  expect(store.keys('/_tags/').length).toBe(2);

  tagAs(content, image, 'two');
  expect((await sync(options)).written).toEqual(INDEX_WRITTEN);
  expect((await sync(options)).written).toEqual([]);
});

test('a listed tag that is gone is reported once, and a tag that is not selected is never reported', async () => {
  const { content, image, clock, sync } = await upstreamWith('v1', 'v2', 'v3', 'edge');
  const rules = { ...EVERY_TAG, include: [asMatcher(parsePattern('v*'))] };
  await sync();
  content.tags.delete('v1');
  content.tags.delete('edge');
  clock.advance(DAY);
  expect((await sync({ tags: [], rules })).outcomes).toEqual({ 'mirror.test/app:v1': 'gone' });
  expect(await sync({ tags: [], rules })).toMatchObject({ outcomes: {}, written: [] });
  tagAs(content, image, 'v1');
  expect(await sync({ tags: [], rules })).toMatchObject({ outcomes: {}, written: INDEX_WRITTEN });
  expect(await sync({ tags: [], rules })).toMatchObject({ outcomes: {}, written: [] });
});

test('a tag that is older than the newest selected tags is not gone', async () => {
  const { content, image, sync } = await upstreamWith('1.0.0', '1.1.0');
  const versions = { range: '*', suffixes: [parseSuffix('')], precisions: [] };
  const rules = { ...EVERY_TAG, versions, latest: 1 };
  await sync({ tags: [], rules });
  tagAs(content, image, '1.2.0');
  expect((await sync({ tags: [], rules })).outcomes).toEqual({ 'mirror.test/app:1.2.0': 'created' });
});

test('a tag that is listed again is no longer gone, though it is not among the newest', async () => {
  const { content, image, store, sync } = await upstreamWith('1.0.0', '1.1.0');
  const versions = { range: '*', suffixes: [parseSuffix('')], precisions: [] };
  const rules = { ...EVERY_TAG, versions, latest: 2 };
  const isGone = () =>
    JSON.stringify(store.json('repositories/mirror.test/app/_index.json')).includes('gone');
  await sync({ tags: [], rules });
  content.tags.delete('1.0.0');
  await sync({ tags: [], rules });
  expect(isGone()).toBe(true);
  tagAs(content, image, '1.0.0', '1.2.0');
  await sync({ tags: [], rules });
  expect(isGone()).toBe(false);
});

test('a signature tag that is gone is not missed, because it comes and goes with its image', async () => {
  const signature = `sha256-${'0'.repeat(64)}.sig`;
  const { content, sync } = await upstreamWith('one', signature);
  await sync();
  content.tags.delete(signature);
  expect(await sync()).toMatchObject({ outcomes: {}, written: [] });
});

const EIGHT = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

test('a list that lost most of its tags changes nothing for seven days', async () => {
  const { content, next, store, clock, sync } = await upstreamWith(...EIGHT, 'named');
  const options = { tags: ['named'], rules: EVERY_TAG };
  await sync(options);
  for (const tag of EIGHT.slice(0, 5)) content.tags.delete(tag);
  tagAs(content, next, 'h', 'i', 'named');
  clock.advance(DAY);
  const first = await sync(options);
  expect(first.report.findings).toEqual([
    {
      kind: 'mass-disappearance',
      repository: 'mirror.test/app',
      message:
        'source.test/app no longer lists 5 of the 8 tags that are mirrored from its list; the tags that it still lists were not looked at. If upstream has really deleted them, nothing has to be done: 7d after they disappeared, they count as deleted. If a tag is needed sooner, list it by its name.',
    },
  ]);
  const went = Object.fromEntries(EIGHT.slice(0, 5).map((tag) => [`mirror.test/app:${tag}`, 'gone']));
  expect(first.outcomes).toEqual({ ...went, 'mirror.test/app:named': 'moved' });
  expect(store.keys('/_tags/').length).toBe(9);

  clock.advance(7 * DAY - 1);
  const second = await sync(options);
  expect([second.report.findings.length, second.outcomes]).toEqual([1, {}]);
  clock.advance(1);
  const third = await sync(options);
  expect(third.report.findings).toEqual([]);
  expect(third.outcomes).toEqual({ 'mirror.test/app:h': 'moved', 'mirror.test/app:i': 'created' });
  expect(store.keys('/_tags/').length).toBe(10);
});

test('a list that is whole again is trusted at once', async () => {
  const { content, image, clock, sync } = await upstreamWith(...EIGHT);
  await sync();
  content.tags.clear();
  clock.advance(DAY);
  expect((await sync()).report.findings).toMatchObject([{ kind: 'mass-disappearance' }]);
  tagAs(content, image, ...EIGHT);
  expect((await sync()).report).toMatchObject({ findings: [], counts: { unchanged: 8, gone: 0 } });
});

test('the loss of all named tags is a finding too', async () => {
  const { content, clock, sync } = await upstreamWith('one', 'two');
  await sync({ tags: ['one', 'two'] });
  content.tags.clear();
  clock.advance(DAY);
  const { report } = await sync({ tags: ['one', 'two'] });
  expect(report.findings).toMatchObject([
    {
      kind: 'mass-disappearance',
      message: expect.stringMatching(
        /^source\.test\/app no longer has 2 of the 2 tags that are mirrored by name; the mirror keeps them\./,
      ),
    },
  ]);
  expect(report.counts).toMatchObject({ gone: 2, failed: 0 });
});

test('a named tag that the upstream never had is a failure', async () => {
  const { sync } = await upstreamWith('one');
  expect((await sync({ tags: ['one', 'none'] })).outcomes).toEqual({
    'mirror.test/app:one': 'created',
    'mirror.test/app:none': 'source.test/app has no tag "none".',
  });
});
