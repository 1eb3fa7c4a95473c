/** The sums of a drill add up, and its exit code follows from them. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  exitCodeOfDrill,
  groupByUpstream,
  isBehind,
  isComplete,
  lossReasonsOf,
  sumOf,
  sumsByUpstream,
  type Drill,
  type DrillResult,
} from '../../../cluster/drill/drill.ts';
import { OUTCOMES, type LossReason, type Outcome } from '../../../cluster/drill/judge.ts';
import { parseDigest } from '../../../core/digest.ts';
import { parseReference } from '../../../core/reference.ts';

const NAMES: readonly Outcome[] = ['served', 'other-digest', 'platform-missing', 'missing', 'unknown'];

function resultOf(host: string, outcome: Outcome): DrillResult {
  return {
    image: {
      reference: parseReference(`${host}/a/b:1`),
      digest: undefined,
      platforms: undefined,
      uses: [],
      useCount: 0,
      clusters: ['prod'],
    },
    verdict: { outcome, says: [], disagreement: undefined },
    upstream: undefined,
  };
}

function drillOf(results: readonly DrillResult[], damagedLists: readonly string[] = []): Drill {
  return {
    at: '2026-06-01T12:00:00.000Z',
    mirror: 'default',
    chosen: [],
    isByDigestOnly: false,
    edge: undefined,
    edgeFailure: undefined,
    access: { audience: 'public', hasToken: undefined },
    lists: [{ cluster: 'prod', observed: '2026-06-01T12:00:00.000Z' }],
    damagedLists,
    lastRun: { notKnown: 'nothing says it' },
    textOnly: 0,
    results,
  };
}

const results = fc.array(
  fc
    .tuple(fc.constantFrom('docker.io', 'quay.io', 'localhost:5000'), fc.constantFrom(...NAMES))
    .map(([host, outcome]) => resultOf(host, outcome)),
  { maxLength: 300 },
);

function add(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0);
}

test('the outcomes of the sums are those of the verdicts', () => {
  expect(Object.keys(sumOf([]).outcomes)).toEqual(Object.keys(OUTCOMES));
  expect(Object.keys(OUTCOMES)).toEqual(NAMES);
});

test('outcomes add up to the images, upstreams to the whole, and 100 % means all', () => {
  fc.assert(
    fc.property(results, (all) => {
      const whole = sumOf(all);
      const parts = sumsByUpstream(all);
      expect(add(Object.values(whole.outcomes))).toBe(all.length);
      expect(whole.pulled + whole.lost + whole.outcomes.unknown).toBe(whole.images);
      for (const field of ['images', 'pulled', 'lost'] as const) {
        expect(add(parts.map((part) => part[field]))).toBe(whole[field]);
      }
      for (const outcome of NAMES) {
        expect(add(parts.map(({ outcomes }) => outcomes[outcome]))).toBe(whole.outcomes[outcome]);
      }
      expect([...groupByUpstream(all).values()].flat().toSorted(byOutcome)).toEqual(all.toSorted(byOutcome));
      expect(whole.percent === undefined).toBe(all.length === 0);
      if (whole.percent === undefined) return;
      expect(whole.percent === 100).toBe(whole.pulled === whole.images);
      expect(whole.percent).toBeLessThanOrEqual((100 * whole.pulled) / whole.images);
      expect(whole.percent).toBeGreaterThanOrEqual(0);
    }),
  );
});

function byOutcome(one: DrillResult, other: DrillResult): number {
  return keyOf(one) < keyOf(other) ? -1 : keyOf(one) > keyOf(other) ? 1 : 0;
}

function keyOf({ image, verdict }: DrillResult): string {
  return `${image.reference.repository} ${verdict.outcome}`;
}

function percentOf(pulled: number, lost: number): number | undefined {
  return sumOf([
    ...Array.from({ length: pulled }, () => resultOf('docker.io', 'served')),
    ...Array.from({ length: lost }, () => resultOf('docker.io', 'missing')),
  ]).percent;
}

test('a percentage is rounded down, so that one lost image of many is seen', () => {
  expect([percentOf(41, 2), percentOf(999, 1), percentOf(0, 3), percentOf(3, 0), percentOf(0, 0)]).toEqual([
    95,
    99,
    0,
    100,
    undefined,
  ]);
});

test.for<readonly [name: string, outcomes: readonly Outcome[], required: number | undefined, code: number]>([
  ['all is served', ['served', 'other-digest'], 100, 0],
  ['nothing is required', ['missing'], undefined, 0],
  ['too few are served', ['served', 'missing'], 51, 3],
  ['just enough are served', ['served', 'missing'], 50, 0],
  ['a fraction of a percent is missing', ['served', 'served', 'missing'], 66.7, 3],
  ['it depends on what is not known', ['served', 'unknown'], 100, 1],
  ['what is not known does not matter', ['missing', 'unknown'], 51, 3],
  ['something is not known, and nothing required', ['unknown'], undefined, 1],
  ['there is no image', [], undefined, 0],
  ['there is no image to require something of', [], 0, 1],
])('the exit code, if %s', ([, outcomes, required, code]) => {
  const drill = drillOf(outcomes.map((outcome) => resultOf('docker.io', outcome)));
  expect(exitCodeOfDrill(drill, required)).toBe(code);
});

test('a list that cannot be used is exit code 1', () => {
  expect(exitCodeOfDrill(drillOf([resultOf('docker.io', 'served')], ['It is damaged.']), 100)).toBe(1);
});

test('a drill without a list has looked at nothing, so it is exit code 1', () => {
  const drill = { ...drillOf([]), lists: [] };
  expect([isComplete(drill), exitCodeOfDrill(drill, undefined)]).toEqual([false, 1]);
});

test('an edge that could not be asked is exit code 1, or 3 if too much is lost whatever it has', () => {
  const edgeFailure = 'It is dead.';
  const codes = [[], ['unknown'], ['unknown', 'missing']].map((outcomes) => {
    const own = NAMES.filter((name) => outcomes.includes(name)).map((outcome) =>
      resultOf('docker.io', outcome),
    );
    return exitCodeOfDrill({ ...drillOf(own), edge: 'https://edge', edgeFailure }, 100);
  });
  expect(codes).toEqual([1, 1, 3]);
  expect(exitCodeOfDrill({ ...drillOf([]), edgeFailure }, undefined)).toBe(1);
});

function lostFor(reason: LossReason | undefined): DrillResult {
  const { verdict, ...result } = resultOf('docker.io', 'missing');
  return { ...result, verdict: { ...verdict, reason } };
}

test('images that are lost are counted by their reason', () => {
  const reasons = lossReasonsOf([
    lostFor('private'),
    lostFor('edge'),
    lostFor('private'),
    lostFor(undefined),
  ]);
  expect(Object.fromEntries(reasons)).toEqual({ private: 2, edge: 1 });
});

function behind(outcome: Outcome, upstream: DrillResult['upstream']): boolean {
  return isBehind({ ...resultOf('docker.io', outcome), upstream });
}

test('a tag is behind if upstream has shown a newer digest or has deleted the tag, and it is still pulled', () => {
  const digest = parseDigest(`sha256:${'a'.repeat(64)}`);
  const nothing = { newer: undefined, hold: undefined, gone: undefined, running: undefined };
  const newer = { ...nothing, newer: { digest, firstSeen: '2026-01-01T00:00:00.000Z' } };
  expect([
    behind('served', newer),
    behind('other-digest', { ...nothing, gone: '2026-01-01T00:00:00.000Z' }),
    behind('served', nothing),
    behind('missing', newer),
    behind('served', 'absent'),
    behind('served', { failed: 'no' }),
    behind('served', undefined),
  ]).toEqual([true, true, false, false, false, false, false]);
});
