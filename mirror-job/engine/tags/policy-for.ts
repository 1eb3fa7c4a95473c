/**
 * The policy of one tag. Several entries may serve one name, and their patterns may select the same tag. Then the
 * strictest value of each rule holds, because a tag that somebody wanted held must not move because of a laxer entry.
 */
import type { Tag } from '../../../core/reference.ts';
import { isReferrerTag } from '../../../core/tag-list.ts';
import { maySelect } from '../selection/selection.ts';
import { FOLLOW, type MovePolicy, type TagSettings } from '../image.ts';

const LAX_TO_STRICT = ['follow', 'hold', 'immutable'] as const satisfies readonly MovePolicy['policy'][];

/** A neighbour counts if it may select the tag. With `latest: 3`, that is any tag that its patterns match. */
export function policyFor(
  tag: Tag,
  image: TagSettings & { readonly neighbours: readonly TagSettings[] },
): MovePolicy {
  // Signatures belong to their image, so their tags follow whatever policy the image's tags have.
  if (isReferrerTag(tag)) return { ...FOLLOW, rollback: 'follow' };
  return image.neighbours
    .filter((other) => maySelect(other.tags, tag))
    .map((other) => ownPolicyOf(tag, other))
    .reduce(stricter, ownPolicyOf(tag, image));
}

function ownPolicyOf(tag: Tag, { moves, immutable }: TagSettings): MovePolicy {
  return immutable.some(({ matches }) => matches(tag)) ? { ...moves, policy: 'immutable' } : moves;
}

function stricter(one: MovePolicy, other: MovePolicy): MovePolicy {
  const isStricter = LAX_TO_STRICT.indexOf(other.policy) > LAX_TO_STRICT.indexOf(one.policy);
  const maxMoves = Math.min(one.maxMovesPerRun ?? Infinity, other.maxMovesPerRun ?? Infinity);
  return {
    policy: isStricter ? other.policy : one.policy,
    minAgeMs: Math.max(one.minAgeMs, other.minAgeMs),
    rollback: one.rollback === 'hold' ? 'hold' : other.rollback,
    maxMovesPerRun: Number.isFinite(maxMoves) ? maxMoves : undefined,
  };
}
