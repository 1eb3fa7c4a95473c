/** Tests when a mirror counts as fresh, by the distances of its last runs. */
import { expect, test } from 'vitest';
import { freshForMs } from '../../core/freshness.ts';

const HOUR_MS = 60 * 60 * 1000;

/** @param gaps hours between the runs, the newest gap first */
function boundAfter(gaps: readonly number[]): number {
  let at = Date.parse('2026-02-01T00:00:00.000Z');
  const runs = [{ ended: new Date(at).toISOString() }];
  for (const gap of gaps) {
    at -= gap * HOUR_MS;
    runs.push({ ended: new Date(at).toISOString() });
  }
  return freshForMs(runs) / HOUR_MS;
}

test.each([
  ['one run', [], 24],
  ['two runs', [6], 12],
  ['an hourly job', Array.from({ length: 49 }, () => 1), 2],
  ['runs within minutes', [0.01, 0.02], 2],
  ['a daily job', Array.from({ length: 49 }, () => 24), 48],
  ['a nightly job, with bursts on demand by day', [1, 1, 1, 15, 1, 5, 1, 1, 1, 15, 1, 5], 30],
  ['an hourly job after an outage of a week', [1, 168, ...Array.from({ length: 20 }, () => 1)], 2],
])('%s', (_, gaps, hours) => {
  expect(boundAfter(gaps)).toBeCloseTo(hours);
});

test('no run at all has the bound of one', () => {
  expect(freshForMs([])).toBe(24 * HOUR_MS);
});
