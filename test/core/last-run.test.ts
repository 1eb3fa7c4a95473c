/** Tests that the report that the job writes can be read in part, and that every list and text of it has a bound. */
import { expect, test } from 'vitest';
import { BucketObjectInvalidError } from '../../core/bucket-object.ts';
import { encodePrintableJson } from '../../core/json.ts';
import {
  decodeLastRun,
  MAX_LISTED_FAILURES,
  MAX_LISTED_FINDINGS,
  MAX_REGISTRY_FAILURES,
} from '../../core/last-run.ts';
import { parseRepository, parseTag } from '../../core/reference.ts';
import type { ItemReport, RunReport } from '../../mirror-job/engine/report.ts';

const KEY = 'state/default/last-run.json';

function failed(repository: string, tag: string, error = 'It answers 500.'): ItemReport {
  const outcome = { result: 'failed', error } as const;
  return { repository: parseRepository(repository), reference: parseTag(tag), outcome };
}

const REPORT: RunReport = {
  run: '20260131T235959.000Z-1a2b3c',
  begun: '2026-01-31T23:59:59.000Z',
  ended: '2026-02-01T00:00:11.500Z',
  counts: { unchanged: 40, created: 2, moved: 1, held: 5, gone: 6, failed: 2, skipped: 4 },
  blobs: { copied: 5, present: 6 },
  manifests: { copied: 7 },
  bytes: 89_000_000,
  interrupted: false,
  upstreams: [
    {
      name: 'docker.io',
      requests: { heads: 43, manifestGets: 9, blobGets: 5, lists: 1 },
      quotas: [
        { account: 1, remaining: 91, limit: 100, seconds: 21_600, source: '192.0.2.1\u001B[2J' },
        { account: 2, remaining: 5, limit: undefined, seconds: undefined, source: undefined },
      ],
      exhausted: 'The budget is used up.',
    },
  ],
  stores: [{ name: 'first', state: 'behind', since: '2026-01-30T00:00:00.000Z', reason: 'It lacks a tag.' }],
  items: [
    failed('docker.io/library/nginx', '1.27', 'It answers \u202E500.'),
    { ...failed('quay.io/a/b', 'x'), reference: undefined },
    {
      repository: parseRepository('quay.io/a/c'),
      reference: parseTag('skipped'),
      outcome: { result: 'skipped', reason: 'The budget is used up.' },
    },
  ],
  findings: [
    { kind: 'list-too-short', repository: parseRepository('a.test/app'), message: 'Too short.' },
    { kind: 'in-use-list', cluster: 'prod', message: 'Too old.' },
  ],
};

test('the report that the job writes is read', () => {
  expect(decodeLastRun(KEY, encodePrintableJson(REPORT))).toEqual({
    run: REPORT.run,
    begun: REPORT.begun,
    ended: REPORT.ended,
    interrupted: false,
    counts: REPORT.counts,
    blobs: { copied: 5, present: 6 },
    manifests: { copied: 7 },
    bytes: 89_000_000,
    upstreams: [
      {
        name: 'docker.io',
        requests: { heads: 43, manifestGets: 9, blobGets: 5, lists: 1 },
        quotas: [
          { account: 1, remaining: 91, limit: 100, seconds: 21_600, source: '192.0.2.1[2J' },
          { account: 2, remaining: 5 },
        ],
        exhausted: 'The budget is used up.',
      },
    ],
    stores: [
      { name: 'first', state: 'behind', since: '2026-01-30T00:00:00.000Z', reason: 'It lacks a tag.' },
    ],
    failures: [
      {
        registry: 'docker.io',
        repository: 'docker.io/library/nginx',
        reference: '1.27',
        error: 'It answers 500.',
      },
      { registry: 'quay.io', repository: 'quay.io/a/b', error: 'It answers 500.' },
    ],
    findings: [
      { kind: 'list-too-short', repository: 'a.test/app', message: 'Too short.' },
      { kind: 'in-use-list', message: 'Too old.' },
    ],
    findingCount: 2,
  });
});

test('failures have a bound for each registry and for all, and findings have one', () => {
  const registries = Array.from({ length: 12 }, (_, index) => `r${index}.test`);
  const items = registries.flatMap((registry) =>
    Array.from({ length: 30 }, (_, index) => failed(`${registry}/app`, `v${index}`, 'x'.repeat(2000))),
  );
  const findings = Array.from({ length: 150 }, (_, index) => ({ kind: 'caught-up', message: `${index}` }));
  const read = decodeLastRun(KEY, encodePrintableJson({ ...REPORT, items, findings }));
  expect(read.failures.length).toBe(MAX_LISTED_FAILURES);
  expect(read.failures.filter(({ registry }) => registry === 'r0.test').length).toBe(MAX_REGISTRY_FAILURES);
  expect(read.failures.every(({ error }) => error.length === 600)).toBe(true);
  expect([read.findings.length, read.findingCount]).toEqual([MAX_LISTED_FINDINGS, 150]);
});

test.each([
  ['a count', { bytes: -1 }, '"bytes" is not a count.'],
  ['a time', { ended: 'yesterday' }, '"ended" is not a time.'],
  ['a failed item', { items: [{ repository: 'a.test/app' }] }, '"items[0].outcome" is not an object.'],
  ['a quota', { upstreams: [{ name: 'a', requests: {} }] }, '"upstreams[0].requests.heads" is not a count.'],
  ['a later version', { version: 2 }, 'its version is not that of this release.'],
])('a report with %s that is not understood is refused', (_, change, sentence) => {
  const read = () => decodeLastRun(KEY, encodePrintableJson({ ...REPORT, ...change }));
  expect(read).toThrow(BucketObjectInvalidError);
  expect(read).toThrow(sentence);
});
