/** The summaries of the last runs: their bounds, their order, and what is refused. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { stateKey } from '../../core/layout.ts';
import { maxSizeOf, maxValuesOf } from '../../core/object-size.ts';
import {
  addRun,
  decodeRuns,
  encodeRuns,
  MAX_RUN_UPSTREAMS,
  MAX_KEPT_RUNS,
  type RunSummary,
} from '../../core/run-history.ts';
import { bytesOf, hostile } from './arbitraries.ts';
import { nameOfThrown } from './thrown.ts';

const KEY = stateKey('default', 'runs.json');
const COUNTS = { unchanged: 1, created: 2, moved: 3, held: 4, gone: 5, failed: 6, skipped: 7 };

function summary(minute: number, more: Partial<RunSummary> = {}): RunSummary {
  const ended = new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
  return {
    run: `run-${minute}`,
    begun: ended,
    ended,
    exitCode: 1,
    counts: COUNTS,
    blobs: 8,
    manifests: 9,
    bytes: 10,
    findings: 11,
    interrupted: true,
    upstreams: [{ name: 'docker.io', requests: 12, failures: 13 }],
    ...more,
  };
}

function encoded(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

test('runs are read as they were written', () => {
  const runs = [summary(2), summary(1, { exitCode: 0, interrupted: false, upstreams: [] })];
  expect(decodeRuns(KEY, encodeRuns(runs))).toEqual(runs);
});

test('the newest runs come first, each once, and the oldest are dropped', () => {
  const all = Array.from({ length: MAX_KEPT_RUNS + 5 }, (_, minute) => summary(minute));
  const runs = all.reduce<readonly RunSummary[]>((earlier, run) => addRun(earlier, run), []);
  expect(runs.map(({ run }) => run)).toEqual(
    all
      .toReversed()
      .slice(0, MAX_KEPT_RUNS)
      .map(({ run }) => run),
  );
  // A run that ends while a later one has ended already, and one whose end is written twice.
  expect(addRun([summary(3), summary(1)], summary(2)).map(({ run }) => run)).toEqual([
    'run-3',
    'run-2',
    'run-1',
  ]);
  expect(addRun([summary(3), summary(2)], summary(3, { bytes: 99 })).map(({ bytes }) => bytes)).toEqual([
    99, 10,
  ]);
});

test('of many upstreams, those with failures stay, then those with most requests', () => {
  const upstreams = Array.from({ length: 100 }, (_, index) => ({
    name: `r${String(index).padStart(3, '0')}.test`,
    requests: index,
    failures: index === 0 ? 1 : 0,
  }));
  const [run] = decodeRuns(KEY, encodeRuns([summary(0, { upstreams })]));
  const names = run?.upstreams.map(({ name }) => name) ?? [];
  expect(names).toHaveLength(MAX_RUN_UPSTREAMS);
  expect(names.slice(0, 2)).toEqual(['r000.test', 'r069.test']);
});

test('the largest history fits into its bound', () => {
  const name = 'é'.repeat(1000);
  const upstreams = Array.from({ length: 100 }, () => ({
    name,
    requests: 2 ** 53 - 1,
    failures: 2 ** 53 - 1,
  }));
  const bytes = encodeRuns(
    Array.from({ length: 60 }, (_, minute) => summary(minute, { run: name, upstreams })),
  );
  expect(bytes.length).toBeLessThan(maxSizeOf(KEY));
  expect(decodeRuns(KEY, bytes)).toHaveLength(MAX_KEPT_RUNS);
  expect(maxSizeOf(KEY)).toBe(4 * 1024 * 1024);
  expect(maxValuesOf(KEY)).toBeGreaterThan(MAX_KEPT_RUNS * MAX_RUN_UPSTREAMS * 4);
});

test('texts cannot control a terminal, neither in the object nor once it is read', () => {
  const runs = [
    summary(0, { run: '\u001b[2J', upstreams: [{ name: 'a\u202eb', requests: 1, failures: 0 }] }),
  ];
  expect(Buffer.from(encodeRuns(runs)).toString()).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  const [run] = decodeRuns(KEY, encoded({ version: 1, runs }));
  expect([run?.run, run?.upstreams[0]?.name]).toEqual(['[2J', 'ab']);
});

test.for<[string, object]>([
  ['its version is not', { version: 2, runs: [] }],
  ['its version is not', { runs: [] }],
  ['"runs" is not a list', { version: 1 }],
  ['"runs" has more than 50 items', { version: 1, runs: Array.from({ length: 51 }, () => summary(0)) }],
  ...(
    [
      ['"runs[0]" is not an object', 'x'],
      ['"runs[0].run" is not a text', { ...summary(0), run: 1 }],
      ['"runs[0].ended" is not a time', { ...summary(0), ended: 'today' }],
      ['"runs[0].bytes" is not a count', { ...summary(0), bytes: -1 }],
      ['"runs[0].blobs" is not a count', { ...summary(0), blobs: 0.5 }],
      ['"runs[0].interrupted" is neither', { ...summary(0), interrupted: 'no' }],
      ['"runs[0].counts" is not an object', { ...summary(0), counts: [] }],
      ['"runs[0].counts.held" is not a count', { ...summary(0), counts: { ...COUNTS, held: undefined } }],
      ['"runs[0].upstreams[0].name" is not', { ...summary(0), upstreams: [{ requests: 1, failures: 1 }] }],
      [
        '"runs[0].upstreams" has more than',
        {
          ...summary(0),
          upstreams: Array.from({ length: 33 }, () => ({ name: 'a', requests: 1, failures: 1 })),
        },
      ],
    ] as const
  ).map(([sentence, run]): [string, object] => [sentence, { version: 1, runs: [run] }]),
])('a damaged history is refused: %s', ([sentence, value]) => {
  expect(() => decodeRuns(KEY, encoded(value))).toThrow(sentence);
});

test('property: a history is read, or refused by one error', () => {
  fc.assert(
    fc.property(hostile({ version: 1, runs: [summary(0)] }), (input) => {
      expect([undefined, 'BucketObjectInvalidError']).toContain(
        nameOfThrown(() => decodeRuns(KEY, bytesOf(input))),
      );
    }),
  );
});
