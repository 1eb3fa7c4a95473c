/** Whether a tag stays, and why. Pure. docs/decisions/0175-when-a-tag-goes.md */
import type { Tag } from '../../../core/reference.ts';
import { isReferrerTag } from '../../../core/tag-list.ts';
import type { TagEntry } from '../../../core/repository-index.ts';
import type { TagObject } from '../../../core/tag-object.ts';
import { selectTags } from '../selection/selection.ts';
import type { RepositoryPolicy } from './repository-policy.ts';

export interface StoredTag {
  readonly tag: Tag;
  readonly object: Pick<TagObject, 'digest' | 'moved' | 'run' | 'hold' | 'platforms'>;
  /** Undefined if the index lacks it. */
  readonly entry: TagEntry | undefined;
  /**
   * Whether neither the index nor the list of tags has it, and both are whole: a sweep that was killed has taken it off, or a run
   * that was killed has never listed it, and no later run has found it upstream.
   */
  readonly isUnlisted: boolean;
}

export interface TagVerdict {
  readonly stays: boolean;
  /** Part of a sentence. */
  readonly why: string;
  /** Whether it would go but for its age, so that a person may want to see it. */
  readonly isClose?: boolean;
}

/**
 * Judges all tags. A tag that belongs by its name to an image of the bucket goes with that image, unless a rule keeps the tag.
 * @param hasImage whether the image is there that such a tag belongs to
 * @returns the verdict of each tag; none for one that stays exactly as long as its image does
 */
export function judgeTags(
  { selections, retention, used }: RepositoryPolicy,
  tags: readonly StoredTag[],
  { now, hasImage }: { readonly now: Date; readonly hasImage: (tag: Tag) => boolean },
): ReadonlyMap<Tag, TagVerdict> {
  const isLongAgo = (time: string): boolean => now.getTime() - Date.parse(time) > retention.keepMs;
  const named = new Set(selections.flatMap(({ explicit }) => explicit));
  // A tag that upstream lacks must not count among the newest ones, or it would push out another one.
  const present = tags
    .filter(({ entry, isUnlisted }) => entry?.gone === undefined && !isUnlisted)
    .map(({ tag }) => tag);
  const selected = new Map<Tag, string>();
  for (const selection of selections) {
    const result = selectTags(selection, present);
    // Too few tags for the rules: the mirror leaves all tags as they are, and so does pruning.
    const chosen = result.isShort ? present.map((tag) => ({ tag, why: 'minTags' })) : result.selected;
    for (const { tag, why } of chosen) selected.set(tag, why);
  }
  const judge = ({ tag, object, entry, isUnlisted }: StoredTag): TagVerdict => {
    if (named.has(tag)) return stays('the configuration names it');
    if (object.hold !== undefined) return stays('it is held');
    if (used.tags.has(tag)) return stays('a cluster uses it');
    const kept = retention.keep.find(({ matches }) => matches(tag));
    if (kept !== undefined) return stays(`"${kept.text}" of keep matches it`);
    const gone = entry?.gone;
    if (gone === undefined && selected.has(tag)) return stays('an entry selects it');
    const reason = isUnlisted
      ? 'no list names it'
      : gone === undefined
        ? 'no entry selects it'
        : `upstream has not had it since ${gone}`;
    const latest = [object.moved, entry?.firstSeen, entry?.returned, gone].filter(
      (time) => time !== undefined,
    );
    const young = latest.find((time) => !isLongAgo(time));
    if (young !== undefined)
      return { stays: true, why: `${reason}, but it changed at ${young}`, isClose: true };
    return { stays: false, why: reason };
  };
  return new Map(
    tags
      .map((one): [Tag, TagVerdict] => [one.tag, judge(one)])
      .filter(([tag, { stays: isKept, isClose = false }]) => {
        const goesWithImage = isReferrerTag(tag) && hasImage(tag);
        return !goesWithImage || (isKept && !isClose);
      }),
  );
}

function stays(why: string): TagVerdict {
  return { stays: true, why };
}
