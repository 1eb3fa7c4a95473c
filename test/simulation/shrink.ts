/**
 * Makes a failing simulation simpler. Its decisions are numbers of which 0 is the calmest. So pieces of them become 0, or are
 * left out, as long as the same promise is broken: large pieces first, then smaller ones.
 */
import { Decisions } from './decisions.ts';
import { simulate, type Outcome } from './simulation.ts';

/** The time for all tries. A failure that is not the smallest can be read too. */
const MAX_MS = 20_000;

export interface Shrunk {
  readonly outcome: Outcome;
  readonly trace: readonly string[];
}

/** @param failing has a violation */
export async function shrink(failing: Outcome, isStrict: boolean): Promise<Shrunk> {
  const kind = failing.violation?.kind;
  let best = failing;
  const endMs = performance.now() + MAX_MS;
  const isOver = (): boolean => performance.now() > endMs;
  const attempt = async (numbers: readonly number[]): Promise<boolean> => {
    const outcome = await simulate(Decisions.recorded(numbers), { isStrict });
    if (outcome.violation?.kind !== kind || !isSimpler(outcome, best)) return false;
    best = outcome;
    return true;
  };
  for (let size = best.decisions.made.length; size >= 1 && !isOver(); size = Math.floor(size / 2)) {
    for (let start = 0; start < best.decisions.made.length && !isOver(); start += size) {
      const { made } = best.decisions;
      const piece = made.slice(start, start + size);
      const without = [...made.slice(0, start), ...made.slice(start + size)];
      if (await attempt(without)) {
        start -= size;
        continue;
      }
      if (piece.every((number) => number === 0)) continue;
      await attempt([...made.slice(0, start), ...piece.map(() => 0), ...made.slice(start + size)]);
    }
  }
  const trace: string[] = [];
  const outcome = await simulate(Decisions.recorded(best.decisions.made), { trace, isStrict });
  return { outcome, trace };
}

/** Fewer steps, or as many with fewer decisions that are not calm. */
function isSimpler(one: Outcome, other: Outcome): boolean {
  if (one.steps !== other.steps) return one.steps < other.steps;
  return weightOf(one) < weightOf(other);
}

function weightOf({ decisions }: Outcome): number {
  return decisions.made.reduce((sum, number) => sum + (number === 0 ? 0 : 1), 0);
}
