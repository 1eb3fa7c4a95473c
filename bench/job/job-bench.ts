/** `npm run bench -- job` measures the job as its users start it, beside the programs that they would otherwise use. */
import { requireProgram } from '../../test/support/programs.ts';
import type { Row } from '../table.ts';
import { buildTaggedImages, type TaggedImages } from './content.ts';
import { killAndRerun } from './killed.ts';
import { LARGE_DISTANCE, raceLargeLayer } from './large-layer.ts';
import { mirrorManyRepositories } from './many-repositories.ts';
import { raceManyTags } from './many-tags.ts';
import {
  killedRow,
  largeRows,
  manyRepositoriesRows,
  manyTagsRows,
  peakRow,
  referrersRow,
  storeRow,
} from './rows.ts';
import { countRows, taggedRows } from './tagged-rows.ts';
import { startSource, type Source } from './source.ts';
import { measureStore } from './store-rate.ts';
import {
  STEPS,
  prepareTagged,
  raceTagged,
  recheckReferrers,
  type Entrant,
  type Series,
  type TaggedContent,
} from './tagged-images.ts';
import { CRANE, LIFEBOAT_TOOL, REGSYNC, SKOPEO, type Tool } from './tools.ts';
import { hourRow, layersRows, workerTaggedRows } from './worker-rows.ts';
import { copyLayers, measureHour, raceWorker, type LayersImage } from './worker-runs.ts';

export const PARTS = ['tags', 'killed', 'referrers', 'many', 'repositories', 'large', 'worker'] as const;
export type Part = (typeof PARTS)[number];

export interface JobEffort {
  readonly entrants: Readonly<Record<Latency, readonly Entrant[]>>;
  /** Whether every result is verified, also one that the next step verifies again. */
  readonly verifyCold: boolean;
  readonly manyTags: number;
  readonly manyTools: readonly Tool[];
  /** The numbers of repositories, in ascending order. */
  readonly repositories: readonly number[];
  readonly largeBytes: number;
  readonly large: readonly Entrant[];
  readonly worker: WorkerEffort;
}

/** The effort for the job as a Worker. */
interface WorkerEffort {
  readonly rounds: number;
  /** The number of repositories that are looked at each hour. */
  readonly repositories: number;
  /** Images of large layers. Those of one layer show whether memory depends on a layer's size. */
  readonly images: readonly LayersImage[];
}

/** The latencies, in milliseconds, that are added to each request. */
const LATENCIES_MS = [0, 25] as const;
type Latency = (typeof LATENCIES_MS)[number];

const MB = 1_000_000;
const [crane, craneFast] = CRANE;
const [, regsyncFast] = REGSYNC;

export const FULL_JOB: JobEffort = {
  entrants: {
    0: entrants([LIFEBOAT_TOOL, ...CRANE, ...REGSYNC, SKOPEO], 5),
    // skopeo runs only once, because it takes a minute and a half at this latency.
    25: [...entrants([LIFEBOAT_TOOL, ...CRANE, ...REGSYNC], 5), ...entrants([SKOPEO], 1)],
  },
  verifyCold: true,
  manyTags: 1000,
  manyTools: [LIFEBOAT_TOOL, ...CRANE, ...REGSYNC],
  repositories: [10, 100],
  largeBytes: 2000 * MB,
  large: [...entrants([LIFEBOAT_TOOL, crane], 5), ...entrants([regsyncFast], 1)],
  worker: {
    rounds: 3,
    repositories: 10,
    // The Worker copies layers of 256 MiB and more in instances of their own.
    images: [
      { count: 4, size: 250 * MB },
      { count: 1, size: 400 * MB },
      { count: 1, size: 2000 * MB },
    ],
  },
};

export const QUICK_JOB: JobEffort = {
  entrants: {
    0: entrants([LIFEBOAT_TOOL, craneFast, SKOPEO], 1),
    25: entrants([LIFEBOAT_TOOL, craneFast, regsyncFast], 1),
  },
  verifyCold: false,
  manyTags: 100,
  manyTools: [LIFEBOAT_TOOL, craneFast],
  repositories: [2, 10],
  largeBytes: 256 * MB,
  large: entrants([LIFEBOAT_TOOL, crane], 1),
  worker: {
    rounds: 1,
    repositories: 2,
    images: [
      { count: 4, size: 50 * MB },
      { count: 1, size: 300 * MB },
      { count: 1, size: 600 * MB },
    ],
  },
};

const TAGS_EACH = 100;
/** So that ten repositories are 500 images. */
const TAGS_EACH_HOUR = 50;

/** The run is killed when this many blobs are stored, which is about half of them. */
const KILL_AFTER = 100;

/**
 * @param parts the scenarios that run
 * @param say reports the progress to the person who waits
 * @throws if a program does not start, if a tool fails, or if its result differs from the source
 */
export async function benchJob(
  effort: JobEffort,
  parts: ReadonlySet<Part>,
  say: (text: string) => void,
): Promise<readonly Row[]> {
  // Programs are checked first, so that a missing one is reported before anything takes time.
  for (const name of ['docker-registry', 'versitygw', 'crane', 'regsync', 'skopeo'] as const)
    await requireProgram(name);
  const source = await startSource();
  try {
    return await new JobRun(source, effort, say).run(parts);
  } finally {
    await source.stop();
  }
}

class JobRun {
  readonly #source: Source;
  readonly #effort: JobEffort;
  readonly #say: (text: string) => void;
  /** The peaks of our memory in all scenarios. */
  readonly #peaks: number[] = [];

  constructor(source: Source, effort: JobEffort, say: (text: string) => void) {
    this.#source = source;
    this.#effort = effort;
    this.#say = say;
  }

  async run(parts: ReadonlySet<Part>): Promise<readonly Row[]> {
    const rows: Row[] = [];
    const images = await buildTaggedImages();
    const needsTags = (['tags', 'killed', 'worker'] as const).some((part) => parts.has(part));
    if (needsTags) this.#say('filling the source with 50 tags');
    const content = needsTags ? await prepareTagged(this.#source, images) : undefined;
    if (content !== undefined && parts.has('tags')) rows.push(...(await this.#tags(content)));
    if (content !== undefined && parts.has('killed')) rows.push(await this.#killed(content));
    if (parts.has('referrers')) rows.push(await this.#referrers(images));
    if (parts.has('many')) rows.push(...(await this.#many()));
    if (parts.has('repositories')) rows.push(...(await this.#repositories()));
    if (parts.has('large')) rows.push(...(await this.#large()));
    if (content !== undefined && parts.has('worker')) rows.push(...(await this.#worker(content)));
    return [...rows, peakRow(this.#peaks)];
  }

  async #tags(content: TaggedContent): Promise<Row[]> {
    const { entrants: all, verifyCold } = this.#effort;
    const found: Series[] = [];
    const rows: Row[] = [];
    for (const latency of LATENCIES_MS) {
      const options = { latency, entrants: all[latency], verifyCold };
      const series = await raceTagged(this.#source, content, options, this.#say);
      found.push(...series);
      rows.push(...taggedRows(series));
    }
    for (const { tool, trials } of found) for (const step of STEPS) this.#note(tool, trials[step]);
    return [...rows, ...countRows(found)];
  }

  async #referrers(images: TaggedImages): Promise<Row> {
    this.#say('no-op with referrers due');
    const trial = await recheckReferrers(images);
    this.#note(LIFEBOAT_TOOL, [trial]);
    return referrersRow(trial);
  }

  async #killed(content: TaggedContent): Promise<Row> {
    this.#say(`killed after ${KILL_AFTER} blobs, and started again`);
    const killed = await killAndRerun(this.#source, content, KILL_AFTER);
    this.#note(LIFEBOAT_TOOL, [killed.rerun]);
    return killedRow(killed);
  }

  async #many(): Promise<Row[]> {
    const { manyTags: count, manyTools: tools } = this.#effort;
    const found = await raceManyTags(this.#source, { count, latencies: LATENCIES_MS, tools }, this.#say);
    for (const { tool, trial } of found) this.#note(tool, [trial]);
    return manyTagsRows(count, found);
  }

  async #repositories(): Promise<Row[]> {
    const options = { counts: this.#effort.repositories, tagsEach: TAGS_EACH };
    const found = await mirrorManyRepositories(this.#source, options, this.#say);
    for (const { cold, noop } of found) this.#note(LIFEBOAT_TOOL, [cold, noop]);
    return manyRepositoriesRows(found);
  }

  async #large(): Promise<Row[]> {
    const { largeBytes: size, large } = this.#effort;
    const found = await raceLargeLayer(this.#source, { size, entrants: large }, this.#say);
    for (const { tool, trials } of found) this.#note(tool, trials);
    this.#say('what the store itself takes');
    return [...largeRows(size, found), storeRow(await measureStore(size, LARGE_DISTANCE.latency))];
  }

  async #worker(content: TaggedContent): Promise<Row[]> {
    const { rounds, repositories, images } = this.#effort.worker;
    const series = await raceWorker(this.#source, content, rounds, this.#say);
    for (const { tool, trials } of series) for (const step of STEPS) this.#note(tool, trials[step]);
    const hour = await measureHour(this.#source, { repositories, tagsEach: TAGS_EACH_HOUR }, this.#say);
    const runs = await copyLayers(this.#source, images, this.#say);
    this.#note(
      LIFEBOAT_TOOL,
      runs.map(({ node }) => node),
    );
    return [...workerTaggedRows(series), hourRow(hour), ...layersRows(runs)];
  }

  #note(tool: Tool, trials: readonly { readonly peakBytes: number }[]): void {
    if (tool === LIFEBOAT_TOOL) this.#peaks.push(...trials.map(({ peakBytes }) => peakBytes));
  }
}

function entrants(tools: readonly Tool[], rounds: number): readonly Entrant[] {
  return tools.map((tool) => ({ tool, rounds }));
}
