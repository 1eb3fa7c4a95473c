/** The rows that `npm run bench -- job --only worker` makes of its figures: classes of requests, a price, and goals. */
import { expect, test } from 'vitest';
import { classesOf } from '../../bench/job/requests.ts';
import { LIFEBOAT_TOOL } from '../../bench/job/tools.ts';
import type { Step } from '../../bench/job/tagged-images.ts';
import type { Trial } from '../../bench/job/trial.ts';
import { costOf, perTerabyte } from '../../bench/job/worker-cost.ts';
import { hourRow, layersRows, workerTaggedRows } from '../../bench/job/worker-rows.ts';
import type { LayersRun } from '../../bench/job/worker-runs.ts';
import { missed, type Row } from '../../bench/table.ts';

const MB = 1_000_000;

function trial(figures: Partial<Trial> = {}): Trial {
  const traffic = { requests: 0, kinds: {}, received: 0, sent: 0 };
  return {
    seconds: 1,
    peakBytes: 100 * MB,
    cpuSeconds: 1,
    source: traffic,
    destination: traffic,
    repeated: [],
    ...figures,
  };
}

function requests(source: number): Trial {
  return trial({ source: { requests: source, kinds: {}, received: 0, sent: 0 } });
}

function trialsOf(counts: Record<Step, number>): Record<Step, Trial[]> {
  return {
    cold: [requests(counts.cold)],
    'no-op': [requests(counts['no-op'])],
    'one of 50 changed': [requests(counts['one of 50 changed'])],
  };
}

/** @param counts the Worker's requests to the source */
function taggedRowsOf(counts: Record<Step, number>): readonly Row[] {
  const node = trialsOf({ cold: 363, 'no-op': 51, 'one of 50 changed': 58 });
  return workerTaggedRows([
    { tool: LIFEBOAT_TOOL, latency: 25, trials: node },
    { tool: { ...LIFEBOAT_TOOL, name: 'the Worker' }, latency: 25, trials: trialsOf(counts) },
  ]);
}

/** @param growth of workerd, in MB */
function layers(count: number, size: number, growth: number): LayersRun {
  const idleBytes = 200 * MB;
  const grown = trial({ cpuSeconds: 30, idleBytes, peakBytes: idleBytes + growth * MB, servedSeconds: 0.5 });
  return {
    count,
    size: size * MB,
    node: trial({ cpuSeconds: 8 }),
    trial: grown,
    classes: { a: 240, b: 30 },
  };
}

test.for([
  ['GET', '', 'b'],
  ['HEAD', '', 'b'],
  ['GET', 'list-type=2', 'a'],
  ['GET', 'uploads=', 'a'],
  ['GET', 'uploadId=1', 'a'],
  ['PUT', '', 'a'],
  ['PUT', 'partNumber=1&uploadId=1', 'a'],
  ['POST', 'uploads=', 'a'],
  ['DELETE', '', undefined],
] as const)('%s with the query "%s" is of class %s', ([method, query, of]) => {
  expect(classesOf([{ method, query: new URLSearchParams(query) }])).toEqual({
    a: of === 'a' ? 1 : 0,
    b: of === 'b' ? 1 : 0,
  });
});

test('a cost is the CPU time and the requests at the published prices, for each run', () => {
  const used = { cpuMs: 1000, classes: { a: 10, b: 100 } };
  const { cpu, requests: ofRequests, total, shareOfPlan } = costOf(used, 1000);
  expect(cpu).toBeCloseTo(0.02);
  expect(ofRequests).toBeCloseTo(0.045 + 0.036);
  expect(total).toBeCloseTo(0.101);
  expect(shareOfPlan).toBeCloseTo(1 / 30);
});

test('a terabyte takes as much per byte as what was measured', () => {
  const used = { cpuMs: 15_000, classes: { a: 120, b: 30 } };
  expect(perTerabyte(used, 1e9)).toEqual({ cpuMs: 15_000_000, classes: { a: 120_000, b: 30_000 } });
});

test('an hour has its CPU time, and the price of a month of such hours', () => {
  const run = { repositories: 10, tags: 500, trial: trial({ cpuSeconds: 2 }), classes: { a: 5, b: 100 } };
  expect(hourRow(run)).toMatchObject({
    what: 'no-op of 500 tags in 10 repositories by the Worker: CPU',
    measured: '2000 ms',
    note: expect.stringContaining(
      'store: 5 of class A, 100 of class B; hourly for a month: 0.03 USD of CPU (4.9 % of what the plan includes), 0.04 USD of requests to R2',
    ),
  });
});

test('a request of the Worker that Node does not make is missed', () => {
  expect(missed(taggedRowsOf({ cold: 363, 'no-op': 51, 'one of 50 changed': 58 }))).toEqual([]);
  const more = taggedRowsOf({ cold: 364, 'no-op': 52, 'one of 50 changed': 59 });
  expect(missed(more).map(({ what }) => what)).toEqual([
    'cold: source requests of the Worker',
    'no-op: source requests of the Worker',
    'one of 50 changed: source requests of the Worker',
  ]);
});

test('memory that stays flat meets its goals, and the CPU time is per gigabyte', () => {
  const rows = layersRows([layers(4, 250, 120), layers(1, 400, 120), layers(1, 2000, 199)]);
  expect(missed(rows)).toEqual([]);
  expect(rows.map(({ what, measured }) => [what, measured])).toEqual([
    ['4 layers of 250 MB by the Worker: CPU per GB', '30.00 s'],
    ['layer of 400 MB by the Worker: CPU per GB', '75.00 s'],
    ['layer of 2000 MB by the Worker: CPU per GB', '15.00 s'],
    ['4 layers of 250 MB by the Worker: growth of workerd', '120 MB'],
    ['layer of 400 MB by the Worker: growth of workerd', '120 MB'],
    ['layer of 2000 MB by the Worker: growth of workerd', '199 MB'],
    ['the same: 2000 MB beside 400 MB', '79 MB'],
  ]);
});

test('memory that grows with the size of a layer is missed, and so is a growth of 200 MB', () => {
  const grows = layersRows([layers(1, 400, 20), layers(1, 2000, 120)]);
  expect(missed(grows).map(({ what }) => what)).toEqual(['the same: 2000 MB beside 400 MB']);
  const large = layersRows([layers(1, 400, 150), layers(1, 2000, 200)]);
  expect(missed(large).map(({ what }) => what)).toEqual([
    'layer of 2000 MB by the Worker: growth of workerd',
  ]);
});

test('images of one size alone say nothing about the size', () => {
  expect(layersRows([layers(1, 400, 1)]).map(({ what }) => what)).toEqual([
    'layer of 400 MB by the Worker: CPU per GB',
    'layer of 400 MB by the Worker: growth of workerd',
  ]);
});
