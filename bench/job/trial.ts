/** Runs one tool once, and returns all its counts and measurements. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Destination, Expected } from './destination.ts';
import type { Distance } from './link.ts';
import type { Figures } from './process-tree.ts';
import { repeatedWrites, type Traffic } from './requests.ts';
import type { Source } from './source.ts';
import type { Job, Tool } from './tools.ts';

export interface Trial extends Figures {
  readonly source: Traffic;
  readonly destination: Traffic;
  /** Objects of the store that were written more than once. */
  readonly repeated: readonly string[];
}

export interface TrialOptions extends Pick<Job, 'more' | 'referrersEvery' | 'until'> {
  readonly tool: Tool;
  readonly source: Source;
  readonly repository: string;
  readonly destination: Destination;
  /** The link to the source. The destination has the same latency and no limit. */
  readonly distance: Distance;
  /** The content to verify. Without it, the caller verifies. */
  readonly expected?: Expected;
}

/** @throws if the tool fails, or if its result is not the expected one */
export async function tryOut(options: TrialOptions): Promise<Trial> {
  const { tool, source, repository, destination, distance, expected, ...rest } = options;
  source.link.move(distance);
  destination.link.move({ latency: distance.latency });
  source.link.proxy.reset();
  destination.link.proxy.reset();
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-trial-'));
  const figures = await tool.run({
    source: source.link.host,
    repository,
    destination,
    folder,
    ...rest,
  });
  const trial = {
    ...figures,
    source: source.traffic(),
    destination: destination.traffic(),
    repeated: repeatedWrites(destination.link.proxy.requests),
  };
  if (expected !== undefined) await verify(tool, destination, expected);
  return trial;
}

/** @throws an error that lists the problems */
export async function verify(tool: Tool, destination: Destination, expected: Expected): Promise<void> {
  const problems = await destination.verify(expected);
  if (problems.length === 0) return;
  const some = problems.slice(0, 10).join('\n');
  throw new Error(`What ${tool.name} left behind is wrong in ${problems.length} places:\n${some}`);
}
