/** Pages about tags that do not follow upstream. */
import { expect, it } from 'vitest';
import { parseDigest } from '../../../core/digest.ts';
import { encodeOverview, type HeldLine } from '../../../core/overview.ts';
import { parseRepository, parseTag } from '../../../core/reference.ts';
import type { DescribedTag } from '../../../core/repository-description.ts';
import { r2Bucket } from '../support/bucket.ts';
import { putIdentity } from '../support/content.ts';
import { pageAt } from '../support/page.ts';
import { describedTag, NOW, OVERVIEW, putDescription, putState } from '../support/state.ts';
import { TestEdge } from '../support/test-edge.ts';

const APP = parseRepository('docker.io/library/app');
const SINCE = '2026-01-30T10:20:30.000Z';
const WAITING = { digest: parseDigest(`sha256:${'7'.repeat(64)}`), firstSeen: SINCE };

/** @param line what the last run said of the tag */
async function edgeWith(tag: Partial<DescribedTag>, line: Partial<HeldLine>): Promise<TestEdge> {
  const bucket = r2Bucket();
  await putIdentity(bucket);
  await putState(bucket);
  const described = await describedTag('1.0', SINCE);
  const held: HeldLine = {
    repository: APP,
    tag: parseTag('1.0'),
    digest: described.digest,
    upstream: WAITING.digest,
    since: SINCE,
    reason: 'moves.policy is hold.',
    ...line,
  };
  await bucket.put('state/default/overview.json', encodeOverview({ ...OVERVIEW, held: [held] }));
  await putDescription(bucket, APP, [{ ...described, ...tag }, await describedTag('0.9', SINCE)]);
  const edge = new TestEdge([bucket]);
  edge.now = NOW;
  return edge;
}

it('a tag that policy alone holds is held in its row and above it, with the reason, and since when', async () => {
  const edge = await edgeWith({ upstream: WAITING }, {});
  const { text } = await pageAt(edge, `/r/${APP}`);
  expect(text).toMatch(/2 tags 1 held /);
  expect(text).toMatch(/ 1\.0 held [0-9a-f]{12} /);
  expect(text).toMatch(/held moves\.policy is hold\. Upstream’s [0-9a-f]{12} was first seen 38 h ago/);
  expect((await pageAt(edge, '/')).text).toContain('app:1.0 since 2026-01-30 10:20 UTC (38 h ago)');
});

it('a tag that waits for its age alone is said to move by itself, and by nobody', async () => {
  const edge = await edgeWith(
    { upstream: WAITING },
    { reason: 'minAge is 3d.', until: '2026-02-02T10:20:30.000Z' },
  );
  const says = 'minAge is 3d. It moves by itself from 2026-02-02 10:20 UTC on.';
  const home = await pageAt(edge, '/');
  expect(home.text).toContain(says);
  expect(home.text).not.toContain('for somebody');
  const { text } = await pageAt(edge, `/r/${APP}`);
  expect(text).toContain(says);
  expect(text).toContain('This moves the tag to it now: npx lifeboat approve');
});

it('a tag that waits for its turn moves with the next run', async () => {
  const edge = await edgeWith(
    { upstream: WAITING },
    { reason: 'maxMovesPerRun is 1.', until: '2026-02-01T00:00:00.000Z' },
  );
  expect((await pageAt(edge, '/')).text).toContain('maxMovesPerRun is 1. The next run goes on with it.');
});

it('a hold by hand is a sentence, also while the last run knew nothing of it', async () => {
  const edge = await edgeWith(
    { upstream: WAITING, hold: 'reverted by hand' },
    { until: '2026-02-02T10:20:30.000Z' },
  );
  const { text } = await pageAt(edge, `/r/${APP}`);
  expect(text).toContain('held It is held: reverted by hand. Upstream’s');
  expect(text).not.toContain('by itself');
});

it('a tag that was approved after the last run is not held, in its row and above it', async () => {
  const edge = await edgeWith({}, {});
  const { text } = await pageAt(edge, `/r/${APP}`);
  expect(text).toContain('follows upstream');
  expect(text).not.toMatch(/\bheld\b/);
});

it('a list that is cut says how many more tags there are', async () => {
  const bucket = r2Bucket();
  await putIdentity(bucket);
  const { digest } = await describedTag('1.0', SINCE);
  const held = Array.from({ length: 13 }, (_, index) => ({
    repository: APP,
    tag: parseTag(`1.${index}`),
    digest,
    since: SINCE,
    reason: 'Why not.',
  }));
  const line = { name: APP, tags: 20, pins: 0, held: 13, gone: 0 };
  await bucket.put(
    'state/default/overview.json',
    encodeOverview({ ...OVERVIEW, repositories: [line], held }),
  );
  expect((await pageAt(new TestEdge([bucket]), '/')).text).toContain('… and 3 more tags.');
});
