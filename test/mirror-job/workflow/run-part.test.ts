/** What steps return is joined into one report, and stays small enough to be returned. */
import { expect, test } from 'vitest';
import { parseDigest } from '../../../core/digest.ts';
import { parseRepository, parseTag } from '../../../core/reference.ts';
import { countOutcomes, type ItemReport, type Outcome } from '../../../mirror-job/engine/report.ts';
import type { UpstreamReport } from '../../../mirror-job/engine/source.ts';
import { joinParts, outcomesForgotten, partOf } from '../../../mirror-job/workflow/run-part.ts';

const REPOSITORY = parseRepository('docker.io/library/app');
const DIGEST = parseDigest(`sha256:${'a'.repeat(64)}`);
/** What a step and an instance may return, at Cloudflare. */
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

function stepOf(items: readonly ItemReport[], upstreams: readonly UpstreamReport[] = []) {
  return partOf({
    result: {
      repository: REPOSITORY,
      counts: countOutcomes(items),
      items,
      findings: [],
      isServed: items.length > 0,
      copied: { blobs: { copied: 2, present: 1 }, manifests: { copied: 1 }, bytes: 100 },
    },
    upstreams,
  });
}

test('the counts, the copies and the requests of all parts add up, and the latest quota counts', () => {
  const one = stepOf([itemOf('1', { result: 'created', digest: DIGEST })], [upstreamOf(5, 50)]);
  const other = stepOf([itemOf('2', { result: 'failed', error: 'It failed.' })], [upstreamOf(7, 40)]);
  expect(joinParts([one, other])).toMatchObject({
    counts: { created: 1, failed: 1, unchanged: 0 },
    copied: { blobs: { copied: 4, present: 2 }, manifests: { copied: 2 }, bytes: 200 },
    items: [...one.items, ...other.items],
    served: [REPOSITORY, REPOSITORY],
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

test('nothing adds up to an empty part, and a repository without anything to pull is not served', () => {
  expect(joinParts([])).toEqual({
    counts: { unchanged: 0, created: 0, moved: 0, held: 0, gone: 0, failed: 0, skipped: 0 },
    copied: { blobs: { copied: 0, present: 0 }, manifests: { copied: 0 }, bytes: 0 },
    items: [],
    findings: [],
    unlisted: 0,
    served: [],
    upstreams: [],
  });
  expect(stepOf([]).served).toEqual([]);
});

test('of ten thousand outcomes as many are listed as may be returned, the urgent ones first', () => {
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

test('of an earlier round only the copies and the requests count', () => {
  const earlier = stepOf([itemOf('1', { result: 'skipped', reason: 'It waits.' })], [upstreamOf(5, 50)]);
  expect(outcomesForgotten(earlier)).toEqual({
    ...joinParts([]),
    copied: earlier.copied,
    upstreams: earlier.upstreams,
  });
});
