/** Which run counts as the last one, if the history of runs and the report disagree, and what is not known then. */
import { expect, it } from 'vitest';
import { encodePrintableJson } from '../../../core/json.ts';
import { decodeLastRun } from '../../../core/last-run.ts';
import { parseTokens, type Token } from '../../../worker/configuration/token.ts';
import { mirrorMetrics } from '../../../worker/monitoring/mirror-metrics.ts';
import { mirrorStatus } from '../../../worker/monitoring/mirror-status.ts';
import { visibleState } from '../../../worker/monitoring/visible-state.ts';
import { NOW, OVERVIEW, REPORT, RUNS } from '../support/state.ts';

const STATE = { mirror: 'default', runs: RUNS, lastRun: undefined, overview: OVERVIEW, unreadable: [] };

function reportOf(run: string, ended: string) {
  return decodeLastRun('state/default/last-run.json', encodePrintableJson({ ...REPORT, run, ended }));
}

function statusOf(state: Parameters<typeof visibleState>[0], token?: Token) {
  return mirrorStatus(visibleState(state, token), NOW);
}

function valuesOf(state: Parameters<typeof visibleState>[0], name: string): number[] {
  const metrics = mirrorMetrics(statusOf(state), visibleState(state, undefined));
  return metrics
    .filter((metric) => metric.name === name)
    .flatMap(({ samples }) => samples.map(({ value }) => value));
}

it('is the run of the report if the history lacks it; its success is not known', () => {
  const state = { ...STATE, lastRun: reportOf('later', '2026-02-01T00:30:00.000Z') };
  const { lastRun } = statusOf(state);
  expect(lastRun).toMatchObject({ run: 'later', blobs: 5, findings: 1 });
  expect(lastRun).not.toHaveProperty('success');
  expect(valuesOf(state, 'lifeboat_run_success')).toEqual([]);
  expect(valuesOf(state, 'lifeboat_run_findings')).toEqual([1]);
});

it('is the run of the history if that is later; the metrics of the report do not get its success', () => {
  const state = { ...STATE, lastRun: reportOf('earlier', '2026-01-31T20:00:00.000Z') };
  expect(statusOf(state).lastRun).toMatchObject({ run: RUNS[0]?.run, success: false });
  expect(valuesOf(state, 'lifeboat_run_success')).toEqual([]);
});

it('a history without a success has no time of one', () => {
  const runs = RUNS.filter(({ exitCode }) => exitCode === 1);
  const state = { ...STATE, runs };
  expect(statusOf(state)).not.toHaveProperty('lastSuccess');
  expect(valuesOf(state, 'lifeboat_last_success_timestamp_seconds')).toEqual([]);
});

it('a public mirror does not name what it has not mirrored, because upstream may not show that to everybody', () => {
  const items = [
    { repository: 'docker.io/secret/app', outcome: { result: 'failed', error: 'It is private.' } },
  ];
  const lastRun = decodeLastRun('state/default/last-run.json', encodePrintableJson({ ...REPORT, items }));
  const state = { ...STATE, lastRun };
  const [token] = parseTokens('TOKENS', `all ${'a'.repeat(64)} **`);
  expect(statusOf(state).failures).toEqual([]);
  expect(statusOf(state, token).failures).toMatchObject([{ repository: 'docker.io/secret/app' }]);
});
