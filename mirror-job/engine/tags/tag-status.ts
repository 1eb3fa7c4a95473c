/** Where tags stand, and which other digests of theirs the bucket has: from a repository's index. */
import type { Digest } from '../../../core/digest.ts';
import type { Tag } from '../../../core/reference.ts';
import type { CandidateEntry, IndexEntry, TagEntry } from '../../../core/repository-index.ts';
import type { TagObject } from '../../../core/tag-object.ts';
import { orderOf, lastArrival } from './tag-policy.ts';

export interface TagStatus {
  readonly tag: Tag;
  /** Undefined for a tag that upstream has and that is not served yet. */
  readonly digest: Digest | undefined;
  /** Why it does not follow upstream; undefined where it does. */
  readonly hold: string | undefined;
  /** The tag's other stored digests. The digest that was first seen last stands first. */
  readonly candidates: readonly Candidate[];
}

export interface Candidate {
  readonly digest: Digest;
  readonly firstSeen: string;
  /**
   * `waits`: upstream has shown the digest later than the one where the tag stands. `left`: the same, but somebody has
   * moved the tag away from it by hand since. `older`: upstream showed it before.
   */
  readonly state: 'waits' | 'left' | 'older';
}

/** The tag itself, or its entry in the index. */
type Stands = Pick<TagObject, 'digest' | 'hold' | 'moved'> | TagEntry;

/**
 * A tag's status, with every stored digest of it.
 * @param stands undefined when there is no tag
 */
export function statusOf(entries: readonly IndexEntry[], tag: Tag, stands: Stands | undefined): TagStatus {
  const places = entries.filter((entry) => entry.kind !== 'pin').filter((entry) => entry.tag === tag);
  const sighting = sightingOf(places, stands);
  return {
    tag,
    digest: stands?.digest,
    hold: stands?.hold,
    candidates: places
      .filter((entry) => entry.kind === 'candidate')
      // The place of a tag that moved by hand may still be listed as one that waits.
      .filter(({ digest }) => digest !== stands?.digest)
      .toSorted((a, b) => orderOf(b).last - orderOf(a).last)
      .map((candidate) => {
        const { digest, firstSeen } = candidate;
        return { digest, firstSeen, state: stateOf(candidate, sighting, stands?.hold !== undefined) };
      }),
  };
}

/** Of all tags of a repository, those that somebody could be waiting for: held ones, and ones with newer digests. */
export function findWaiting(entries: readonly IndexEntry[]): readonly TagStatus[] {
  const tags = new Set(entries.flatMap((entry) => ('tag' in entry ? [entry.tag] : [])));
  return [...tags].toSorted().flatMap((tag) => {
    const stands = entries.find((entry): entry is TagEntry => entry.kind === 'tag' && entry.tag === tag);
    const status = statusOf(entries, tag, stands);
    if (status.hold !== undefined) return [status];
    const waiting = status.candidates.filter(({ state }) => state === 'waits');
    return waiting.length === 0 ? [] : [{ ...status, candidates: waiting }];
  });
}

/**
 * Where the sighting stands in the order of the tag's sightings at which upstream last moved to the digest where the tag
 * stands. If the index has forgotten it, that was at the latest when the tag moved.
 */
function sightingOf(
  places: readonly (TagEntry | CandidateEntry)[],
  stands: Stands | undefined,
): number | undefined {
  if (stands === undefined) return undefined;
  const known = 'firstSeen' in stands ? stands : places.find(({ digest }) => digest === stands.digest);
  if (known !== undefined) return orderOf(known).last;
  return 'moved' in stands ? Date.parse(stands.moved) : undefined;
}

/** @param isHeld whether the tag is held: then the digest that it was taken from is the way forward again */
function stateOf(
  candidate: CandidateEntry,
  sighting: number | undefined,
  isHeld: boolean,
): Candidate['state'] {
  if (sighting !== undefined && orderOf(candidate).last <= sighting) return 'older';
  return candidate.left === lastArrival(candidate) && !isHeld ? 'left' : 'waits';
}
