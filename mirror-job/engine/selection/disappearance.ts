/**
 * Tags that upstream has no more. Each keeps what is mirrored; many at once are more likely a registry that answers
 * wrongly, or somebody's mistake, than an instruction: docs/decisions/0006. Pure.
 */
import type { Tag } from '../../../core/reference.ts';
import type { TagEntry } from '../../../core/repository-index.ts';
import { isReferrerTag } from '../../../core/tag-list.ts';
import { maySelect, type TagChoice, type SelectionResult, type Selection } from './selection.ts';

/** So long, in milliseconds, a tag that is gone counts as one that was there. */
export const MISSED_FOR = 7 * 86_400_000;

/** Fewer than so many of more are somebody's housekeeping. */
const MANY = 5;

/** Signatures come and go with their image. */
export function listedBefore(selection: Selection, known: readonly TagEntry[]): readonly TagEntry[] {
  return known.filter(
    ({ tag }) => !selection.explicit.includes(tag) && !isReferrerTag(tag) && maySelect(selection, tag),
  );
}

export interface Disappearance {
  /** How many of those that were there are gone. */
  readonly gone: number;
  readonly of: number;
}

/**
 * Whether too many tags are gone to be believed: more than half and at least five, or all of several.
 * @param known what the image has mirrored
 * @param isThere whether upstream has it now
 * @returns undefined where it is to be believed
 */
export function massDisappearance(
  known: readonly TagEntry[],
  isThere: (tag: Tag) => boolean,
  now: Date,
): Disappearance | undefined {
  const there = known.filter(
    ({ tag, gone }) => gone === undefined || isThere(tag) || now.getTime() - Date.parse(gone) < MISSED_FOR,
  );
  const gone = there.filter(({ tag }) => !isThere(tag)).length;
  const isMass = (gone >= MANY && gone * 2 > there.length) || (gone > 1 && gone === there.length);
  return isMass ? { gone, of: there.length } : undefined;
}

/** Only what is named, where the list is not believed. */
export function withoutListed(
  selected: SelectionResult,
  explicit: readonly Tag[],
  why: string,
): SelectionResult {
  const { chosen, left } = selected;
  const isNamed = ({ tag }: TagChoice): boolean => explicit.includes(tag);
  return {
    ...selected,
    chosen: chosen.filter(isNamed),
    left: [...chosen.filter((choice) => !isNamed(choice)).map(({ tag }) => ({ tag, why })), ...left],
  };
}
