/** The rows of the table: each measurement beside its goal, in words and figures. */
import { spreadOf } from '../statistics.ts';
import type { Row } from '../table.ts';
import type { Killed } from './killed.ts';
import { LARGE_DISTANCE, type LargeLayer } from './large-layer.ts';
import type { ManyRepositories } from './many-repositories.ts';
import type { ManyTags } from './many-tags.ts';
import { CRANES, MB, describe, duration, megabytes, mostRow, timeRow, usage } from './row-text.ts';
import { LIFEBOAT_TOOL } from './tools.ts';
import type { Trial } from './trial.ts';

/** The page of tags, and a HEAD a tag. */
const NOOP_REQUESTS_BESIDE_TAGS = 1;
const MOST_PEAK = 200 * MB;
const MOST_GROWTH = 1.15;
const LEAST_RATIO = 2;

export function referrersRow({ source, destination, seconds, peakBytes }: Trial): Row {
  return {
    what: 'no-op with referrers due: source requests',
    goal: '',
    measured: `${source.requests}`,
    note: `${describe(source)}; store: ${describe(destination)}; ${duration(seconds)} at 25 ms, ${megabytes(peakBytes)}`,
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
  const rows = all.map(({ tool, latency, trial }) =>
    timeRow(`no-op of ${count} tags, ${latency} ms: ${tool.name}`, [trial], undefined),
  );
  const requests = all.filter(({ tool }) => tool === LIFEBOAT_TOOL).map(({ trial }) => trial.source.requests);
  return [
    ...rows,
    mostRow(`no-op of ${count} tags: source requests`, requests, count + NOOP_REQUESTS_BESIDE_TAGS),
  ];
}

/** The memory of each run, and how much more the most tags take than the fewest. */
export function manyRepositoriesRows(all: readonly ManyRepositories[]): Row[] {
  const steps = ['cold', 'noop'] as const;
  const rows = steps.flatMap((step) =>
    all.map(({ repositories, tags, [step]: trial }) => ({
      what: `${step === 'cold' ? 'cold' : 'no-op'}, ${tags} tags in ${repositories} repositories: memory`,
      goal: `≤ ${MOST_PEAK / MB} MB`,
      measured: megabytes(trial.peakBytes),
      met: trial.peakBytes <= MOST_PEAK,
      binding: true,
      note: [duration(trial.seconds), ...usage([trial]).slice(1)].join('; '),
    })),
  );
  const [first, last] = [all[0], all.at(-1)];
  if (first === undefined || last === undefined) return rows;
  const growths = steps.map((step) => last[step].peakBytes / first[step].peakBytes);
  return [
    ...rows,
    {
      what: `memory of ${last.tags} tags, that of ${first.tags} = 1: cold, no-op`,
      goal: `≤ ${MOST_GROWTH}`,
      measured: growths.map((growth) => growth.toFixed(2)).join(', '),
      met: growths.every((growth) => growth <= MOST_GROWTH),
    },
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
    goal: `≤ ${MOST_PEAK / MB} MB`,
    measured: megabytes(most),
    met: most <= MOST_PEAK,
    binding: true,
    note: `the peak resident set of the process and its children, of ${peaks.length} runs`,
  };
}
