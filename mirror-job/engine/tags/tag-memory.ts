/**
 * What the index remembers of one tag: the places that upstream has shown, and where ours stands among them.
 *
 * A **place** is a digest that upstream has shown under a tag, and since when. Where ours **stood** is what the bucket said of
 * the tag before upstream was asked; its **standing** is that place, with whatever holds the tag there. A **candidate** is a
 * place that ours does not stand at. What is **recorded** of a place is for which platforms it is stored.
 */
import type { Tag } from '../../../core/reference.ts';
import type { CandidateEntry, TagEntry } from '../../../core/repository-index.ts';
import type { TagObject } from '../../../core/tag-object.ts';
import type { RepositoryState } from './repository-state.ts';
import { findSurplus, type ObservedDigest, type CurrentTarget } from './tag-policy.ts';

/** Where a tag stands, as the index has it or, where that does not know, as the tag itself says. */
export type PriorTag = TagEntry | TagObject;

/** A tag that is not in the index may be so because a run died while it moved: the places are still there. */
export function currentTargetOf(state: RepositoryState, tag: Tag, stood: PriorTag): CurrentTarget {
  const { digest, hold } = stood;
  if ('firstSeen' in stood) return stood;
  const entry = state.tag(tag);
  const known = entry?.digest === digest ? entry : findCandidate(state, tag, digest);
  // Without an index, all that is known is that it was seen by then.
  const { firstSeen = stood.moved, returned, sightings } = known ?? {};
  return { digest, hold, firstSeen, returned, sightings };
}

export function findCandidate(
  state: RepositoryState,
  tag: Tag,
  digest: ObservedDigest['digest'],
): CandidateEntry | undefined {
  return state.candidates(tag).find((candidate) => candidate.digest === digest);
}

/** The place that a tag is about to leave: should upstream go back there, it has to be known. */
export function toCandidate(
  tag: Tag,
  stood: PriorTag,
  { digest, firstSeen, returned, sightings }: CurrentTarget,
): CandidateEntry {
  return {
    kind: 'candidate',
    tag,
    mediaType: stood.mediaType,
    digest,
    size: 'bytes' in stood ? stood.bytes.length : stood.size,
    firstSeen,
    returned,
    sightings,
    referrersChecked: 'bytes' in stood ? undefined : stood.referrersChecked,
    platforms: stood.platforms,
  };
}

/** What the index says of a tag that it did not know, or not like this. */
export function toTagEntry(tag: Tag, stood: PriorTag, ours: CurrentTarget): TagEntry {
  return { ...toCandidate(tag, stood, ours), kind: 'tag', hold: stood.hold };
}

/** Keeps what is remembered of a tag within bounds. @param ours where the tag stands now */
export function forgetSurplus(state: RepositoryState, tag: Tag, ours: ObservedDigest): void {
  const dropped = new Set(findSurplus(ours, state.candidates(tag)).map(({ digest }) => digest));
  for (const candidate of state.candidates(tag)) if (dropped.has(candidate.digest)) state.forget(candidate);
}
