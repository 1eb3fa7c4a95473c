/** Shows the times of all tools for 50 tags, and the requests of our job. */
import { spreadOf } from '../statistics.ts';
import type { Row } from '../table.ts';
import { CRANES, describe, exactRow, mostRow, timeRow, type TimeGoal } from './row-text.ts';
import { STEPS, type Series, type Step } from './tagged-images.ts';
import { LIFEBOAT_TOOL } from './tools.ts';
import type { Trial } from './trial.ts';

/**
 * One request per distinct manifest and blob, and one per page of tags. A tag that has moved takes its HEAD and the new
 * objects.
 */
export const SOURCE_REQUESTS = {
  cold: 363,
  'no-op': 51,
  'one of 50 changed': 58,
} as const satisfies Record<Step, number>;

/**
 * The scrub checks 32 manifests with everything that refers to them, and the links of 32 blobs: as many for a mirror of
 * any size.
 */
const SCRUB_READS = 96;

/** Shows the times of all tools; only ours has goals. @param all of the same latency */
export function taggedRows(all: readonly Series[]): Row[] {
  return STEPS.flatMap((step) =>
    all.map(({ tool, latency, trials }) => {
      const goal = tool === LIFEBOAT_TOOL ? timeGoal(step, latency, all) : undefined;
      return timeRow(`${step}, ${latency} ms: ${tool.name}`, trials[step], goal);
    }),
  );
}

/** Shows the requests of our runs, over all latencies and rounds. */
export function countRows(all: readonly Series[]): Row[] {
  const ours = all.filter(({ tool }) => tool === LIFEBOAT_TOOL);
  const trialsOf = (step: Step) => ours.flatMap(({ trials }) => trials[step]);
  const noop = trialsOf('no-op');
  const cold = trialsOf('cold');
  return [
    ...STEPS.map((step) => {
      const trials = trialsOf(step);
      const requests = trials.map(({ source }) => source.requests);
      // The count is exact, because the job asks the store about each new object, one request per object.
      const row = step === 'cold' ? exactRow : mostRow;
      return row(`${step}: source requests`, requests, SOURCE_REQUESTS[step], describe(trials[0]?.source));
    }),
    mostRow(
      'no-op: manifest GETs',
      noop.map(({ source }) => source.kinds['manifest GET'] ?? 0),
      0,
    ),
    mostRow(
      'no-op: reads of the bucket for the repository',
      noop.map(({ destination }) => destination.kinds['read of a repository'] ?? 0),
      1,
      `all requests to the store: ${describe(noop[0]?.destination)}`,
    ),
    mostRow(
      "no-op: reads of the repository's content, for the scrub",
      noop.map(({ destination }) => destination.kinds["read of a repository's content"] ?? 0),
      SCRUB_READS,
    ),
    mostRow(
      'cold: objects written more than once',
      cold.map(({ repeated }) => repeated.length),
      0,
      `all requests to the store: ${describe(cold[0]?.destination)}`,
    ),
  ];
}

/** @param all of the same latency */
function timeGoal(step: Step, latency: number, all: readonly Series[]): TimeGoal | undefined {
  const least = (rivals: readonly Series[]) =>
    Math.min(...rivals.map(({ trials }) => medianOf(trials[step])));
  const peers = all.filter(({ tool }) => tool !== LIFEBOAT_TOOL);
  const cranes = peers.filter(({ tool }) => CRANES.has(tool));
  switch (step) {
    case 'cold':
      return { text: '≤ crane at its best', met: (seconds) => seconds <= least(cranes) };
    case 'no-op':
      // There is no goal without latency, because most of the time is then the start of the program.
      if (latency === 0) return undefined;
      return { text: '< every peer', met: (seconds) => seconds < least(peers) };
    case 'one of 50 changed':
      return undefined;
  }
}

function medianOf(trials: readonly Trial[]): number {
  return spreadOf(trials.map(({ seconds }) => seconds)).median;
}
