/** What was measured, beside its goal, in words and figures. */
import { spreadOf } from '../statistics.ts';
import type { Row } from '../table.ts';
import type { Killed } from './killed.ts';
import { LARGE_DISTANCE, type LargeLayer } from './large-layer.ts';
import type { ManyTags } from './many-tags.ts';
import type { Traffic } from './requests.ts';
import { STEPS, type Series, type Step } from './tagged-images.ts';
import { CRANE, LIFEBOAT_TOOL, type Tool } from './tools.ts';
import type { Trial } from './trial.ts';

const CRANES: ReadonlySet<Tool> = new Set(CRANE);
const MIB = 1024 * 1024;
const MB = 1_000_000;

/** One a distinct manifest and blob, and one a page of tags; of a tag that has moved: its HEAD, and what is new. */
const MOST_SOURCE_REQUESTS = {
  cold: 363,
  'no-op': 51,
  'one of 50 changed': 58,
} as const satisfies Record<Step, number>;
/** The page of tags, and a HEAD a tag. */
const NOOP_REQUESTS_BESIDE_TAGS = 1;
const MOST_PEAK = 200 * MIB;
const LEAST_RATIO = 2;

/** All tools' times; ours has the goals. @param all of the same latency */
export function taggedRows(all: readonly Series[]): Row[] {
  return STEPS.flatMap((step) =>
    all.map(({ tool, latency, trials }) => {
      const goal = tool === LIFEBOAT_TOOL ? timeGoal(step, all) : undefined;
      return timeRow(`${step}, ${latency} ms: ${tool.name}`, trials[step], goal);
    }),
  );
}

/** What ours has asked for, over all latencies and rounds. */
export function countRows(all: readonly Series[]): Row[] {
  const ours = all.filter(({ tool }) => tool === LIFEBOAT_TOOL);
  const trialsOf = (step: Step) => ours.flatMap(({ trials }) => trials[step]);
  const noop = trialsOf('no-op');
  const cold = trialsOf('cold');
  return [
    ...STEPS.map((step) => {
      const requests = trialsOf(step).map(({ source }) => source.requests);
      return mostRow(
        `${step}: source requests`,
        requests,
        MOST_SOURCE_REQUESTS[step],
        describe(trialsOf(step)[0]?.source),
      );
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
      'cold: keys written more than once',
      cold.map(({ repeated }) => repeated.length),
      0,
      `all requests to the store: ${describe(cold[0]?.destination)}`,
    ),
  ];
}

export function referrersRow({ source, destination, seconds, peak }: Trial): Row {
  return {
    what: 'no-op with referrers due: source requests',
    goal: '',
    measured: `${source.requests}`,
    note: `${describe(source)}; store: ${describe(destination)}; ${duration(seconds)} at 25 ms, ${mebibytes(peak)}`,
  };
}

export function killedRow({ finished, begun, again, rerun }: Killed): Row {
  return {
    what: 'killed and started again: finished bytes fetched twice',
    goal: '0',
    measured: `${again}`,
    met: again === 0,
    binding: true,
    note: `killed with ${begun} blobs begun, ${finished} of them stored; the next run fetched ${rerun.source.kinds['blob GET'] ?? 0}`,
  };
}

export function manyTagsRows(count: number, all: readonly ManyTags[]): Row[] {
  const rows = all.map(({ tool, latency, trial }) => {
    const peers = all.filter((one) => one.latency === latency && one.tool !== LIFEBOAT_TOOL);
    const least = Math.min(...peers.map((one) => one.trial.seconds));
    const goal = { text: '< every peer', met: (seconds: number) => seconds < least };
    const what = `no-op of ${count} tags, ${latency} ms: ${tool.name}`;
    return timeRow(what, [trial], tool === LIFEBOAT_TOOL ? goal : undefined);
  });
  const requests = all.filter(({ tool }) => tool === LIFEBOAT_TOOL).map(({ trial }) => trial.source.requests);
  return [
    ...rows,
    mostRow(`no-op of ${count} tags: source requests`, requests, count + NOOP_REQUESTS_BESIDE_TAGS),
  ];
}

export function largeRows(size: number, all: readonly LargeLayer[]): Row[] {
  const crane = all.find(({ tool }) => CRANES.has(tool));
  const base = spreadOf(crane?.rates ?? []).median;
  return all.map(({ tool, trials, rates }) => {
    const { median, least, most } = spreadOf(rates);
    const ours = tool === LIFEBOAT_TOOL;
    return {
      what: `layer of ${size / MB} MB, 25 ms, 40 MB/s a connection: ${tool.name}`,
      goal: ours ? `≥ ${LEAST_RATIO} × crane` : '',
      measured: `${(median / MB).toFixed(1)} MB/s${ours ? `, ${(median / base).toFixed(2)} ×` : ''}`,
      ...(ours && { met: median / base >= LEAST_RATIO }),
      note: [
        trials.length > 1 ? `${(least / MB).toFixed(1)} to ${(most / MB).toFixed(1)}` : 'once',
        ...usage(trials),
      ].join('; '),
    };
  });
}

/** Without this the goal above says nothing. @param rate in bytes a second */
export function storeRow(rate: number): Row {
  const least = LEAST_RATIO * LARGE_DISTANCE.bytesPerSecond;
  return {
    what: 'what the store takes, parts four at a time',
    goal: `> ${least / MB} MB/s`,
    measured: `${(rate / MB).toFixed(1)} MB/s`,
    met: rate > least,
    note: 'through the same proxy, without a source',
  };
}

/** Ours in every trial of every scenario. */
export function peakRow(peaks: readonly number[]): Row {
  const most = Math.max(...peaks);
  return {
    what: 'most memory of ours in any scenario',
    goal: `≤ ${MOST_PEAK / MIB} MiB`,
    measured: mebibytes(most),
    met: most <= MOST_PEAK,
    binding: true,
    note: `the peak resident set of the process and its children, of ${peaks.length} runs`,
  };
}

interface TimeGoal {
  readonly text: string;
  met(seconds: number): boolean;
}

/** @param all of the same latency */
function timeGoal(step: Step, all: readonly Series[]): TimeGoal | undefined {
  const least = (rivals: readonly Series[]) =>
    Math.min(...rivals.map(({ trials }) => medianOf(trials[step])));
  const peers = all.filter(({ tool }) => tool !== LIFEBOAT_TOOL);
  const cranes = peers.filter(({ tool }) => CRANES.has(tool));
  switch (step) {
    case 'cold':
      return { text: '≤ crane at its best', met: (seconds) => seconds <= least(cranes) };
    case 'no-op':
      return { text: '< every peer', met: (seconds) => seconds < least(peers) };
    case 'one of 50 changed':
      return undefined;
  }
}

/** @param goal of ours; a peer's row has none */
function timeRow(what: string, trials: readonly Trial[], goal: TimeGoal | undefined): Row {
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

/** A count that is the same in each run. */
function mostRow(what: string, counts: readonly number[], most: number, note = ''): Row {
  return {
    what,
    goal: most === 0 ? '0' : `≤ ${most}`,
    measured: [...new Set(counts)].join(', '),
    met: counts.every((count) => count <= most),
    binding: true,
    note,
  };
}

/** What the trials have taken beside time: the most memory, the median of CPU, and the first one's requests. */
function usage(trials: readonly Trial[]): string[] {
  const peak = Math.max(...trials.map((trial) => trial.peak));
  const [first] = trials;
  return [
    mebibytes(peak),
    `CPU ${spreadOf(trials.map(({ cpu }) => cpu)).median.toFixed(2)} s`,
    `source ${first?.source.requests} (${first?.source.kinds['manifest GET'] ?? 0} manifest GETs)`,
    `destination ${first?.destination.requests}`,
  ];
}

function describe(traffic: Traffic | undefined): string {
  return Object.entries(traffic?.kinds ?? {})
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ');
}

function medianOf(trials: readonly Trial[]): number {
  return spreadOf(trials.map(({ seconds }) => seconds)).median;
}

function duration(seconds: number): string {
  return `${seconds.toFixed(2)} s`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / MIB).toFixed(0)} MiB`;
}
