/**
 * Merges a mutable object of two stores when one is caught up from the other. Pure. Of a tag and of the job's memory of
 * it, one side wins; lists are joined.
 */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import { isEqual } from '../../../core/bytes.ts';
import { decodeCatalog, encodeCatalog } from '../../../core/catalog.ts';
import type { Digest } from '../../../core/digest.ts';
import type { KeyKind } from '../../../core/key-kind.ts';
import { isStateKey } from '../../../core/layout.ts';
import { decodeReferrers, encodeReferrers } from '../../../core/referrers.ts';
import type { Tag } from '../../../core/reference.ts';
import {
  readRepositoryIndex,
  encodeRepositoryIndex,
  entryKey,
  type IndexEntry,
} from '../../../core/repository-index.ts';
import { decodeTagList, encodeTagList } from '../../../core/tag-list.ts';
import { decodeTag } from '../../../core/tag-object.ts';
import type { TagChange } from '../report.ts';

/** Which side wins about a tag: the store that is copied from, or the later movement if neither is known to be right. */
export type Rule = 'from' | 'newer';

export interface Sides {
  readonly key: string;
  readonly from: Uint8Array;
  /** Undefined if there is no such object. */
  readonly to: Uint8Array | undefined;
  readonly rule: Rule;
  /** The tags of the repository that the two stores have in different versions. */
  readonly differing: ReadonlySet<Tag>;
  /** Whether an entry of the index is true in the written store: its tag was copied, and its manifest is there. */
  readonly isThere: (entry: IndexEntry) => boolean;
  readonly hasTag: (tag: Tag) => boolean;
}

/** @returns the bytes to write; undefined if nothing has to be written, or if the object of the source cannot be read */
export function mergeObject(kind: KeyKind, sides: Sides): Uint8Array | undefined {
  const { from, to } = sides;
  try {
    const merged = mergeKind(kind, sides);
    return merged === undefined || (to !== undefined && isEqual(merged, to)) ? undefined : merged;
  } catch (error) {
    if (!(error instanceof BucketObjectInvalidError)) throw error;
    // If only the target is damaged, overwrite it from the source. If the source is damaged, write nothing.
    return to !== undefined && isReadable(kind, sides) ? from : undefined;
  }
}

function mergeKind(kind: KeyKind, sides: Sides): Uint8Array | undefined {
  const { key, from, to, rule, differing, isThere, hasTag } = sides;
  switch (kind.kind) {
    case 'tag': {
      const theirs = decodeTag(key, from);
      return to === undefined || rule === 'from' || theirs.moved > decodeTag(key, to).moved ? from : to;
    }
    case 'tag list':
      return encodeTagList(kind.repository, [
        ...decodeTagList(key, from).filter((tag) => hasTag(tag)),
        ...(to === undefined ? [] : decodeTagList(key, to)),
      ]);
    case 'referrers': {
      const own = to === undefined ? [] : decodeReferrers(key, to);
      const known = new Set(own.map(({ digest }) => digest));
      return encodeReferrers([...own, ...decodeReferrers(key, from).filter((one) => !known.has(one.digest))]);
    }
    case 'index': {
      const theirs = readRepositoryIndex(key, from);
      const own = to === undefined ? undefined : readRepositoryIndex(key, to);
      // The two lists of tags are joined. A tag that is on neither stays missing.
      const listsEveryTag = theirs.listsEveryTag && own?.listsEveryTag !== false;
      // An entry that could not be copied is left out, because a run believes what it finds in the index.
      const there = theirs.entries.filter((entry) => isThere(entry));
      if (own === undefined || rule === 'from') {
        // Pins that the source has lost may be here.
        const kept = theirs.mayLackPins ? withoutTagEntries(own?.entries ?? [], there) : [];
        const mayLackPins = theirs.mayLackPins && own?.mayLackPins !== false;
        const isSame =
          kept.length === 0 &&
          there.length === theirs.entries.length &&
          listsEveryTag === theirs.listsEveryTag &&
          mayLackPins === theirs.mayLackPins;
        return isSame ? from : encodeRepositoryIndex([...there, ...kept], { listsEveryTag, mayLackPins });
      }
      const mayLackPins = theirs.mayLackPins && own.mayLackPins;
      return encodeRepositoryIndex(joinIndexes(there, own.entries, differing), {
        listsEveryTag,
        mayLackPins,
      });
    }
    case 'state':
      if (isStateKey(key, 'catalog.json')) {
        return encodeCatalog([
          ...decodeCatalog(key, from),
          ...(to === undefined ? [] : decodeCatalog(key, to)),
        ]);
      }
      return to === undefined || rule === 'from' ? from : to;
    default:
      return from;
  }
}

/** @returns the pins and candidates of an index that another one lacks */
function withoutTagEntries(own: readonly IndexEntry[], others: readonly IndexEntry[]): IndexEntry[] {
  const known = new Set(others.map((entry) => entryKey(entry)));
  return own.filter((entry) => entry.kind !== 'tag' && !known.has(entryKey(entry)));
}

/** Drops the tags about which the two differ, so that the next run looks at them again. */
function joinIndexes(
  from: readonly IndexEntry[],
  to: readonly IndexEntry[],
  differing: ReadonlySet<Tag>,
): IndexEntry[] {
  const joined = new Map<string, IndexEntry>();
  const isDoubtful = (entry: IndexEntry): boolean => entry.kind === 'tag' && differing.has(entry.tag);
  for (const entry of [...from, ...to]) if (!isDoubtful(entry)) joined.set(entryKey(entry), entry);
  const theirs = new Map(from.map((entry) => [entryKey(entry), entry.digest]));
  for (const entry of to) {
    const other = theirs.get(entryKey(entry));
    if (other !== undefined && other !== entry.digest) joined.delete(entryKey(entry));
  }
  return [...joined.values()];
}

/**
 * Removes tags from an index before they move, so that a run which dies in between leaves no index that is wrong.
 * @returns undefined if the index has none of them
 */
export function withoutTags(key: string, bytes: Uint8Array, tags: ReadonlySet<Tag>): Uint8Array | undefined {
  try {
    const { entries, listsEveryTag, mayLackPins } = readRepositoryIndex(key, bytes);
    const left = entries.filter((entry) => entry.kind !== 'tag' || !tags.has(entry.tag));
    return left.length === entries.length
      ? undefined
      : encodeRepositoryIndex(left, { listsEveryTag, mayLackPins });
  } catch (error) {
    if (!(error instanceof BucketObjectInvalidError)) throw error;
    return encodeRepositoryIndex([], { mayLackPins: true });
  }
}

/**
 * @param to the bytes of the object before; undefined if there was none
 * @returns the change of the tag by this write; undefined for an object that is no tag
 */
export function tagChange(
  kind: KeyKind,
  key: string,
  written: Uint8Array,
  to: Uint8Array | undefined,
): TagChange | undefined {
  if (kind.kind !== 'tag') return undefined;
  return {
    tag: kind.tag,
    from: to === undefined ? undefined : digestIn(key, to),
    to: decodeTag(key, written).digest,
  };
}

/** @returns undefined for an object that cannot be read */
function digestIn(key: string, bytes: Uint8Array): Digest | undefined {
  try {
    return decodeTag(key, bytes).digest;
  } catch (error) {
    if (error instanceof BucketObjectInvalidError) return undefined;
    throw error;
  }
}

function isReadable(kind: KeyKind, sides: Sides): boolean {
  try {
    mergeKind(kind, { ...sides, to: undefined });
    return true;
  } catch (error) {
    if (error instanceof BucketObjectInvalidError) return false;
    throw error;
  }
}
