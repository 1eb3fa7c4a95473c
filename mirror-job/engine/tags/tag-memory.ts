/**
 * The index's memory of one tag.
 *
 * An **observed digest** is a digest that upstream has shown under the tag, and since when. The **prior tag** is our tag
 * as the bucket had it before upstream was asked. The **current target** is the digest that our tag points at, with the
 * hold on it. A **candidate** is an observed digest that our tag does not point at. The **record** of a digest says
 * for which platforms it is stored.
 */
import type { Digest } from '../../../core/digest.ts';
import type { Tag } from '../../../core/reference.ts';
import type { CandidateEntry, TagEntry } from '../../../core/repository-index.ts';
import type { TagObject } from '../../../core/tag-object.ts';
import { findSurplus, type CurrentTarget, type ObservedDigest } from './tag-policy.ts';

/** Our tag before upstream was asked: its entry in the index or, if the index has none, the tag itself. */
export type PriorTag = TagEntry | TagObject;

/** The entries that an index has of tags. */
export interface TagMemory {
  readonly tag: (tag: Tag) => TagEntry | undefined;
  /** In no order. */
  readonly candidates: (tag: Tag) => readonly CandidateEntry[];
}

/** A tag may be missing in the index because a run died while moving it. Its observed digests are still there. */
export function currentTargetOf(state: TagMemory, tag: Tag, prior: PriorTag): CurrentTarget {
  const { digest, hold } = prior;
  if ('firstSeen' in prior) return prior;
  const entry = state.tag(tag);
  const observed = entry?.digest === digest ? entry : findCandidate(state, tag, digest);
  // Without an index, all that is known is that upstream had shown the digest when the tag moved.
  const { firstSeen = prior.moved, returned, sightings } = observed ?? {};
  return { digest, hold, firstSeen, returned, sightings };
}

export function findCandidate(state: TagMemory, tag: Tag, digest: Digest): CandidateEntry | undefined {
  return state.candidates(tag).find((candidate) => candidate.digest === digest);
}

/** The current target as a candidate, for when the tag is about to leave it: upstream may go back there. */
export function toCandidate(
  tag: Tag,
  prior: PriorTag,
  { digest, firstSeen, returned, sightings }: CurrentTarget,
): CandidateEntry {
  return {
    kind: 'candidate',
    tag,
    mediaType: prior.mediaType,
    digest,
    size: 'bytes' in prior ? prior.bytes.length : prior.size,
    firstSeen,
    returned,
    sightings,
    referrersChecked: 'bytes' in prior ? undefined : prior.referrersChecked,
    platforms: prior.platforms,
  };
}

/** The entry of a tag that the index does not have, or has otherwise. */
export function toTagEntry(tag: Tag, prior: PriorTag, current: CurrentTarget): TagEntry {
  return { ...toCandidate(tag, prior, current), kind: 'tag', hold: prior.hold };
}

/** Bounds how many candidates of a tag are remembered. */
export function forgetSurplus(
  state: TagMemory & { readonly forget: (candidate: CandidateEntry) => void },
  tag: Tag,
  current: ObservedDigest,
): void {
  const dropped = new Set(findSurplus(current, state.candidates(tag)).map(({ digest }) => digest));
  for (const candidate of state.candidates(tag)) if (dropped.has(candidate.digest)) state.forget(candidate);
}
