/** Which tags of a source are mirrored. Pure. */
import type { Tag } from '../../core/reference.ts';

export interface Selection {
  /** Asked for by name: no listing is needed, and one that upstream lacks is a failure. */
  readonly explicit: readonly Tag[];
  /** Asked for by pattern: matched against the listing. */
  readonly matches: ((tag: Tag) => boolean) | undefined;
}

/** The tags to look at, each once: the explicit ones first, then those that match, in the listing's order. */
export function selectTags(selection: Selection, listed: readonly Tag[]): readonly Tag[] {
  const { explicit, matches } = selection;
  return [...new Set([...explicit, ...(matches === undefined ? [] : listed.filter(matches))])];
}
