/** Tests the lines for people about held tags, deleted tags, and findings. */
import { expect, test } from 'vitest';
import { parseDigest } from '../../../core/digest.ts';
import { parseRepository, parseTag } from '../../../core/reference.ts';
import { countOutcomes, type Finding, type ItemReport } from '../../../mirror-job/engine/report.ts';
import { describePlan } from '../../../mirror-job/terminal/plan-text.ts';
import { summarize } from '../../../mirror-job/terminal/summary.ts';

const PLAIN = { good: String, waits: String, bad: String, faint: String };
const OURS = parseDigest(`sha256:${'a'.repeat(64)}`);
const UPSTREAM = parseDigest(`sha256:${'b'.repeat(64)}`);
const repository = parseRepository('docker.io/library/nginx');

const held = (tag: string): ItemReport => ({
  repository,
  reference: parseTag(tag),
  outcome: {
    result: 'held',
    digest: OURS,
    upstream: UPSTREAM,
    reason: 'moves.policy is hold.',
    next: `"lifeboat approve docker.io/library/nginx:${tag}@${UPSTREAM}" moves it.`,
  },
});
const gone = (tag: string): ItemReport => ({
  repository,
  reference: parseTag(tag),
  outcome: { result: 'gone', digest: OURS, since: '2026-01-01T00:00:00.000Z' },
});
const finding: Finding = { kind: 'mass-disappearance', repository, message: 'Most of it is gone.' };

function reportOf(items: readonly ItemReport[], findings: readonly Finding[]) {
  return {
    run: 'r',
    begun: '2026-01-01T00:00:00.000Z',
    ended: '2026-01-01T00:00:04.200Z',
    counts: countOutcomes(items),
    blobs: { copied: 0, present: 0 },
    manifests: { copied: 0 },
    bytes: 0,
    interrupted: false,
    upstreams: [],
    items,
    findings,
  };
}

/** The expected lines. People can copy the printed command, because it has the whole digest. */
const SHOWN = [
  'held     docker.io/library/nginx:1.27 at aaaaaaaaaaaa, upstream at bbbbbbbbbbbb',
  `         moves.policy is hold. "lifeboat approve docker.io/library/nginx:1.27@${UPSTREAM}" moves it.`,
  'gone     docker.io/library/nginx:1.25  upstream no longer has this tag; the mirror keeps it',
  'finding  Most of it is gone.',
];

test('a run shows held tags, deleted tags, and findings', () => {
  const report = reportOf([held('1.27'), gone('1.25')], [finding]);
  expect(summarize(report, PLAIN, 'report.json').split('\n')).toEqual([
    ...SHOWN,
    '1 held, 1 gone · 1 finding · 4.2 s',
  ]);
});

test('a plan shows held tags, deleted tags, and findings', () => {
  const report = reportOf([held('1.27'), gone('1.25')], [finding]);
  const cost = { requests: { heads: 2, manifestGets: 0, blobGets: 0, lists: 0 }, bytes: 0 };
  const chosen = [{ tag: parseTag('1.27'), why: 'named', result: 'held' as const }];
  const image = { repository, source: repository, chosen, left: [], pinned: [], cost };
  const plan = { ...report, dryRun: true as const, cost, images: [image] };
  const lines = describePlan(plan, { style: PLAIN, all: true, width: Infinity }).split('\n');
  expect(lines.slice(4, 11)).toEqual([
    '  in  held  1.27  named',
    '',
    ...SHOWN,
    '1 held, 1 gone · 1 finding · 2 requests (2 HEAD, 0 manifest GET, 0 of lists, 0 of blobs) · at most 0 B',
  ]);
});

function failed(tag: string): ItemReport {
  return { repository, reference: parseTag(tag), outcome: { result: 'failed', error: 'the store is full' } };
}

test('a plan says where all failures are, if it leaves some out', () => {
  const cost = { requests: { heads: 0, manifestGets: 0, blobGets: 0, lists: 0 }, bytes: 0 };
  const linesOf = (count: number) => {
    const report = {
      ...reportOf([], []),
      items: Array.from({ length: count }, (_, index) => failed(`1.${index}`)),
    };
    return describePlan(
      { ...report, dryRun: true, cost, images: [] },
      { style: PLAIN, all: true, width: Infinity },
    ).split('\n');
  };
  const pointer = 'Each failure with its reason: --json';
  expect([linesOf(5).includes(pointer), linesOf(6).includes(pointer)]).toEqual([false, true]);
});

test('a run shows twenty held tags, twenty deleted ones, the number of the others, and where all of them are', () => {
  const tags = Array.from({ length: 22 }, (_, index) => `1.${index}`);
  const report = reportOf([...tags.map(held), ...tags.map(gone)], [finding, finding]);
  const lines = summarize(report, PLAIN, 'report.json').split('\n');
  expect(lines).toHaveLength(40 + 1 + 20 + 1 + 2 + 2);
  expect([lines[40], lines[61], ...lines.slice(64)]).toEqual([
    '… and 2 more held',
    '… and 2 more gone',
    '22 held, 22 gone · 2 findings · 4.2 s',
    'The whole report is in report.json.',
  ]);
});

const caughtUp = (name: string, tags: number): Finding => ({
  kind: 'caught-up',
  repository: parseRepository(name),
  store: 'A',
  tags: Array.from({ length: tags }, (_, index) => ({ tag: parseTag(`1.${index}`), to: OURS })),
  message: `A: ${tags} tags of ${name} changed there.`,
});

test('a run shows twenty repositories whose tags a catch-up changed, the number of the others, and where all of them are', () => {
  const names = Array.from({ length: 300 }, (_, index) => `a.test/app-${index}`);
  const report = reportOf([], [...names.map((name) => caughtUp(name, 1)), finding]);
  const lines = summarize(report, PLAIN, 'report.json').split('\n');
  expect(lines).toHaveLength(20 + 1 + 1 + 2);
  expect([lines[0], lines[19], ...lines.slice(20)]).toEqual([
    'finding  A: 1 tags of a.test/app-0 changed there.',
    'finding  A: 1 tags of a.test/app-19 changed there.',
    'finding  Most of it is gone.',
    '… and 280 more repositories whose tags a catch-up changed',
    'nothing to mirror · 301 findings · 4.2 s',
    'The whole report is in report.json.',
  ]);
});

test.each([
  [5, 'nothing to mirror · 1 finding · 4.2 s'],
  [6, 'The whole report is in report.json.'],
])('with a finding of %i tags, the last line is "%s"', (tags, last) => {
  const report = reportOf([], [caughtUp('a.test/app', tags)]);
  expect(summarize(report, PLAIN, 'report.json').split('\n').at(-1)).toBe(last);
});
