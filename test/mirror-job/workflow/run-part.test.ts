/** The parts that steps return are joined into one report, and stay small enough to be returned. */
import { expect, test } from 'vitest';
import { parseDigest } from '../../../core/digest.ts';
import { parseRepository, parseTag } from '../../../core/reference.ts';
import {
  countOutcomes,
  type Finding,
  type ItemReport,
  type Outcome,
} from '../../../mirror-job/engine/report.ts';
import type { UpstreamReport } from '../../../mirror-job/engine/source.ts';
import {
  failedPart,
  joinAttempts,
  joinParts,
  partOf,
  type RunPart,
} from '../../../mirror-job/workflow/run-part.ts';

const REPOSITORY = parseRepository('docker.io/library/app');
const DIGEST = parseDigest(`sha256:${'a'.repeat(64)}`);
/** The most bytes that a step or an instance may return, at Cloudflare. */
const MEBIBYTE = 1024 * 1024;

function itemOf(tag: string, outcome: Outcome): ItemReport {
  return { repository: REPOSITORY, reference: parseTag(tag), outcome };
}

function upstreamOf(heads: number, remaining: number): UpstreamReport {
  return {
    name: 'docker.io',
    requests: { heads, manifestGets: 1, blobGets: 2, lists: 3 },
    quotas: [{ account: 1, remaining, limit: 100, seconds: 21_600, source: undefined }],
    exhausted: undefined,
  };
}

function stepOf(
  items: readonly ItemReport[],
  upstreams: readonly UpstreamReport[] = [],
  findings: readonly Finding[] = [],
) {
  return partOf(
    {
      repository: REPOSITORY,
      counts: countOutcomes(items),
      items: items.filter(({ outcome }) => outcome.result !== 'unchanged'),
      findings,
      isServed: items.length > 0,
      copied: { blobs: { copied: 2, present: 1 }, manifests: { copied: 1 }, bytes: 100 },
    },
    upstreams,
    false,
  );
}

test('the counts, the copies and the requests of all parts add up, and the latest quota counts', () => {
  const one = stepOf([itemOf('1', { result: 'created', digest: DIGEST })], [upstreamOf(5, 50)]);
  const other = stepOf([itemOf('2', { result: 'failed', error: 'It failed.' })], [upstreamOf(7, 40)]);
  expect(joinParts([one, other])).toMatchObject({
    counts: { created: 1, failed: 1, unchanged: 0 },
    copied: { blobs: { copied: 4, present: 2 }, manifests: { copied: 2 }, bytes: 200 },
    items: [...one.items, ...other.items],
    unserved: [],
    unlisted: 0,
    upstreams: [
      {
        name: 'docker.io',
        requests: { heads: 12, manifestGets: 2, blobGets: 4, lists: 6 },
        quotas: [{ remaining: 40 }],
      },
    ],
  });
});

test('nothing adds up to an empty part, and a repository without anything to pull is named', () => {
  expect(joinParts([])).toEqual({
    counts: { unchanged: 0, created: 0, moved: 0, held: 0, gone: 0, failed: 0, skipped: 0 },
    copied: { blobs: { copied: 0, present: 0 }, manifests: { copied: 0 }, bytes: 0 },
    items: [],
    findings: [],
    unlisted: 0,
    unserved: [],
    upstreams: [],
    lines: [],
    held: [],
    hasUploads: false,
  });
  expect(stepOf([]).unserved).toEqual([REPOSITORY]);
});

test('of ten thousand outcomes as many are listed as may be returned, and all urgent ones', () => {
  const created = Array.from({ length: 10_000 }, (_, index) =>
    itemOf(`c${index}`, { result: 'created', digest: DIGEST }),
  );
  const failed = Array.from({ length: 100 }, (_, index) =>
    itemOf(`f${index}`, { result: 'failed', error: 'ü'.repeat(100) }),
  );
  const part = joinParts([stepOf(created), stepOf(failed)]);
  expect(part.counts).toMatchObject({ created: 10_000, failed: 100 });
  expect(part.items.filter(({ outcome }) => outcome.result === 'failed')).toHaveLength(100);
  expect(part.items.length + part.unlisted).toBe(10_100);
  expect(part.items.length).toBeGreaterThan(500);
  expect(Buffer.byteLength(JSON.stringify(part))).toBeLessThan(MEBIBYTE / 2);
});

test('of two attempts the later one says what became of a tag, and nothing that the earlier one did is lost', () => {
  const finding: Finding = { kind: 'immutable-changed', repository: REPOSITORY, message: 'It changed.' };
  const skipped = itemOf('large', { result: 'skipped', reason: 'It waits.' });
  const created = itemOf('1', { result: 'created', digest: DIGEST });
  const moved = itemOf('2', { result: 'moved', digest: DIGEST, from: DIGEST });
  const failed = itemOf('3', { result: 'failed', error: 'It failed.' });
  const earlier = stepOf([skipped, created, moved, failed], [upstreamOf(5, 50)], [finding]);
  const large = itemOf('large', { result: 'created', digest: DIGEST });
  const unchanged = ['1', '2', '3'].map((tag) => itemOf(tag, { result: 'unchanged', digest: DIGEST }));
  const joined = joinAttempts(earlier, stepOf([large, ...unchanged], [upstreamOf(5, 40)]));
  expect(joined.counts).toMatchObject({ created: 2, moved: 1, unchanged: 1, failed: 0, skipped: 0 });
  expect(
    joined.items.toSorted((one, other) => (String(one.reference) < String(other.reference) ? -1 : 1)),
  ).toEqual([created, moved, large]);
  expect(joined).toMatchObject({
    findings: [finding],
    copied: { bytes: 200 },
    upstreams: [{ requests: { heads: 10 } }],
  });
});

test('what an attempt has done is counted, also if its list was too short for it', () => {
  const tags = Array.from({ length: 1500 }, (_, index) => `c${index}`);
  const created = stepOf(tags.map((tag) => itemOf(tag, { result: 'created', digest: DIGEST })));
  expect(created.unlisted).toBeGreaterThan(0);
  const unchanged = stepOf(tags.map((tag) => itemOf(tag, { result: 'unchanged', digest: DIGEST })));
  const joined = joinAttempts(created, unchanged);
  expect(joined.counts).toMatchObject({ created: 1500, unchanged: 0 });
  expect(joined.items.length + joined.unlisted).toBe(1500);
});

test('a finding that both attempts have is listed once, and a later failure replaces an earlier success', () => {
  const finding: Finding = { kind: 'list-too-short', repository: REPOSITORY, message: 'It is short.' };
  const created = stepOf([itemOf('1', { result: 'created', digest: DIGEST })], [], [finding]);
  const failed = stepOf([itemOf('1', { result: 'failed', error: 'It failed.' })], [], [finding]);
  const joined = joinAttempts(created, failed);
  expect(joined).toMatchObject({ counts: { created: 0, failed: 1 }, findings: [finding] });
  expect(joined.items).toEqual(failed.items);
});

test('repositories that could not be mirrored are failed, each with the reason', () => {
  expect(failedPart([REPOSITORY, 'quay.io/a/b'], 'It was thrown away.')).toMatchObject({
    counts: { failed: 2 },
    items: [
      { repository: REPOSITORY, outcome: { result: 'failed', error: 'It was thrown away.' } },
      { repository: 'quay.io/a/b' },
    ],
    // The catalogue must not name what cannot be pulled.
    unserved: [REPOSITORY, 'quay.io/a/b'],
  });
});

/** The part of a repository that has a line in the overview, and a held tag. */
function lineOf(path: string, tags: number): RunPart {
  const repository = parseRepository(path);
  const since = '2026-01-01T00:00:00.000Z';
  const line = { name: repository, tags, pins: 0, held: 1, gone: 0, checked: since };
  const held = [{ repository, tag: parseTag('1'), digest: DIGEST, since, reason: 'It is held.' }];
  return { ...stepOf([itemOf('1', { result: 'unchanged', digest: DIGEST })]), lines: [line], held };
}

test('the lines of the overview are joined, and of two attempts the later line counts', () => {
  const [one, other] = [lineOf('quay.io/a/b', 1), lineOf('quay.io/a/c', 1)];
  const joined = joinParts([one, other]);
  expect([joined.lines, joined.held]).toEqual([
    [...one.lines, ...other.lines],
    [...one.held, ...other.held],
  ]);
  const again = joinAttempts(one, lineOf('quay.io/a/b', 2));
  expect([again.lines.map(({ tags }) => tags), again.held.length]).toEqual([[2], 1]);
  const unread = joinAttempts(one, stepOf([itemOf('1', { result: 'failed', error: 'It is down.' })]));
  expect([unread.lines, unread.held]).toEqual([one.lines, one.held]);
});

test('the lines of thousands of repositories fit beside a long list, and those without room are left out', () => {
  const failed = stepOf(
    Array.from({ length: 5000 }, (_, index) =>
      itemOf(`f${index}`, { result: 'failed', error: 'It failed.' }),
    ),
  );
  const part = joinParts([
    failed,
    ...Array.from({ length: 5000 }, (_, index) => lineOf(`quay.io/${'a'.repeat(100)}/b${index}`, index)),
  ]);
  expect(part.lines.length).toBeGreaterThan(1500);
  expect(part.lines.length).toBeLessThan(5000);
  expect(Buffer.byteLength(JSON.stringify(part))).toBeLessThan(MEBIBYTE);
});
