/** Decides whether a mirror is fresh, by the rhythm of its own runs: the edge does not know the job's schedule. */
import type { RunSummary } from './run-history.ts';

const HOUR_MS = 60 * 60 * 1000;
/** Runs that follow each other within minutes, as those of a person do, ask for no alarm. */
const LEAST_MS = 2 * HOUR_MS;
/** The bound while there is one run, so that nothing is known of its rhythm. */
const UNKNOWN_MS = 24 * HOUR_MS;

/**
 * How old the end of the last run may be: twice the time within which 9 of 10 runs were followed by the next one. It is not
 * made of the median, because runs on demand come in bursts, and between two bursts the mirror is not stale.
 * docs/decisions/0169
 * @param runs newest first
 */
export function freshForMs(runs: readonly Pick<RunSummary, 'ended'>[]): number {
  const ends = runs.map(({ ended }) => Date.parse(ended));
  const gaps = ends
    .slice(1)
    .map((end, index) => (ends[index] ?? end) - end)
    .toSorted((one, other) => one - other);
  const usual = gaps[Math.ceil(0.9 * gaps.length) - 1];
  return usual === undefined ? UNKNOWN_MS : Math.max(2 * usual, LEAST_MS);
}
