/** The status of tags, from a repository's index: the digest of each, and the other digests of it that are stored. */
import type { Digest } from '../../../core/digest.ts';
import { isHeld } from '../../../core/held.ts';
import type { Tag } from '../../../core/reference.ts';
import type { CandidateEntry, IndexEntry, TagEntry } from '../../../core/repository-index.ts';
import type { TagObject } from '../../../core/tag-object.ts';
import { orderOf, lastArrival } from './tag-policy.ts';

export interface TagStatus {
  readonly tag: Tag;
  /** Undefined for a tag of upstream that is not served yet. */
  readonly digest: Digest | undefined;
  /** Why the tag does not follow upstream; undefined if it follows. */
  readonly hold: string | undefined;
  /** The tag's other stored digests, the last one to arrive first. */
  readonly candidates: readonly Candidate[];
}

export interface Candidate {
  readonly digest: Digest;
  readonly firstSeen: string;
  /**
   * `waits`: upstream has shown the digest later than the tag's current one. `left`: the same, but somebody has moved the
   * tag away from it by hand since. `older`: upstream showed it before.
   */
  readonly state: 'waits' | 'left' | 'older';
}

/** The tag itself, or its entry in the index. */
type CurrentTag = Pick<TagObject, 'digest' | 'hold' | 'moved'> | TagEntry;

/**
 * The status of one tag, with every stored digest of it.
 * @param current undefined if there is no tag
 */
export function statusOf(
  entries: readonly IndexEntry[],
  tag: Tag,
  current: CurrentTag | undefined,
): TagStatus {
  const observed = entries.filter((entry) => entry.kind !== 'pin').filter((entry) => entry.tag === tag);
  const order = lastOrderOf(observed, current);
  return {
    tag,
    digest: current?.digest,
    hold: current?.hold,
    candidates: observed
      .filter((entry) => entry.kind === 'candidate')
      // The index may still list the digest of a tag that was moved by hand as a candidate.
      .filter(({ digest }) => digest !== current?.digest)
      .toSorted((a, b) => orderOf(b).last - orderOf(a).last)
      .map((candidate) => {
        const { digest, firstSeen } = candidate;
        return { digest, firstSeen, state: stateOf(candidate, order, current?.hold !== undefined) };
      }),
  };
}

/** Finds the tags of a repository that do not follow upstream, or not yet: tags that are held, and tags with newer digests. */
export function findWaiting(entries: readonly IndexEntry[]): readonly TagStatus[] {
  const observed = entries.filter((entry) => entry.kind !== 'pin');
  const byTag = Map.groupBy(observed, (entry) => entry.tag);
  return [...byTag.keys()].toSorted().flatMap((tag) => {
    const group = byTag.get(tag) ?? [];
    const current = group.find((entry) => entry.kind === 'tag');
    const status = statusOf(group, tag, current);
    if (!isHeld({ hold: status.hold, upstream: waitingUpstream(status) })) return [];
    if (status.hold !== undefined) return [status];
    return [{ ...status, candidates: status.candidates.filter(({ state }) => state === 'waits') }];
  });
}

/** @returns upstream's digest that waits; undefined if none does */
export function waitingUpstream({ candidates }: TagStatus): Candidate | undefined {
  return candidates.find(({ state }) => state === 'waits');
}

/**
 * The number of the sighting at which upstream last moved to the tag's current digest. If the index has forgotten it, that
 * was at the latest when our tag moved.
 */
function lastOrderOf(
  observed: readonly (TagEntry | CandidateEntry)[],
  current: CurrentTag | undefined,
): number | undefined {
  if (current === undefined) return undefined;
  const entry = 'firstSeen' in current ? current : observed.find(({ digest }) => digest === current.digest);
  if (entry !== undefined) return orderOf(entry).last;
  return 'moved' in current ? Date.parse(current.moved) : undefined;
}

/** @param hasHold whether somebody holds the tag: then the digest that it left is where it goes once it is approved */
function stateOf(candidate: CandidateEntry, order: number | undefined, hasHold: boolean): Candidate['state'] {
  if (order !== undefined && orderOf(candidate).last <= order) return 'older';
  return candidate.left === lastArrival(candidate) && !hasHold ? 'left' : 'waits';
}
