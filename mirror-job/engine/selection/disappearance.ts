/**
 * Tags that upstream does not have any more. Each keeps what is mirrored. If many disappear at once, upstream's answer is
 * more likely wrong, or somebody's mistake, than meant: docs/decisions/0006. Pure.
 */
import type { Tag } from '../../../core/reference.ts';
import type { TagEntry } from '../../../core/repository-index.ts';
import { isReferrerTag } from '../../../core/tag-list.ts';
import { maySelect, type TagChoice, type SelectionResult, type Selection } from './selection.ts';

/** How long a tag that has disappeared still counts as one that was there. */
export const MISSED_FOR_MS = 7 * 86_400_000;

/** If fewer tags of many disappear, somebody has tidied up. */
const MASS_THRESHOLD = 5;

/** The mirrored tags that were selected from a list. Signature tags are left out: they come and go with their image. */
export function listedBefore(selection: Selection, known: readonly TagEntry[]): readonly TagEntry[] {
  return known.filter(
    ({ tag }) => !selection.explicit.includes(tag) && !isReferrerTag(tag) && maySelect(selection, tag),
  );
}

export interface Disappearance {
  /** How many tags are gone. */
  readonly gone: number;
  /** How many there were. */
  readonly of: number;
}

/**
 * Finds out whether too many tags are gone to trust the answer: at least five and more than half, or all of several.
 * @param mirrored the tags that the image has mirrored
 * @param isThere whether upstream has a tag now
 * @returns undefined if the answer is to be trusted
 */
export function massDisappearance(
  mirrored: readonly TagEntry[],
  isThere: (tag: Tag) => boolean,
  now: Date,
): Disappearance | undefined {
  const present = mirrored.filter(
    ({ tag, gone }) => gone === undefined || isThere(tag) || now.getTime() - Date.parse(gone) < MISSED_FOR_MS,
  );
  const gone = present.filter(({ tag }) => !isThere(tag)).length;
  const isMass =
    (gone >= MASS_THRESHOLD && gone * 2 > present.length) || (gone > 1 && gone === present.length);
  return isMass ? { gone, of: present.length } : undefined;
}

/** Leaves only the explicit tags, for a list that is not trusted. */
export function withoutListed(
  selection: SelectionResult,
  explicit: readonly Tag[],
  why: string,
): SelectionResult {
  const { selected, unselected } = selection;
  const isNamed = ({ tag }: TagChoice): boolean => explicit.includes(tag);
  return {
    ...selection,
    selected: selected.filter(isNamed),
    unselected: [...selected.filter((one) => !isNamed(one)).map(({ tag }) => ({ tag, why })), ...unselected],
  };
}
