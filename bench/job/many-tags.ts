/** Measures the cost per tag of a repository with many tags, none of which has changed. */
import { MANY_TAGS, buildManyTags } from './content.ts';
import type { Expected } from './destination.ts';
import type { Source } from './source.ts';
import type { Tool } from './tools.ts';
import { tryOut, type Trial } from './trial.ts';

export interface ManyTags {
  readonly tool: Tool;
  readonly latency: number;
  readonly trial: Trial;
}

/** Runs each tool once per latency. The run before, which fills the destination, is not measured. */
export async function raceManyTags(
  source: Source,
  options: { readonly count: number; readonly latencies: readonly number[]; readonly tools: readonly Tool[] },
  say: (text: string) => void,
): Promise<readonly ManyTags[]> {
  const { count, latencies, tools } = options;
  say(`filling the source with ${count} tags`);
  const repository = await buildManyTags(count);
  await source.fill(MANY_TAGS, repository);
  const expected = await source.expected(MANY_TAGS, repository);
  const found: ManyTags[] = [];
  for (const tool of tools) found.push(...(await noop(source, { tool, latencies, expected, count }, say)));
  return found;
}

async function noop(
  source: Source,
  options: {
    readonly tool: Tool;
    readonly latencies: readonly number[];
    readonly expected: Expected;
    readonly count: number;
  },
  say: (text: string) => void,
): Promise<readonly ManyTags[]> {
  const { tool, latencies, expected, count } = options;
  const destination = await tool.startDestination();
  const step = { tool, source, repository: MANY_TAGS, destination };
  try {
    say(`${count} tags: ${tool.name} fills its destination`);
    await tryOut({ ...step, distance: { latency: 0 }, expected });
    const found: ManyTags[] = [];
    for (const latency of latencies) {
      say(`${count} tags, ${latency} ms: ${tool.name}`);
      found.push({ tool, latency, trial: await tryOut({ ...step, distance: { latency } }) });
    }
    return found;
  } finally {
    await destination.stop();
  }
}
