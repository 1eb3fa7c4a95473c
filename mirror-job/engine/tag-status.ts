/** Where tags stand, and which other digests of theirs the bucket has: from a repository's index. */
import type { Digest } from '../../core/digest.ts';
import type { Tag } from '../../core/reference.ts';
import type { CandidateEntry, IndexEntry, TagEntry } from '../../core/repository-index.ts';

export interface TagStatus {
  readonly tag: Tag;
  /** Undefined for a tag that upstream has and that is not served yet. */
  readonly digest: Digest | undefined;
  /** Why it does not follow upstream; undefined where it does. */
  readonly hold: string | undefined;
  /** Where it could be approved to, first seen last first. */
  readonly candidates: readonly { readonly digest: Digest; readonly firstSeen: string }[];
}

/**
 * A tag's status, with every digest of it that is stored.
 * @param stands what the tag itself says, where it was read: it is the truth, and the index its memory
 */
export function statusOf(
  entries: readonly IndexEntry[],
  tag: Tag,
  stands: Pick<TagEntry, 'digest' | 'hold'> | undefined = entries.find(
    (entry): entry is TagEntry => entry.kind === 'tag' && entry.tag === tag,
  ),
): TagStatus {
  const candidates = entries
    .filter((entry): entry is CandidateEntry => entry.kind === 'candidate' && entry.tag === tag)
    // The place of a tag that moved by hand may still be listed as one that waits.
    .filter(({ digest }) => digest !== stands?.digest)
    .toSorted((a, b) => (a.firstSeen < b.firstSeen ? 1 : -1))
    .map(({ digest, firstSeen }) => ({ digest, firstSeen }));
  return { tag, digest: stands?.digest, hold: stands?.hold, candidates };
}

/** Of all tags of a repository, those that somebody could be waiting for: held ones, and ones with newer digests. */
export function findWaiting(entries: readonly IndexEntry[]): readonly TagStatus[] {
  const tags = new Set(entries.flatMap((entry) => ('tag' in entry ? [entry.tag] : [])));
  return [...tags].toSorted().flatMap((tag) => {
    const status = statusOf(entries, tag);
    if (status.hold !== undefined) return [status];
    const since = entries.find((entry) => entry.kind === 'tag' && entry.tag === tag)?.firstSeen ?? '';
    // What a tag has left stays stored, and waits for nobody.
    const candidates = status.candidates.filter(({ firstSeen }) => firstSeen > since);
    return candidates.length === 0 ? [] : [{ ...status, candidates }];
  });
}
