/** The result of a check of one object and of all below it. */
import type { FoundProblem } from './problem.ts';

export interface Below {
  readonly problems: ReadonlySet<FoundProblem>;
  /** False if a part could not be read. */
  readonly isKnown: boolean;
}

export const WHOLE: Below = { problems: new Set(), isKnown: true };

export function joined(all: readonly Below[]): Below {
  if (all.every(({ problems, isKnown }) => isKnown && problems.size === 0)) return WHOLE;
  return {
    problems: new Set(all.flatMap(({ problems }) => [...problems])),
    isKnown: all.every(({ isKnown }) => isKnown),
  };
}
