/** Mirrors 50 tags: into an empty destination, again without a change, and once more after one tag has changed. */
import { CHANGED_TAG, MANY_LAYERS, type TaggedImages } from './content.ts';
import type { Expected } from './destination.ts';
import { startSource, type Source } from './source.ts';
import { LIFEBOAT_TOOL, type Tool } from './tools.ts';
import { tryOut, type Trial } from './trial.ts';

export const STEPS = ['cold', 'no-op', 'one of 50 changed'] as const;
export type Step = (typeof STEPS)[number];

export interface Entrant {
  readonly tool: Tool;
  /** The number of rounds in which the tool takes part. */
  readonly rounds: number;
}

/** The trials of one tool at one latency. */
export interface Series {
  readonly tool: Tool;
  readonly latency: number;
  readonly trials: Readonly<Record<Step, readonly Trial[]>>;
}

export interface TaggedContent {
  readonly images: TaggedImages;
  readonly before: Expected;
  readonly after: Expected;
}

/** Fills the source, and reads its content before and after the tag moves. */
export async function prepareTagged(source: Source, images: TaggedImages): Promise<TaggedContent> {
  const { repository, original, changed } = images;
  await source.fill(MANY_LAYERS, repository);
  const before = await source.expected(MANY_LAYERS, repository);
  await source.move(MANY_LAYERS, repository, CHANGED_TAG, changed);
  const after = await source.expected(MANY_LAYERS, repository, { [CHANGED_TAG]: changed });
  await source.move(MANY_LAYERS, repository, CHANGED_TAG, original);
  return { images, before, after };
}

/**
 * Runs all tools in each round. Each round begins with another tool, so that a disturbance of the machine affects all
 * alike.
 */
export async function raceTagged(
  source: Source,
  content: TaggedContent,
  options: { readonly latency: number; readonly entrants: readonly Entrant[]; readonly verifyCold: boolean },
  say: (text: string) => void,
): Promise<readonly Series[]> {
  const { latency, entrants, verifyCold } = options;
  const found = new Map(
    entrants.map(({ tool }): [Tool, Record<Step, Trial[]>] => [
      tool,
      { cold: [], 'no-op': [], 'one of 50 changed': [] },
    ]),
  );
  const rounds = Math.max(...entrants.map((entrant) => entrant.rounds));
  for (let round = 0; round < rounds; round += 1) {
    const shift = round % entrants.length;
    const order = [...entrants.slice(shift), ...entrants.slice(0, shift)];
    for (const { tool } of order.filter((entrant) => entrant.rounds > round)) {
      say(`50 tags, ${latency} ms, round ${round + 1} of ${rounds}: ${tool.name}`);
      const steps = await mirrorTagged(source, content, { tool, latency, verifyCold });
      for (const step of STEPS) found.get(tool)?.[step].push(steps[step]);
    }
  }
  return [...found].map(([tool, trials]) => ({ tool, latency, trials }));
}

async function mirrorTagged(
  source: Source,
  { images, before, after }: TaggedContent,
  options: { readonly tool: Tool; readonly latency: number; readonly verifyCold: boolean },
): Promise<Record<Step, Trial>> {
  const { tool, latency, verifyCold } = options;
  const { repository, original, changed } = images;
  const destination = await tool.startDestination();
  const step = { tool, source, repository: MANY_LAYERS, destination, distance: { latency } };
  try {
    const cold = await tryOut({ ...step, ...(verifyCold && { expected: before }) });
    const noop = await tryOut(step);
    await source.move(MANY_LAYERS, repository, CHANGED_TAG, changed);
    const moved = await tryOut({ ...step, expected: after });
    return { cold, 'no-op': noop, 'one of 50 changed': moved };
  } finally {
    await source.move(MANY_LAYERS, repository, CHANGED_TAG, original);
    await destination.stop();
  }
}

/**
 * Measures a no-op whose referrers are due again, for our job only. The source has the referrers API. A source without
 * it would get a few such requests, and then no more in that run.
 */
export async function recheckReferrers({ repository }: TaggedImages): Promise<Trial> {
  const source = await startSource({ referrers: true });
  const destination = await LIFEBOAT_TOOL.startDestination();
  const distance = { latency: 25 };
  const step = { tool: LIFEBOAT_TOOL, source, repository: MANY_LAYERS, destination, distance };
  try {
    await source.fill(MANY_LAYERS, repository);
    const expected = await source.expected(MANY_LAYERS, repository);
    await tryOut({ ...step, referrersEvery: '24h' });
    return await tryOut({ ...step, referrersEvery: '1ms', expected });
  } finally {
    await destination.stop();
    await source.stop();
  }
}
