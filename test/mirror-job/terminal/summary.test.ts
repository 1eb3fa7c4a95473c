/** Tests the last screen of a run: the changes, the failures with their reasons, and the counts. */
import { expect, test } from 'vitest';
import { parseDigest } from '../../../core/digest.ts';
import { parseRepository, parseTag } from '../../../core/reference.ts';
import {
  countOutcomes,
  type ItemReport,
  type Outcome,
  type RunReport,
} from '../../../mirror-job/engine/report.ts';
import { pullLines } from '../../../mirror-job/terminal/pull-lines.ts';
import type { Style } from '../../../mirror-job/terminal/style.ts';
import { summarize } from '../../../mirror-job/terminal/summary.ts';

const PLAIN: Style = { good: String, waits: String, bad: String, faint: String };
const A = parseDigest(`sha256:${'a'.repeat(64)}`);
const B = parseDigest(`sha256:${'b'.repeat(64)}`);

function item(name: string, reference: string | undefined, outcome: Outcome): ItemReport {
  const parsed =
    reference === undefined
      ? undefined
      : reference.includes(':')
        ? parseDigest(reference)
        : parseTag(reference);
  return { repository: parseRepository(name), reference: parsed, outcome };
}

function reportOf(items: readonly ItemReport[], rest: Partial<RunReport> = {}): RunReport {
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
    findings: [],
    items: items.filter(({ outcome }) => outcome.result !== 'unchanged'),
    ...rest,
  };
}

function lines(report: RunReport): string[] {
  return summarize(report, PLAIN, 'report.json').split('\n');
}

const created = (name: string, tag: string): ItemReport => item(name, tag, { result: 'created', digest: A });
const failed = (name: string, tag: string | undefined, error: string): ItemReport =>
  item(name, tag, { result: 'failed', error });

test('a few changes have a row each with the name last, and moved tags come first', () => {
  const report = reportOf(
    [
      created('docker.io/library/alpine', '3.20'),
      item('127.0.0.1:5000/team/app', A, { result: 'created', digest: A }),
      item('docker.io/library/nginx', '1.27', { result: 'moved', digest: B, from: A }),
      item('docker.io/library/nginx', '1.26', { result: 'unchanged', digest: A }),
      failed('quay.io/team/one', 'v1', 'quay.io/team/one has no tag "v1".'),
      failed('quay.io/team/two', undefined, 'quay.io does not answer.'),
    ],
    { blobs: { copied: 12, present: 3 }, bytes: 34_000_000 },
  );
  expect(lines(report)).toEqual([
    'moved    bbbbbbbbbbbb  was aaaaaaaaaaaa  docker.io/library/nginx:1.27',
    'created  aaaaaaaaaaaa                    127.0.0.1:5000/team/app@sha256:aaaaaaaaaaaa',
    'created  aaaaaaaaaaaa                    docker.io/library/alpine:3.20',
    `pull it from the edge as EDGE/127.0.0.1_5000/team/app@sha256:${'a'.repeat(64)}`,
    'failed   quay.io/team/one:v1',
    '         quay.io/team/one has no tag "v1".',
    'failed   quay.io/team/two',
    '         quay.io does not answer.',
    '2 created, 1 moved, 1 unchanged, 2 failed · 12 blobs copied (34.0 MB) · 3 blobs already there · 4.2 s',
  ]);
});

/** @returns the tags of the lines with a result, in their order */
function tagsIn(result: string, all: readonly string[]): string[] {
  return all
    .filter((line) => line.startsWith(result))
    .map((line) => line.slice(line.lastIndexOf(':') + 1).replace(/ .*/, ''));
}

test('each list is sorted, and the numbers in names count as numbers', () => {
  const shown = lines(
    reportOf(
      ['1.10', '1.9', '1.2'].flatMap((tag) => [
        created('docker.io/library/nginx', tag),
        item('quay.io/a/b', tag, { result: 'gone', digest: A, since: '2026-01-01T00:00:00.000Z' }),
        failed('quay.io/team/one', tag, `quay.io does not answer for ${tag}.`),
      ]),
    ),
  );
  expect(tagsIn('created', shown)).toEqual(['1.2', '1.9', '1.10']);
  expect(tagsIn('failed', shown)).toEqual(['1.2', '1.9', '1.10']);
  expect(tagsIn('gone', shown)).toEqual(['1.2', '1.9', '1.10']);
});

test('a run with nothing new has one line', () => {
  expect(lines(reportOf([item('a.b/c', '1', { result: 'unchanged', digest: A })]))).toEqual([
    '1 unchanged · 4.2 s',
  ]);
  expect(lines(reportOf([]))).toEqual(['nothing to mirror · 4.2 s']);
});

test('a thousand changes have a row per repository, and the summary says where to find each change', () => {
  const items = [
    ...Array.from({ length: 997 }, (_, index) => created('docker.io/library/nginx', `1.${index}`)),
    created('docker.io/library/redis', '7'),
    created('docker.io/library/redis', '8'),
    item('docker.io/library/nginx', 'latest', { result: 'moved', digest: B, from: A }),
  ];
  expect(lines(reportOf(items))).toEqual([
    'moved        1  docker.io/library/nginx:latest',
    'created    997  docker.io/library/nginx:1.0, 1.1, 1.2, 1.3, 1.4, …',
    'created      2  docker.io/library/redis:7, 8',
    '999 created, 1 moved · 4.2 s',
    'The whole report is in report.json.',
  ]);
});

test('a thousand repositories have twenty rows, and the summary gives the number of the others', () => {
  const items = Array.from({ length: 1000 }, (_, index) => created(`a.b/app-${index}`, '1'));
  const summary = lines(reportOf(items));
  expect(summary.slice(18)).toEqual([
    'created      1  a.b/app-18:1',
    'created      1  a.b/app-19:1',
    '… and 980 more repositories',
    '1000 created · 4.2 s',
    'The whole report is in report.json.',
  ]);
});

test('every failure is shown, up to fifty', () => {
  const items = Array.from({ length: 60 }, (_, index) => failed(`a.b/app-${index}`, '1', `Reason ${index}.`));
  const summary = lines(reportOf(items));
  expect(summary).toHaveLength(50 * 2 + 3);
  expect(summary.slice(98)).toEqual([
    'failed   a.b/app-49:1',
    '         Reason 49.',
    '… and 10 more reasons',
    '60 failed · 4.2 s',
    'The whole report is in report.json.',
  ]);
  expect(lines(reportOf(items.slice(0, 50))).at(-1)).toBe('50 failed · 4.2 s');
});

test('a reason of several failures is printed once', () => {
  const items = Array.from({ length: 8 }, (_, index) => failed('a.b/app', String(index), 'It was stopped.'));
  expect(lines(reportOf(items, { interrupted: true }))).toEqual([
    'failed   a.b/app:0',
    '         a.b/app:1',
    '         a.b/app:2',
    '         a.b/app:3',
    '         a.b/app:4',
    '         … and 3 more for the same reason',
    '         It was stopped.',
    '8 failed · 4.2 s',
    'The whole report is in report.json.',
    'Not finished. The next run goes on from here.',
  ]);
});

const hexOf = (index: number): string => index.toString(16).repeat(64);
const summaryOf = (count: number, sentence: (index: number) => string): string[] =>
  lines(
    reportOf(Array.from({ length: count }, (_, index) => failed('a.b/app', `v${index}`, sentence(index)))),
  );

test.each<[string, (index: number) => string]>([
  ['a digest', (index) => `It answered 500 to GET referrers/sha256:${hexOf(index)}. Mend it.`],
  [
    'a tag that is derived from a digest',
    (index) => `It answered 500 to HEAD manifests/sha256-${hexOf(index)}.sig.`,
  ],
  ['the tag', (index) => `It answered 500 to GET manifests/v${index}.`],
])('if more than five failures differ only by %s, the first reason is printed', (_name, sentence) => {
  expect(summaryOf(6, sentence)).toEqual([
    'failed   a.b/app:v0',
    '         a.b/app:v1',
    '         a.b/app:v2',
    '         a.b/app:v3',
    '         a.b/app:v4',
    '         … and 1 more',
    `         each for a tag or digest of its own; the first: ${sentence(0)}`,
    '6 failed · 4.2 s',
    'The whole report is in report.json.',
  ]);
  expect(summaryOf(5, sentence)).toEqual([
    ...[0, 1, 2, 3, 4].flatMap((index) => [`failed   a.b/app:v${index}`, `         ${sentence(index)}`]),
    '5 failed · 4.2 s',
  ]);
});

test('failures of six tags that differ by more than the tag are printed one by one', () => {
  expect(summaryOf(6, (index) => `It answered ${500 + index} to GET manifests/v${index}.`)).toHaveLength(13);
});

test('a run shows the skipped images, and the rest of a rate limit', () => {
  const reason =
    'The budget of docker.io is used up: manifestGetsPerRun is 50. The next run goes on from here.';
  const items = [
    item('docker.io/library/nginx', '1.26', { result: 'unchanged', digest: A }),
    item('docker.io/library/nginx', '1.27', { result: 'skipped', reason }),
    item('docker.io/library/nginx', '1.28', { result: 'skipped', reason }),
  ];
  const requests = { heads: 3, manifestGets: 50, blobGets: 9, lists: 1 };
  const quota = { account: 1, remaining: 26, limit: 100, seconds: 21_600, source: 'a' };
  const upstreams = [
    {
      name: 'docker.io',
      requests,
      quotas: [quota, { ...quota, account: 2, limit: undefined }],
      exhausted: reason,
    },
    { name: 'quay.io', requests, quotas: [], exhausted: undefined },
  ];
  expect(lines(reportOf(items, { upstreams }))).toEqual([
    'skipped  docker.io/library/nginx:1.27',
    '         docker.io/library/nginx:1.28',
    `         ${reason}`,
    '1 unchanged, 2 skipped · 4.2 s',
    'docker.io: 50 manifest GETs, 26 of 100 and 26 left',
  ]);
});

test('a run shows the state of each of several stores', () => {
  const stores = [
    { name: 'A', state: 'behind', since: '2026-01-01T00:00:01.000Z', reason: 'A: it does not answer.' },
    { name: 'B', state: 'in step', copied: { objects: 12, bytes: 3_000_000 } },
    { name: 'C', state: 'in step' },
  ] as const;
  expect(lines(reportOf([], { stores }))).toEqual([
    'behind   A since 2026-01-01T00:00:01.000Z',
    '         A: it does not answer.',
    '         The other stores have everything of this run. The next run that can use this store catches it up.',
    'in step  B: caught up, 12 objects (3.0 MB)',
    'in step  C',
    'nothing to mirror · 4.2 s',
  ]);
});

test('of images whose registry has a port, five get a line with the pull of their first tag, and the number of the others is printed', () => {
  const items = ['localhost:5000/app', 'localhost:5000/app', ...Array.from('abcde')].map((name, index) =>
    item(name.length === 1 ? `r.test:8443/${name}` : name, `v${index}`, { result: 'created', digest: A }),
  );
  expect(pullLines(items)).toEqual([
    'pull it from the edge as EDGE/localhost_5000/app:v0',
    'pull it from the edge as EDGE/r.test_8443/a:v2',
    'pull it from the edge as EDGE/r.test_8443/b:v3',
    'pull it from the edge as EDGE/r.test_8443/c:v4',
    'pull it from the edge as EDGE/r.test_8443/d:v5',
    '… and 1 more whose registry has a port: for the edge, write its ":" as "_"',
  ]);
  expect(pullLines([item('docker.io/library/alpine', '3', { result: 'created', digest: A })])).toEqual([]);
  expect(pullLines([item('localhost:5000/app', undefined, { result: 'created', digest: A })])).toEqual([
    'pull it from the edge as EDGE/localhost_5000/app:TAG',
  ]);
});
