/** The page of a drill: its structure, and that no text of a list or a bucket becomes markup. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Drill, DrillResult } from '../../../cluster/drill/drill.ts';
import type { Outcome } from '../../../cluster/drill/judge.ts';
import { parseDigest } from '../../../core/digest.ts';
import { parseReference } from '../../../core/reference.ts';
import { drillPage } from '../../../mirror-job/terminal/drill-page.ts';

const DIGEST = parseDigest(`sha256:${'a'.repeat(64)}`);
const AT = '2026-06-01T12:00:00.000Z';

/** @param text stands wherever a list or a bucket has a text */
function resultOf(reference: string, outcome: Outcome, text: string): DrillResult {
  return {
    image: {
      reference: parseReference(reference),
      digest: DIGEST,
      platforms: [text],
      uses: [{ cluster: 'prod', namespace: text, kind: text, name: text, how: 'running' }],
      useCount: 4,
      clusters: ['prod'],
    },
    verdict: {
      outcome,
      reason: outcome === 'missing' ? 'private' : outcome === 'platform-missing' ? 'platform' : undefined,
      byBucket: outcome,
      says: [text, text],
      disagreement: text,
    },
    upstream: {
      newer: { digest: DIGEST, firstSeen: '2026-05-30T12:00:00.000Z' },
      hold: text,
      gone: undefined,
      running: undefined,
    },
  };
}

function pageWith(text: string): string {
  const drill: Drill = {
    at: AT,
    mirror: text,
    chosen: [],
    isByDigestOnly: true,
    edge: text,
    edgeFailure: text,
    access: { audience: { failed: text }, hasToken: true },
    lists: [{ cluster: text, observed: '2026-06-01T09:00:00.000Z' }],
    damagedLists: [text],
    lastRun: { notKnown: text },
    textOnly: 2,
    results: [
      resultOf('docker.io/library/a:1', 'served', text),
      resultOf('docker.io/library/b:1', 'other-digest', text),
      resultOf('docker.io/library/c:1', 'platform-missing', text),
      resultOf('quay.io/a/d:1', 'missing', text),
      resultOf('quay.io/a/e:1', 'unknown', text),
    ],
  };
  return drillPage(drill);
}

/** The markup without the texts between it. */
function tagsOf(page: string): string[] {
  return page.match(/<[^>]*>/g) ?? [];
}

const TAME = pageWith('tame');

test.for([
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '</style><style>*{display:none}',
  '<!-- ',
  '&lt;b&gt;',
  ']]>',
  'javascript:alert(1)',
])('%s becomes text', (text) => {
  const page = pageWith(text);
  expect(tagsOf(page)).toEqual(tagsOf(TAME));
  expect(page.replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))).toContain(
    text,
  );
});

test('no text at all changes the markup', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
      expect(tagsOf(pageWith(text))).toEqual(tagsOf(TAME));
    }),
  );
});

test('letters that turn the direction of a text, and controls, are written out', () => {
  expect(pageWith('a\u202Eb\u0000c\nd')).toContain(String.raw`a\u202eb\u0000c\u000ad`);
});

test('the page needs no other file and runs no script', () => {
  const names = new Set(tagsOf(TAME).map((tag) => /^<\/?!?([a-z0-9]+)/i.exec(tag)?.[1]));
  expect(names).toEqual(
    new Set(
      'body details div doctype h1 h2 head html li main meta p section span style summary table tbody td th thead title tr ul'.split(
        ' ',
      ),
    ),
  );
  expect(TAME).not.toMatch(/\b(?:src|href|on\w+)=|url\(|@import/);
  expect(TAME).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
});

test('headings are in order, each table has a name, and each row a heading', () => {
  const levels = [...TAME.matchAll(/<h(\d)/g)].map(([, level]) => level);
  expect(levels).toEqual(['1', ...Array.from({ length: 10 }, () => '2')]);
  const tables = [...TAME.matchAll(/<table role="table" aria-labelledby="(\w+)">/g)].map(([, id]) => id);
  expect(tables.map((id) => TAME.includes(`<h2 id="${id}">`))).toEqual(tables.map(() => true));
  expect(tables).toHaveLength(10);
  const rows = TAME.match(/<tr role="row">(?!<th scope="col")/g) ?? [];
  expect(TAME.match(/<tr role="row"><th scope="row"/g)).toHaveLength(rows.length);
});

test('a drill without images is a page that says so', () => {
  const page = drillPage({
    at: AT,
    mirror: 'default',
    chosen: ['docker.io'],
    isByDigestOnly: false,
    edge: undefined,
    edgeFailure: undefined,
    access: { audience: 'public', hasToken: undefined },
    lists: [{ cluster: 'prod', observed: AT }],
    damagedLists: [],
    lastRun: { ended: AT },
    textOnly: 0,
    results: [],
  });
  expect(page).toContain(
    '<h1>If docker.io died now: no image would be lost, because none of the lists has one.</h1>',
  );
  expect(page).not.toMatch(/<table|class="bar"/);
});
