/** Judges one image: would it still be pulled if its upstream were gone, and would the same bytes run? */
import type { Digest } from '../../core/digest.ts';
import type {
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
} as const;

export type Outcome = keyof typeof OUTCOMES;

export interface Verdict {
  readonly outcome: Outcome;
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
type Judged = Pick<Verdict, 'outcome' | 'says'>;

/**
 * An image counts as pulled only if the bucket has it and the edge, if it was asked, gives it.
 * @param edge undefined if the edge was not asked
 * @param isByDigestOnly whether clients, or the edge, know no tags, so that a name with a tag leads nowhere
 */
export function judgeImage(
  image: DrilledImage,
  bucket: BucketFacts,
  edge: EdgeFacts | undefined,
  { isByDigestOnly }: { readonly isByDigestOnly: boolean },
): Verdict {
  const isLostTag = bucket.by === 'tag' && isByDigestOnly;
  const judged =
    bucket.by === 'digest'
      ? judgeDigest(image, bucket.manifest)
      : isLostTag
        ? lostTag(image, bucket)
        : judgeTag(image, bucket);
  // An edge that gives a tag contradicts nothing where tags are not asked for.
  return edge === undefined || (isLostTag && edge.answer === 'pulled')
    ? { ...judged, disagreement: undefined }
    : withEdge(image, judged, servedDigest(bucket), edge);
}

function judgeDigest(
  { digest }: DrilledImage,
  manifest: ManifestFacts | 'absent' | Damaged | Failed,
): Judged {
  if (manifest === 'absent') return { outcome: 'missing', says: [`the bucket has no manifest ${digest}`] };
  if ('failed' in manifest) return { outcome: 'unknown', says: [manifest.failed] };
  if ('damaged' in manifest) return { outcome: 'missing', says: [manifest.damaged] };
  return judgePlatforms(manifest) ?? { outcome: 'served', says: notesOn(manifest) };
}

function lostTag(image: DrilledImage, bucket: BucketFacts & { readonly by: 'tag' }): Judged {
  return {
    outcome: 'missing',
    says: ['a tag cannot be pulled where digests alone are asked for', ...runningNote(image, bucket)],
  };
}

function judgeTag(image: DrilledImage, bucket: BucketFacts & { readonly by: 'tag' }): Judged {
  const { tag, upstream } = bucket;
  if (tag === 'absent') {
    const says = [`the bucket has no tag ${image.reference.tag}`, ...runningNote(image, bucket)];
    return { outcome: 'missing', says };
  }
  if ('failed' in tag) return { outcome: 'unknown', says: [tag.failed] };
  if ('damaged' in tag) return { outcome: 'missing', says: [tag.damaged, ...runningNote(image, bucket)] };
  if (!tag.hasManifest) {
    const says = [`the bucket has the tag, and not the manifest ${tag.digest} that it names`];
    return { outcome: 'missing', says };
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
  return says.length === 0 ? undefined : { outcome: 'platform-missing', says };
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
    const outcome = isLost(judged.outcome) ? judged.outcome : 'unknown';
    return { outcome, says: [...judged.says, `the edge ${edge.says}`], disagreement: undefined };
  }
  if (edge.answer === 'refused') {
    const says = [...judged.says, `the edge ${edge.says}`];
    if (!isPulled(judged.outcome)) {
      const outcome = judged.outcome === 'unknown' ? 'missing' : judged.outcome;
      return { outcome, says, disagreement: undefined };
    }
    return { outcome: 'missing', says, disagreement: `the bucket has it, and the edge ${edge.says}` };
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
