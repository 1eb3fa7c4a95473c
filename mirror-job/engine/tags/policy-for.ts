/**
 * The policy of one tag. Several entries may serve one name, and patterns of theirs select the same tag: of each rule
 * the strictest holds then, for a tag that somebody wanted held must not move because another line is laxer.
 */
import type { Tag } from '../../../core/reference.ts';
import { isReferrerTag } from '../../../core/tag-list.ts';
import { maySelect } from '../selection/selection.ts';
import type { Selection, TagPattern } from '../selection/selection.ts';
import { FOLLOW, type MovePolicy } from './tag-policy.ts';

/** What an entry says of its tags. */
export interface TagSettings {
  readonly tags: Selection;
  readonly moves: MovePolicy;
  readonly immutable: readonly TagPattern[];
}

const LAX_TO_STRICT = ['follow', 'hold', 'immutable'] as const satisfies readonly MovePolicy['policy'][];

/** Of the neighbours those count that may select the tag: `latest: 3` may select any. */
export function policyFor(
  tag: Tag,
  image: TagSettings & { readonly neighbours: readonly TagSettings[] },
): MovePolicy {
  // Signatures belong to their image: their tags follow, whatever is said of the image's.
  if (isReferrerTag(tag)) return { ...FOLLOW, rollback: 'follow' };
  return image.neighbours
    .filter((other) => maySelect(other.tags, tag))
    .map((other) => policyOf(tag, other))
    .reduce(stricter, policyOf(tag, image));
}

function policyOf(tag: Tag, { moves, immutable }: TagSettings): MovePolicy {
  return immutable.some(({ matches }) => matches(tag)) ? { ...moves, policy: 'immutable' } : moves;
}

function stricter(one: MovePolicy, other: MovePolicy): MovePolicy {
  const isStricter = LAX_TO_STRICT.indexOf(other.policy) > LAX_TO_STRICT.indexOf(one.policy);
  const most = Math.min(one.maxMovesPerRun ?? Infinity, other.maxMovesPerRun ?? Infinity);
  return {
    policy: isStricter ? other.policy : one.policy,
    minAge: Math.max(one.minAge, other.minAge),
    rollback: one.rollback === 'hold' ? 'hold' : other.rollback,
    maxMovesPerRun: Number.isFinite(most) ? most : undefined,
  };
}
