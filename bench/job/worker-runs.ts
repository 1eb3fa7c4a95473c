/** Measures the job as a Worker beside the job in Node: 50 tags, many repositories, and large layers. */
import { LARGE, buildLayers, buildManyTags, manyRepositories } from './content.ts';
import { startBucketDestination, type Expected } from './destination.ts';
import { JobWorker, WORKER_TOOL } from './job-worker.ts';
import { expectedOf } from './many-repositories.ts';
import { classesOf, type RequestClasses } from './requests.ts';
import type { Source } from './source.ts';
import { raceTagged, type Series, type TaggedContent } from './tagged-images.ts';
import { LIFEBOAT_TOOL } from './tools.ts';
import { tryOut, type Trial } from './trial.ts';

const LATENCY_MS = 25;

/** Mirrors 50 tags by both, by turns, each into a bucket of its own on a server of the same kind. */
export async function raceWorker(
  source: Source,
  content: TaggedContent,
  rounds: number,
  say: (text: string) => void,
): Promise<readonly Series[]> {
  const entrants = [LIFEBOAT_TOOL, WORKER_TOOL].map((tool) => ({ tool, rounds }));
  return raceTagged(source, content, { latency: LATENCY_MS, entrants, verifyCold: true }, say);
}

/** A run, with its requests to the bucket as Cloudflare would count them. */
export interface CountedTrial {
  readonly trial: Trial;
  readonly classes: RequestClasses;
}

export interface HourlyRun extends CountedTrial {
  readonly repositories: number;
  readonly tags: number;
}

/** Measures a run of the Worker that finds nothing new in several repositories, which is what most hours are like. */
export async function measureHour(
  source: Source,
  { repositories, tagsEach }: { readonly repositories: number; readonly tagsEach: number },
  say: (text: string) => void,
): Promise<HourlyRun> {
  say(`filling the source with ${repositories} repositories of ${tagsEach} tags`);
  const all = await manyRepositories(repositories, tagsEach);
  for (const { name, repository } of all) await source.fill(name, repository);
  const expected = await expectedOf(source, all);
  const destination = await startBucketDestination();
  const [repository = '', ...more] = all.map(({ name }) => name);
  const step = { tool: WORKER_TOOL, source, repository, more, destination };
  const terms = { ...step, distance: { latency: LATENCY_MS } };
  try {
    say(`${expected.tags.size} tags in ${repositories} repositories: cold, by the Worker`);
    await tryOut({ ...terms, expected });
    say(`${expected.tags.size} tags in ${repositories} repositories: no-op, by the Worker`);
    const trial = await tryOut(terms);
    const classes = classesOf(destination.link.proxy.requests);
    return { repositories, tags: expected.tags.size, trial, classes };
  } finally {
    await destination.stop();
  }
}

/** An image of one or more layers of the same size. */
export interface LayersImage {
  readonly count: number;
  /** Bytes of a layer. */
  readonly size: number;
}

export interface LayersRun extends LayersImage, CountedTrial {
  /** The same by the job in Node. */
  readonly node: Trial;
}

/** Copies images of large layers as fast as this machine can, because a slow upstream would spare the buffers. */
export async function copyLayers(
  source: Source,
  images: readonly LayersImage[],
  say: (text: string) => void,
): Promise<readonly LayersRun[]> {
  const small = await buildManyTags(1);
  await source.fill(SMALL, small);
  const before = await source.expected(SMALL, small);
  const found: LayersRun[] = [];
  for (const image of images) found.push(await copy(source, image, before, say));
  return found;
}

/** A small image, which is mirrored first, so that the memory of the Worker's code does not count as that of a layer. */
const SMALL = 'source/small';

async function copy(
  source: Source,
  { count, size }: LayersImage,
  before: Expected,
  say: (text: string) => void,
): Promise<LayersRun> {
  const what = `${count} × ${size / 1_000_000} MB`;
  const repository = `${LARGE}-${count}-${size}`;
  say(`filling the source with ${what}`);
  const content = await buildLayers(repository, count, size);
  await source.fill(repository, content);
  const expected = await source.expected(repository, content);
  const distance = { latency: 0 };
  say(`${what}: ${LIFEBOAT_TOOL.name}`);
  const ofNode = await LIFEBOAT_TOOL.startDestination();
  let node: Trial;
  try {
    node = await tryOut({ tool: LIFEBOAT_TOOL, source, repository, destination: ofNode, distance, expected });
  } finally {
    await ofNode.stop();
  }
  say(`${what}: ${WORKER_TOOL.name}`);
  const destination = await WORKER_TOOL.startDestination();
  const worker = await JobWorker.start(destination);
  try {
    const tool = { ...WORKER_TOOL, run: worker.run.bind(worker) };
    await tryOut({ tool, source, repository: SMALL, destination, distance, expected: before });
    const both = { ...expected, tags: new Map([...before.tags, ...expected.tags]) };
    const trial = await tryOut({ tool, source, repository, destination, distance, expected: both });
    return { count, size, node, trial, classes: classesOf(destination.link.proxy.requests) };
  } finally {
    await worker.close();
    await destination.stop();
  }
}
