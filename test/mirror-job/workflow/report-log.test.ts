/** The lines of the Worker's log when a run has ended. */
import { expect, test } from 'vitest';
import { parseDigest } from '../../../core/digest.ts';
import { parseRepository, parseTag } from '../../../core/reference.ts';
import {
  countOutcomes,
  type Finding,
  type ItemReport,
  type RunReport,
} from '../../../mirror-job/engine/report.ts';
import { logReport } from '../../../mirror-job/workflow/report-log.ts';

const repository = parseRepository('a.test_5000/library/alpine');
const digest = parseDigest(`sha256:${'ab'.repeat(32)}`);

function linesOf(items: readonly ItemReport[], findings: readonly Finding[] = []): string[] {
  const lines: string[] = [];
  const report: RunReport = {
    run: 'r1',
    begun: '',
    ended: '',
    counts: countOutcomes(items),
    blobs: { copied: 0, present: 0 },
    manifests: { copied: 0 },
    bytes: 0,
    interrupted: false,
    upstreams: [],
    items,
    findings,
  };
  logReport(report, {
    info: (message) => lines.push(`info ${message}`),
    warn: (message) => lines.push(`warn ${message}`),
  });
  return lines;
}

function failed(reference: ItemReport['reference'], error: string): ItemReport {
  return { repository, reference, outcome: { result: 'failed', error } };
}

test('a run without failures is one line', () => {
  const created: ItemReport = {
    repository,
    reference: parseTag('3'),
    outcome: { result: 'created', digest },
  };
  expect(linesOf([created])).toEqual(['info The run r1 has ended: 1 created.']);
  expect(linesOf([])).toEqual(['info The run r1 has ended: it had nothing to do.']);
});

test('each reason is one warning, which names what failed by it', () => {
  const tags = ['1', '2', '3', '4', '5'].map((tag) => failed(parseTag(tag), 'it is down.'));
  expect(linesOf([...tags, failed(digest, 'no.'), failed(undefined, 'no list.')])).toEqual([
    'info The run r1 has ended: 7 failed.',
    'warn a.test:5000/library/alpine:1, a.test:5000/library/alpine:2, a.test:5000/library/alpine:3 and 2 more failed: it is down.',
    `warn a.test:5000/library/alpine@${digest} failed: no.`,
    'warn a.test:5000/library/alpine failed: no list.',
  ]);
});

test('a finding is a warning, and reasons beyond twenty are counted', () => {
  const finding: Finding = { kind: 'list-too-short', repository, message: 'the list is too short.' };
  const items = Array.from({ length: 22 }, (_, index) => failed(parseTag('1'), `reason ${index}`));
  const lines = linesOf(items, [finding]);
  expect(lines).toHaveLength(23);
  expect(lines[1]).toBe('warn a.test:5000/library/alpine: the list is too short.');
  expect(lines.at(-2)).toBe('warn a.test:5000/library/alpine:1 failed: reason 19');
  expect(lines.at(-1)).toBe('warn 2 more reasons of failures: the report has them.');
});
