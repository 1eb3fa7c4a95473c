/** Interprets `moves`, which says when our tag follows a tag that upstream moves. */
import { FOLLOW, type MovePolicy } from '../engine/image.ts';
import type { Path } from './path.ts';
import type { Problems } from './problems.ts';
import type { MovesFile } from './schema.ts';

/** @param base has the value of each key that the file leaves out */
export function interpretMoves(
  input: MovesFile | undefined,
  path: Path,
  problems: Problems,
  base: MovePolicy = FOLLOW,
): MovePolicy {
  const { policy, minAge, rollback, maxMovesPerRun } = input ?? {};
  return {
    policy: policy ?? base.policy,
    minAgeMs:
      (minAge === undefined ? undefined : problems.duration(minAge, [...path, 'minAge'])) ?? base.minAgeMs,
    rollback: rollback ?? base.rollback,
    maxMovesPerRun: maxMovesPerRun ?? base.maxMovesPerRun,
  };
}
