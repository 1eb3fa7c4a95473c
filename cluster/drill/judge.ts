/** Judges one image: would it still be pulled if its upstream were gone, and would the same bytes run? */
import type { Digest } from '../../core/digest.ts';
import type { DrillOutcome } from '../../core/last-drill.ts';
import type {
  Absence,
  BucketFacts,
  Damaged,
  DrilledImage,
  EdgeFacts,
  Failed,
  ManifestFacts,
  TagFacts,
  UpstreamFacts,
} from './observation.ts';

/** Every outcome, the best first, with its words for people. */
export const OUTCOMES = {
  served: 'served',
  'other-digest': 'served, but another digest than runs',
  'platform-missing': 'a platform of the nodes is missing',
  missing: 'missing',
  unknown: 'not known',
} as const satisfies Readonly<Record<DrillOutcome, string>>;

export type Outcome = DrillOutcome;

/**
 * Every reason for which an image is lost, with its words for people. `denied`: the edge does not let the drill read it.
 */
export const LOSS_REASONS = {
  'digests-only': 'tags are not asked for',
  platform: 'a platform is missing',
  damaged: 'damaged in the bucket',
  private: 'private: upstream does not show it to everybody, and everybody may read the bucket',
  failed: 'the last run failed to mirror it',
  skipped: 'the last run left it for the next',
  'not-selected': 'no entry of lifeboat.yaml selects it',
  denied: 'the edge does not let the drill read it',
  edge: 'the edge does not give it',
  'not-known': 'not in the bucket, and it is not known why',
} as const;

export type LossReason = keyof typeof LOSS_REASONS;

export interface Verdict {
  readonly outcome: Outcome;
  /** Why it is lost; undefined if it is not. */
  readonly reason?: LossReason | undefined;
  /** The outcome before the edge is taken into account; left out if the edge was not asked. */
  readonly byBucket?: Outcome;
  /** The reason, as clauses without a full stop. Empty for an image of which there is nothing to say. */
  readonly says: readonly string[];
  /** A contradiction between the bucket and the edge: a clause. Undefined if there is none, or if the edge was not asked. */
  readonly disagreement: string | undefined;
}

/** Whether an image with this outcome would be pulled. */
export function isPulled(outcome: Outcome): boolean {
  return outcome === 'served' || outcome === 'other-digest';
}

/** Whether an image with this outcome would certainly not be pulled. */
export function isLost(outcome: Outcome): boolean {
  return outcome === 'missing' || outcome === 'platform-missing';
}

/** A result before the edge is taken into account. */
type Judged = Pick<Verdict, 'outcome' | 'reason' | 'says'>;

export interface JudgeOptions {
  /** Whether clients, or the edge, know no tags, so that a name with a tag leads nowhere. */
  readonly isByDigestOnly: boolean;
  /** Why the bucket lacks the image; it counts only if the bucket does. */
  readonly absence?: Absence | undefined;
}

/**
 * An image counts as pulled only if the bucket has it and the edge, if it was asked, gives it.
 * @param edge undefined if the edge was not asked
 */
export function judgeImage(
  image: DrilledImage,
  bucket: BucketFacts,
  edge: EdgeFacts | undefined,
  { isByDigestOnly, absence }: JudgeOptions,
): Verdict {
  const isLostTag = bucket.by === 'tag' && isByDigestOnly;
  const judged =
    bucket.by === 'digest'
      ? judgeDigest(image, bucket.manifest, absence)
      : isLostTag
        ? lostTag(image, bucket)
        : judgeTag(image, bucket, absence);
  // An edge that gives a tag contradicts nothing where tags are not asked for.
  if (edge === undefined) return { ...judged, disagreement: undefined };
  const verdict =
    isLostTag && edge.answer === 'pulled'
      ? { ...judged, disagreement: undefined }
      : withEdge(image, judged, servedDigest(bucket), edge);
  return { ...verdict, byBucket: judged.outcome };
}

function judgeDigest(
  { digest }: DrilledImage,
  manifest: ManifestFacts | 'absent' | Damaged | Failed,
  absence: Absence | undefined,
): Judged {
  if (manifest === 'absent') return absent([`the bucket has no manifest ${digest}`], absence);
  if ('failed' in manifest) return { outcome: 'unknown', says: [manifest.failed] };
  if ('damaged' in manifest) return { outcome: 'missing', reason: 'damaged', says: [manifest.damaged] };
  return judgePlatforms(manifest) ?? { outcome: 'served', says: notesOn(manifest) };
}

function absent(says: readonly string[], absence: Absence | undefined): Judged {
  const reason = absence?.reason ?? 'not-known';
  return { outcome: 'missing', reason, says: [...says, ...(absence === undefined ? [] : [absence.says])] };
}

function lostTag(image: DrilledImage, bucket: BucketFacts & { readonly by: 'tag' }): Judged {
  return {
    outcome: 'missing',
    reason: 'digests-only',
    says: ['a tag cannot be pulled where digests alone are asked for', ...runningNote(image, bucket)],
  };
}

function judgeTag(
  image: DrilledImage,
  bucket: BucketFacts & { readonly by: 'tag' },
  absence: Absence | undefined,
): Judged {
  const { tag, upstream } = bucket;
  if (tag === 'absent') {
    return absent([`the bucket has no tag ${image.reference.tag}`, ...runningNote(image, bucket)], absence);
  }
  if ('failed' in tag) return { outcome: 'unknown', says: [tag.failed] };
  if ('damaged' in tag) {
    return { outcome: 'missing', reason: 'damaged', says: [tag.damaged, ...runningNote(image, bucket)] };
  }
  if (!tag.hasManifest) {
    const says = [`the bucket has the tag, and not the manifest ${tag.digest} that it names`];
    return { outcome: 'missing', reason: 'damaged', says };
  }
  const worse = judgePlatforms(tag);
  if (worse !== undefined) {
    return { ...worse, says: [...worse.says, ...choiceNote(tag), ...runningNote(image, bucket)] };
  }
  const { digest } = image;
  if (digest === undefined || digest === tag.digest) return { outcome: 'served', says: notesOn(tag) };
  const says = [
    `the tag gives ${tag.digest}, ${ageOf(upstream)}and ${digest} runs`,
    ...runningNote(image, bucket),
    ...notesOn(tag),
  ];
  return { outcome: 'other-digest', says };
}

/** @returns undefined if nothing is missing, or only what the nodes may not need */
function judgePlatforms({ missing, unlisted, arePlatformsKnown, digest }: ManifestFacts): Judged | undefined {
  if (!arePlatformsKnown) return undefined;
  const says = [
    ...(missing.length > 0 ? [`the bucket lacks the manifest of ${digest} for ${missing.join(', ')}`] : []),
    ...(unlisted.length > 0 ? [`the index ${digest} names no manifest for ${unlisted.join(', ')}`] : []),
  ];
  return says.length === 0 ? undefined : { outcome: 'platform-missing', reason: 'platform', says };
}

function notesOn({ missing, arePlatformsKnown }: ManifestFacts): string[] {
  if (arePlatformsKnown || missing.length === 0) return [];
  return [
    `the platforms of the nodes are not known, and the bucket lacks the manifests for ${missing.join(', ')}`,
  ];
}

function choiceNote({ mirrored }: TagFacts): string[] {
  if (mirrored === undefined || mirrored.length === 0) return [];
  return [`"platforms" in lifeboat.yaml chooses ${mirrored.join(', ')}`];
}

function ageOf(upstream: UpstreamFacts | 'absent' | Failed): string {
  if (upstream === 'absent' || 'failed' in upstream || upstream.running === undefined) return '';
  // The digest that runs is older, so the served one is the newer one.
  return `which is ${upstream.running === 'older' ? 'newer' : 'older'} than what runs, `;
}

function runningNote({ digest }: DrilledImage, { running }: BucketFacts & { readonly by: 'tag' }): string[] {
  if (digest === undefined || running === undefined) return [];
  if (running === 'stored') return [`what runs, ${digest}, is in the bucket and can be pulled by its digest`];
  if (running === 'absent') return [`what runs, ${digest}, is not in the bucket`];
  return [`whether the bucket has what runs, ${digest}, is not known: ${running.failed}`];
}

/** The digest by which a client would get the image; undefined if the bucket does not say it. */
function servedDigest(bucket: BucketFacts): Digest | undefined {
  const facts = bucket.by === 'tag' ? bucket.tag : bucket.manifest;
  return facts !== 'absent' && 'digest' in facts ? facts.digest : undefined;
}

function withEdge(
  { digest, reference }: DrilledImage,
  judged: Judged,
  served: Digest | undefined,
  edge: EdgeFacts,
): Verdict {
  if (edge.answer === 'failed') {
    // An image that the bucket lacks is lost, whatever the edge would have said.
    const { outcome, reason } = isLost(judged.outcome) ? judged : { outcome: 'unknown' as const };
    return { outcome, reason, says: [...judged.says, `the edge ${edge.says}`], disagreement: undefined };
  }
  if (edge.answer === 'refused') {
    const says = [...judged.says, `the edge ${edge.says}`];
    if (isLost(judged.outcome)) return { ...judged, says, disagreement: undefined };
    const lost = { outcome: 'missing', reason: edge.isDenied ? 'denied' : 'edge', says } as const;
    if (judged.outcome === 'unknown') return { ...lost, disagreement: undefined };
    return { ...lost, disagreement: `the bucket has it, and the edge ${edge.says}` };
  }
  if (isLost(judged.outcome)) {
    return { ...judged, disagreement: 'the edge gives it, and the bucket would not' };
  }
  if (served === undefined || edge.digest === served) return { ...judged, disagreement: undefined };
  const isOther = reference.digest === undefined && digest !== undefined && digest !== edge.digest;
  return {
    outcome: judged.outcome === 'unknown' ? 'unknown' : isOther ? 'other-digest' : 'served',
    says: judged.says,
    disagreement: `the bucket's tag gives ${served}, and the edge gives ${edge.digest}`,
  };
}
