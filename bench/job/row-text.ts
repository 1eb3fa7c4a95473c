/** The text of the rows of all scenarios: a time beside its goal, a count beside its bound, figures in words. */
import { spreadOf } from '../statistics.ts';
import type { Row } from '../table.ts';
import type { Traffic } from './requests.ts';
import { CRANE, type Tool } from './tools.ts';
import type { Trial } from './trial.ts';

export const MB = 1_000_000;
export const CRANES: ReadonlySet<Tool> = new Set(CRANE);

export interface TimeGoal {
  readonly text: string;
  met(seconds: number): boolean;
}

/** @param goal of ours; a peer's row has none */
export function timeRow(what: string, trials: readonly Trial[], goal: TimeGoal | undefined): Row {
  const { median, least, most } = spreadOf(trials.map(({ seconds }) => seconds));
  const spread = trials.length > 1 ? `${duration(least)} to ${duration(most)}` : 'once';
  return {
    what,
    goal: goal?.text ?? '',
    measured: duration(median),
    met: goal?.met(median),
    note: [spread, ...usage(trials)].join('; '),
  };
}

/** A count that is the same in each run, and never above the bound. */
export function mostRow(what: string, counts: readonly number[], most: number, note = ''): Row {
  const met = counts.every((count) => count <= most);
  return { ...countRow(what, counts, note), goal: most === 0 ? '0' : `≤ ${most}`, met };
}

/** A count that can be no other where all that is counted is counted. */
export function exactRow(what: string, counts: readonly number[], goal: number, note = ''): Row {
  return { ...countRow(what, counts, note), goal: `${goal}`, met: counts.every((count) => count === goal) };
}

function countRow(what: string, counts: readonly number[], note: string): Omit<Row, 'goal'> {
  return { what, measured: [...new Set(counts)].join(', '), binding: true, note };
}

/** Everything but the times: the peak of memory, the median of CPU time, and the requests of the first trial. */
export function usage(trials: readonly Trial[]): string[] {
  const peak = Math.max(...trials.map((trial) => trial.peakBytes));
  const [first] = trials;
  return [
    megabytes(peak),
    `CPU ${spreadOf(trials.map(({ cpuSeconds }) => cpuSeconds)).median.toFixed(2)} s`,
    `source ${first?.source.requests} (${first?.source.kinds['manifest GET'] ?? 0} manifest GETs)`,
    `destination ${first?.destination.requests}`,
  ];
}

export function describe(traffic: Traffic | undefined): string {
  return Object.entries(traffic?.kinds ?? {})
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ');
}

export function duration(seconds: number): string {
  return `${seconds.toFixed(2)} s`;
}

export function megabytes(bytes: number): string {
  return `${(bytes / MB).toFixed(0)} MB`;
}
