/** Shows the job as a Worker beside the job in Node: times, requests, CPU time with its price, and memory. */
import { spreadOf } from '../statistics.ts';
import type { Row } from '../table.ts';
import { MB, describe, duration, exactRow, megabytes, mostRow } from './row-text.ts';
import { STEPS, type Series } from './tagged-images.ts';
import { SOURCE_REQUESTS } from './tagged-rows.ts';
import { LIFEBOAT_TOOL } from './tools.ts';
import type { Trial } from './trial.ts';
import { HOURS_A_MONTH, costOf, perTerabyte, type Cost } from './worker-cost.ts';
import type { HourlyRun, LayersRun } from './worker-runs.ts';

/** The most that a layer may add to the memory of workerd, whatever its size. An isolate has 128 MB at Cloudflare. */
const MOST_GROWTH = 200 * MB;
/**
 * The most that a larger layer may add beside a smaller one. A layer that was held whole would add the difference of their
 * sizes, and less than this is when garbage happens to be collected.
 */
const MOST_DIFFERENCE = 100 * MB;

/** @param both the series of Node and of the Worker, of the same rounds */
export function workerTaggedRows(both: readonly Series[]): Row[] {
  const times = STEPS.flatMap((step) =>
    both.map(({ tool, latency, trials }) =>
      workerTimeRow(`${step}, ${latency} ms: ${tool.name}`, trials[step]),
    ),
  );
  const worker = both.find(({ tool }) => tool !== LIFEBOAT_TOOL);
  const counts = STEPS.map((step) => {
    const trials = worker?.trials[step] ?? [];
    const requests = trials.map(({ source }) => source.requests);
    // The same bounds as those of the job in Node, because the Worker may not ask for anything twice.
    const row = step === 'cold' ? exactRow : mostRow;
    return row(
      `${step}: source requests of the Worker`,
      requests,
      SOURCE_REQUESTS[step],
      `store: ${describe(trials[0]?.destination)}`,
    );
  });
  return [...times, ...counts];
}

function workerTimeRow(what: string, trials: readonly Trial[]): Row {
  const { median, least, most } = spreadOf(trials.map(({ seconds }) => seconds));
  const served = trials.flatMap(({ servedSeconds }) => servedSeconds ?? []);
  const [first] = trials;
  return {
    what,
    goal: '',
    measured: duration(median),
    note: [
      trials.length > 1 ? `${duration(least)} to ${duration(most)}` : 'once',
      ...(served.length > 0 ? [`all tags served after ${duration(spreadOf(served).median)}`] : []),
      `CPU ${cpuMilliseconds(trials)} ms`,
      `source ${first?.source.requests}`,
      `store ${first?.destination.requests}`,
    ].join('; '),
  };
}

/** Shows what an hour without changes takes, and what a month of such hours costs. */
export function hourRow({ repositories, tags, trial, classes }: HourlyRun): Row {
  const cpuMs = Math.round(trial.cpuSeconds * 1000);
  const cost = costOf({ cpuMs, classes }, HOURS_A_MONTH);
  return {
    what: `no-op of ${tags} tags in ${repositories} repositories by the Worker: CPU`,
    goal: '',
    measured: `${cpuMs} ms`,
    note: [
      duration(trial.seconds),
      `source ${trial.source.requests}`,
      `store: ${classes.a} of class A, ${classes.b} of class B`,
      `hourly for a month: ${costText(cost)}`,
    ].join('; '),
  };
}

/** @param runs at least one */
export function layersRows(runs: readonly LayersRun[]): Row[] {
  const single = runs.filter(({ count }) => count === 1).toSorted((a, b) => a.size - b.size);
  const [smallest, largest] = [single[0], single.at(-1)];
  return [
    ...runs.map(cpuRow),
    ...runs.map(memoryRow),
    ...(smallest !== undefined && largest !== undefined && smallest !== largest
      ? [differenceRow(smallest, largest)]
      : []),
  ];
}

function cpuRow(run: LayersRun): Row {
  const { count, size, trial, node, classes } = run;
  const bytes = count * size;
  const ofTerabyte = perTerabyte({ cpuMs: trial.cpuSeconds * 1000, classes }, bytes);
  return {
    what: `${nameOf(run)} by the Worker: CPU per GB`,
    goal: '',
    measured: `${perGigabyte(trial, bytes).toFixed(2)} s`,
    note: [
      `Node ${perGigabyte(node, bytes).toFixed(2)} s`,
      `${duration(trial.seconds)}, all tags served after ${duration(trial.servedSeconds ?? Number.NaN)}; Node ${duration(node.seconds)}`,
      `source ${trial.source.requests}`,
      `store: ${classes.a} of class A, ${classes.b} of class B`,
      `a terabyte: ${costText(costOf(ofTerabyte))}`,
    ].join('; '),
  };
}

function memoryRow(run: LayersRun): Row {
  const growth = growthOf(run.trial);
  return {
    what: `${nameOf(run)} by the Worker: growth of workerd`,
    goal: `< ${MOST_GROWTH / MB} MB`,
    measured: megabytes(growth),
    met: growth < MOST_GROWTH,
    binding: true,
    note: `${megabytes(run.trial.idleBytes ?? Number.NaN)} before, ${megabytes(run.trial.peakBytes)} at most; Node ${megabytes(run.node.peakBytes)} at most`,
  };
}

function differenceRow(smallest: LayersRun, largest: LayersRun): Row {
  const difference = growthOf(largest.trial) - growthOf(smallest.trial);
  return {
    what: `the same: ${largest.size / MB} MB beside ${smallest.size / MB} MB`,
    goal: `< ${MOST_DIFFERENCE / MB} MB`,
    measured: megabytes(difference),
    met: difference < MOST_DIFFERENCE,
    binding: true,
    note: 'a layer that was held whole would add the difference of their sizes',
  };
}

function nameOf({ count, size }: LayersRun): string {
  return count === 1 ? `layer of ${size / MB} MB` : `${count} layers of ${size / MB} MB`;
}

function growthOf({ peakBytes, idleBytes = Number.NaN }: Trial): number {
  return peakBytes - idleBytes;
}

function perGigabyte({ cpuSeconds }: Trial, bytes: number): number {
  return (cpuSeconds * 1e9) / bytes;
}

function cpuMilliseconds(trials: readonly Trial[]): string {
  return (spreadOf(trials.map(({ cpuSeconds }) => cpuSeconds)).median * 1000).toFixed(0);
}

function costText({ cpu, requests, shareOfPlan }: Cost): string {
  return `${dollars(cpu)} of CPU (${(shareOfPlan * 100).toFixed(1)} % of what the plan includes), ${dollars(requests)} of requests to R2`;
}

function dollars(amount: number): string {
  return `${amount.toFixed(2)} USD`;
}
