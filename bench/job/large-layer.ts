/** Measures one large layer, which shows how much of the link to the upstream a tool uses. */
import { LARGE, buildLargeImage } from './content.ts';
import type { Source } from './source.ts';
import type { Entrant } from './tagged-images.ts';
import type { Tool } from './tools.ts';
import { tryOut, type Trial } from './trial.ts';

const MB = 1_000_000;
/** The distance is that of a registry at another provider, for one connection. */
export const LARGE_DISTANCE = { latency: 25, bytesPerSecond: 40 * MB };

export interface LargeLayer {
  readonly tool: Tool;
  readonly trials: readonly Trial[];
  /** The bytes of the layer per second, one rate per trial. */
  readonly rates: readonly number[];
}

export async function raceLargeLayer(
  source: Source,
  options: { readonly size: number; readonly entrants: readonly Entrant[] },
  say: (text: string) => void,
): Promise<readonly LargeLayer[]> {
  const { size, entrants } = options;
  say('filling the source with a large layer');
  const repository = await buildLargeImage(size);
  await source.fill(LARGE, repository);
  const expected = await source.expected(LARGE, repository);
  const found = new Map(entrants.map(({ tool }): [Tool, Trial[]] => [tool, []]));
  const rounds = Math.max(...entrants.map((entrant) => entrant.rounds));
  for (let round = 0; round < rounds; round += 1) {
    for (const { tool } of entrants.filter((entrant) => entrant.rounds > round)) {
      say(`large layer, round ${round + 1} of ${rounds}: ${tool.name}`);
      const destination = await tool.startDestination();
      try {
        const distance = LARGE_DISTANCE;
        const trial = await tryOut({ tool, source, repository: LARGE, destination, distance, expected });
        found.get(tool)?.push(trial);
      } finally {
        await destination.stop();
      }
    }
  }
  return [...found].map(([tool, trials]) => ({
    tool,
    trials,
    rates: trials.map(({ seconds }) => size / seconds),
  }));
}
