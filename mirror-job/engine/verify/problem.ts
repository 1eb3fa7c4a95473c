/** Something in a bucket that is not as the bucket promises. */
import type { Digest } from '../../../core/digest.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import type { ManifestBytes } from '../graph/read-manifest.ts';
import type { ScrubbedObject } from '../scrub/scrub-object.ts';

export type ProblemKind =
  | 'blob-missing'
  | 'blob-size'
  | 'blob-bytes'
  | 'link-missing'
  | 'link-wrong'
  | 'manifest-missing'
  | 'manifest-size'
  | 'manifest-bytes'
  | 'tag-missing'
  | 'tag-unreadable'
  | 'tag-list-stale'
  | 'index-stale'
  | 'referrers-stale'
  | 'description-stale'
  | 'catalog-stale'
  | 'stray';

export interface Problem {
  readonly kind: ProblemKind;
  /** The object that is wrong, or that is missing. */
  readonly key: string;
  /** A sentence about the object, which names neither store nor image. */
  readonly message: string;
  readonly repository?: Repository;
  readonly tag?: Tag;
  readonly digest?: Digest;
  /** The object to fetch again; left out for objects that are derived, and for strays. */
  readonly object?: ScrubbedObject;
  /** The repositories that a catalogue lacks, or has too many. */
  readonly repositories?: readonly string[];
  /** The bytes of a manifest that is missing or damaged, where a tag has them. */
  readonly atHand?: ManifestBytes;
  /** The images that cannot be pulled because of it, as references, sorted. */
  readonly images: readonly string[];
  /** The images whose signatures, SBOMs or attestations it belongs to. They can be pulled. */
  readonly attachedTo: readonly string[];
}

/** A problem whose images are still being found out. */
export interface FoundProblem extends Omit<Problem, 'images' | 'attachedTo'> {
  readonly images: Set<string>;
  readonly attachedTo: Set<string>;
}

export function foundProblem(problem: Omit<Problem, 'images' | 'attachedTo'>): FoundProblem {
  return { ...problem, images: new Set(), attachedTo: new Set() };
}

export function settled({ images, attachedTo, ...problem }: FoundProblem): Problem {
  const attached = [...attachedTo].filter((image) => !images.has(image));
  return { ...problem, images: [...images].toSorted(), attachedTo: attached.toSorted() };
}
