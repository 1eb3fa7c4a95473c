/** Where tags stand, and which other digests of theirs the bucket has: from a repository's index. */
import type { Digest } from '../../core/digest.ts';
import type { Tag } from '../../core/reference.ts';
import type { CandidateEntry, IndexEntry, TagEntry } from '../../core/repository-index.ts';
import { since } from './tag-policy.ts';

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
 * @param stands what the tag itself says or, where many are looked at, its entry; undefined where there is no tag
 */
export function statusOf(
  entries: readonly IndexEntry[],
  tag: Tag,
  stands: Pick<TagEntry, 'digest' | 'hold'> | undefined,
): TagStatus {
  return describe(tag, stands, findCandidates(entries, tag));
}

/** Of all tags of a repository, those that somebody could be waiting for: held ones, and ones with newer digests. */
export function findWaiting(entries: readonly IndexEntry[]): readonly TagStatus[] {
  const tags = new Set(entries.flatMap((entry) => ('tag' in entry ? [entry.tag] : [])));
  return [...tags].toSorted().flatMap((tag) => {
    const stands = entries.find((entry): entry is TagEntry => entry.kind === 'tag' && entry.tag === tag);
    const candidates = findCandidates(entries, tag);
    if (stands?.hold !== undefined) return [describe(tag, stands, candidates)];
    // What a tag has left stays stored, and waits for nobody.
    const newer = candidates.filter((one) => stands === undefined || since(one) > since(stands));
    return newer.length === 0 ? [] : [describe(tag, stands, newer)];
  });
}

function findCandidates(entries: readonly IndexEntry[], tag: Tag): CandidateEntry[] {
  return entries.filter((entry): entry is CandidateEntry => entry.kind === 'candidate' && entry.tag === tag);
}

function describe(
  tag: Tag,
  stands: Pick<TagEntry, 'digest' | 'hold'> | undefined,
  candidates: readonly CandidateEntry[],
): TagStatus {
  return {
    tag,
    digest: stands?.digest,
    hold: stands?.hold,
    candidates: candidates
      // The place of a tag that moved by hand may still be listed as one that waits.
      .filter(({ digest }) => digest !== stands?.digest)
      .toSorted((a, b) => (since(a) < since(b) ? 1 : -1))
      .map(({ digest, firstSeen }) => ({ digest, firstSeen })),
  };
}
