/** The text of a drill: its headline with its colour, and the clauses about upstreams. */
import { expect, test } from 'vitest';
import type { Drill, DrillResult } from '../../../cluster/drill/drill.ts';
import type { Outcome } from '../../../cluster/drill/judge.ts';
import { parseReference } from '../../../core/reference.ts';
import { describeDrill, drillData } from '../../../mirror-job/terminal/drill-text.ts';
import type { Style } from '../../../mirror-job/terminal/style.ts';

const AT = '2026-06-01T12:00:00.000Z';
const LIST = { cluster: 'prod', observed: AT };

/** Colours as words. */
const STYLE: Style = {
  good: (text) => `GOOD ${text}`,
  waits: String,
  bad: (text) => `BAD ${text}`,
  faint: (text) => `FAINT ${text}`,
};

function resultOf(outcome: Outcome, upstream?: DrillResult['upstream']): DrillResult {
  return {
    image: {
      reference: parseReference('docker.io/library/app:1'),
      digest: undefined,
      platforms: undefined,
      uses: [],
      useCount: 0,
      clusters: ['prod'],
    },
    verdict: { outcome, says: [], disagreement: undefined },
    upstream,
  };
}

function drillOf(more: Partial<Drill>): Drill {
  return {
    at: AT,
    mirror: 'default',
    chosen: ['docker.io'],
    isByDigestOnly: false,
    edge: undefined,
    edgeFailure: undefined,
    access: { audience: 'public', hasToken: undefined },
    lists: [LIST],
    damagedLists: [],
    lastRun: { ended: AT },
    textOnly: 0,
    results: [],
    ...more,
  };
}

const DAMAGED = ['A list is damaged.'];

test.for<readonly [name: string, drill: Partial<Drill>, line: string]>([
  [
    'no list could be looked at',
    { lists: [], damagedLists: DAMAGED },
    'BAD If docker.io died now: it is not known what would be lost, because no list could be looked at.',
  ],
  [
    'the lists that could be looked at have no image',
    { damagedLists: DAMAGED },
    'BAD If docker.io died now: it is not known what would be lost, because none of the lists that could be looked at has an image.',
  ],
  [
    'the lists have no image',
    {},
    'GOOD If docker.io died now: no image would be lost, because none of the lists has one.',
  ],
  [
    'no image could be looked at',
    { results: [resultOf('unknown')] },
    'BAD If docker.io died now: 0 of 1 image would still be pulled (0 %).',
  ],
  [
    'an image is lost',
    { results: [resultOf('missing')] },
    'BAD If docker.io died now: 0 of 1 image would still be pulled (0 %).',
  ],
  [
    'all would be pulled',
    { results: [resultOf('served')] },
    'GOOD If docker.io died now: 1 of 1 image would still be pulled (100 %).',
  ],
])('the headline, if %s', ([, more, line]) => {
  expect(describeDrill(drillOf(more), STYLE).split('\n', 1)).toEqual([line]);
});

test('a drill without images has no percentage', () => {
  expect(JSON.parse(JSON.stringify(drillData(drillOf({ lists: [], damagedLists: DAMAGED })))).sum).toEqual({
    images: 0,
    pulled: 0,
    lost: 0,
    outcomes: { served: 0, 'other-digest': 0, 'platform-missing': 0, missing: 0, unknown: 0 },
  });
});

test('a tag that upstream has deleted is said to be lacking since then', () => {
  const upstream = {
    newer: undefined,
    hold: undefined,
    gone: '2026-05-30T12:00:00.000Z',
    running: undefined,
  };
  expect(describeDrill(drillOf({ results: [resultOf('served', upstream)] }), STYLE)).toContain(
    'upstream has lacked the tag since 2026-05-30 12:00Z',
  );
});
