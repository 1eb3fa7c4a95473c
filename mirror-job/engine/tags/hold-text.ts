/** The report's sentences about tags that do not follow upstream: why, and what moves them. Findings, too. */
import type { Digest } from '../../../core/digest.ts';
import { heldReason } from '../../../core/held.ts';
import { formatReference, type Repository, type Tag } from '../../../core/reference.ts';
import { countOf } from '../support/count-of.ts';
import type { Disappearance } from '../selection/disappearance.ts';
import { MISSED_FOR_MS } from '../selection/disappearance.ts';
import type { Finding, Held } from '../report.ts';
import type { HoldCause, ObservedDigest } from './tag-policy.ts';
import type { MovePolicy } from '../image.ts';

export interface HeldTag {
  readonly repository: Repository;
  readonly tag: Tag;
  /** The digest that our tag points at. */
  readonly digest: Digest;
  readonly upstream: ObservedDigest;
}

/** @param now the time of the decision */
export function heldOutcome(held: HeldTag, cause: HoldCause, policy: MovePolicy, now: Date): Held {
  const { digest, upstream } = held;
  const until = movesFrom(cause, now);
  return {
    result: 'held',
    digest,
    upstream: upstream.digest,
    reason: reasonOf(cause, upstream, policy),
    next: nextOf(cause, approvalOf(held)),
    ...(until !== undefined && { until }),
  };
}

/** @returns undefined if somebody has to move the tag */
function movesFrom(cause: HoldCause, now: Date): string | undefined {
  if (cause.kind === 'young') return cause.until;
  return cause.kind === 'move-limit' ? now.toISOString() : undefined;
}

/** An immutable tag has changed: either somebody has overwritten a release, or the tag is not immutable. */
export function immutableFinding(held: HeldTag): Finding {
  const { repository, tag, digest, upstream } = held;
  const name = formatReference({ repository, tag, digest: undefined });
  return {
    kind: 'immutable-changed',
    repository,
    tag,
    message: `${name} is immutable in this configuration, but upstream now has ${upstream.digest}; the mirror stays at ${digest}. Ask the publisher why the tag changed. ${approvalOf(held)} accepts the new digest; without "immutable" the tag follows upstream.`,
  };
}

/** @param list the beginning of the sentence: how many tags there are */
export function shortFinding(repository: Repository, list: string, minTags: number): Finding {
  return {
    kind: 'list-too-short',
    repository,
    message: `${list}, but minTags is ${minTags}, so none of these tags was looked at. If upstream has really so few now, lower minTags; "lifeboat plan --all" shows what becomes of each tag.`,
  };
}

/** @param from whether the tags are selected from upstream's list, or by their names */
export function massFinding(
  repository: Repository,
  source: string,
  { gone, of }: Disappearance,
  from: 'list' | 'names',
): Finding {
  const lost =
    from === 'list'
      ? `lists ${gone} of the ${countOf(of, 'tag')} that are mirrored from its list; the tags that it still lists were not looked at`
      : `has ${gone} of the ${countOf(of, 'tag')} that are mirrored by name; the mirror keeps them`;
  return {
    kind: 'mass-disappearance',
    repository,
    message: `${source} no longer ${lost}. If upstream has really deleted them, nothing has to be done: ${formatAge(MISSED_FOR_MS)} after they disappeared, they count as deleted. If a tag is needed sooner, list it by its name.`,
  };
}

/** @param excess the bound that the referrers exceed */
export function referrersFinding(
  repository: Repository,
  source: string,
  image: Digest,
  excess: string,
): Finding {
  return {
    kind: 'too-many-referrers',
    repository,
    message: `${source} lists too many referrers (signatures, SBOMs and the like) of ${image}: ${excess}. The image is mirrored with those within the bound, and without the others. Ask the publisher what they are; with "referrers: false" the image is mirrored without any.`,
  };
}

function approvalOf({ repository, tag, upstream: { digest } }: HeldTag): string {
  return `"lifeboat approve ${formatReference({ repository, tag, digest })}"`;
}

function reasonOf(cause: HoldCause, upstream: ObservedDigest, policy: MovePolicy): string {
  switch (cause.kind) {
    case 'held':
      return heldReason(cause.why);
    case 'policy':
      return 'moves.policy is hold.';
    case 'immutable':
      return 'It is immutable, and upstream has changed it.';
    case 'rollback':
      return `Upstream went back to a digest that it showed before the mirror's, first seen ${upstream.firstSeen}.`;
    case 'young':
      return `minAge is ${formatAge(policy.minAgeMs)}, and upstream's digest was first seen ${upstream.firstSeen}.`;
    case 'move-limit':
      return `maxMovesPerRun is ${cause.maxMoves}, and that many tags of this image have moved in this run.`;
  }
}

function nextOf(cause: HoldCause, approval: string): string {
  switch (cause.kind) {
    case 'young':
      return `It moves by itself from ${cause.until} on; ${approval} moves it now.`;
    case 'move-limit':
      return `The next run goes on with it; ${approval} moves it now.`;
    default:
      return `${approval} moves it.`;
  }
}

/** An age as the configuration writes it: `3d`, `36h`. */
function formatAge(ageMs: number): string {
  const [unitMs, unit] = UNITS.find(([sizeMs]) => ageMs % sizeMs === 0) ?? [1, 'ms'];
  return `${ageMs / unitMs}${unit}`;
}

const UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
  [1000, 's'],
] as const;
