/**
 * `state/_clusters/<cluster>.json`: the images that a cluster runs, or has run. `inUse` mirrors them, and the list is
 * the answer to "what do we need".
 */
import { BucketObjectInvalidError, isTime, parseObjectAt } from './bucket-object.ts';
import { isDigest, type Digest } from './digest.ts';
import { encodeJson, isObject } from './json.ts';
import { formatReference, NameInvalidError, parseReference } from './reference.ts';

const VERSION = 1;
/** The most images of a list. It bounds what whoever may write the list can make a run do. */
export const MAX_IN_USE_IMAGES = 50_000;
/** The most uses that an image lists. `useCount` counts all of them. */
export const MAX_USES = 20;
/** The most unread places of a list, and the most characters of each. */
const MAX_UNREAD = 20;
const MAX_UNREAD_LENGTH = 300;

/** One use of an image: by a Kubernetes object, or in a file. */
export interface ImageUse {
  /** Of a Kubernetes object; left out for a file, and for an object without one. */
  readonly namespace?: string;
  /** `Deployment`, `Pod`, `Node`; of a file its format: `Dockerfile`, `compose`. */
  readonly kind: string;
  /** Of the object; of a file its path. */
  readonly name: string;
  /** Of the container, the service or the build stage. */
  readonly container?: string;
  /** `spec`: it is asked for. `running`: it runs now. `text`: a text names it, so it may be another thing. */
  readonly how: 'spec' | 'running' | 'text';
}

/** An image that was seen. */
export interface SeenImage {
  /**
   * With a tag, a digest, or both, as `formatReference` writes it. If it has a digest, that is what nodes pull, and the tag is a name
   * for people.
   */
  readonly reference: string;
  /** The digest that runs under the tag, or the digest of the reference. */
  readonly digest?: Digest;
  /** Of the nodes that run it, sorted: `linux/arm64`. Left out if they are not known. */
  readonly platforms?: readonly string[];
  /** The first of its uses, at most 20, sorted. */
  readonly uses: readonly ImageUse[];
  /** How many uses it has. */
  readonly useCount: number;
}

export interface InUseImage extends SeenImage {
  /** ISO 8601, UTC. */
  readonly firstSeen: string;
  readonly lastSeen: string;
}

export interface InUseList {
  readonly cluster: string;
  /** When somebody looked last. ISO 8601, UTC. */
  readonly observed: string;
  /**
   * The places that could not be read then, at most 20: `/apis/apps/v1/deployments`, `pods.json: items[3]`. Left out if there is
   * none. If there is one, the cluster may use images that the list lacks.
   */
  readonly unread?: readonly string[];
  /** Sorted by reference and digest. */
  readonly images: readonly InUseImage[];
}

/** A look at a cluster. */
export interface Sighting {
  readonly cluster: string;
  readonly seen: readonly SeenImage[];
  /** The places that could not be read. */
  readonly unread?: readonly string[];
  readonly at: Date;
}

/** A list would have more images than a list may have. */
export class TooManyImagesError extends Error {
  override readonly name = 'TooManyImagesError';
}

/**
 * Adds what was seen to a list. An image that was not seen stays until it was unused for `keepMs`.
 * @param earlier undefined for a cluster that has no list
 * @throws {TooManyImagesError}
 */
export function mergeInUse(
  earlier: InUseList | undefined,
  { cluster, seen, unread = [], at }: Sighting,
  keepMs: number,
): InUseList {
  const observed = at.toISOString();
  // A clock that was ahead when the list was written must not keep images for longer.
  const images = new Map(
    (earlier?.images ?? []).map((image): [string, InUseImage] => [keyOf(image), notAfter(observed, image)]),
  );
  for (const image of seen) {
    const firstSeen = images.get(keyOf(image))?.firstSeen ?? observed;
    images.set(keyOf(image), { ...image, firstSeen, lastSeen: observed });
  }
  const kept = usedWithin({ observed, images: [...images.values()] }, keepMs);
  if (kept.length > MAX_IN_USE_IMAGES) {
    throw new TooManyImagesError(
      `the list of ${cluster} would have ${kept.length} images, and ${MAX_IN_USE_IMAGES} is the most.`,
    );
  }
  return {
    cluster,
    observed,
    ...(unread.length > 0 && { unread: shortened(unread) }),
    images: kept.toSorted(byKey),
  };
}

/** Unread places as a list has them: the first ones, and the beginning of each. */
export function shortened(unread: readonly string[]): readonly string[] {
  return unread.slice(0, MAX_UNREAD).map((place) => place.slice(0, MAX_UNREAD_LENGTH));
}

/**
 * Returns the images that were seen within `keepMs` before the list was made. So a list that nobody has made anew for long
 * loses nothing.
 */
export function usedWithin(
  { observed, images }: Pick<InUseList, 'observed' | 'images'>,
  keepMs: number,
): readonly InUseImage[] {
  const since = Date.parse(observed) - keepMs;
  return images.filter(({ lastSeen }) => Date.parse(lastSeen) >= since);
}

/** Whether nothing but texts names an image, so that it may be another thing. */
export function isNamedByTextAlone({ uses }: Pick<SeenImage, 'uses'>): boolean {
  return uses.length > 0 && uses.every(({ how }) => how === 'text');
}

export function encodeInUse({ cluster, observed, unread, images }: InUseList): Uint8Array<ArrayBuffer> {
  return encodeJson({
    version: VERSION,
    cluster,
    observed,
    ...(unread !== undefined && { unread }),
    images,
  });
}

/** @throws {BucketObjectInvalidError} */
export function decodeInUse(key: string, bytes: Uint8Array): InUseList {
  const { version, cluster, observed, unread = [], images } = parseObjectAt(key, bytes);
  if (typeof version !== 'number') throw new BucketObjectInvalidError(key, 'it has no version.');
  if (version !== VERSION) {
    throw new BucketObjectInvalidError(key, 'its version is not that of this release. Use a newer release.');
  }
  if (typeof cluster !== 'string') throw new BucketObjectInvalidError(key, 'it names no cluster.');
  if (!isTime(observed)) throw new BucketObjectInvalidError(key, '"observed" is not a time.');
  if (!isTexts(unread)) throw new BucketObjectInvalidError(key, '"unread" is not a list of texts.');
  if (!Array.isArray(images)) throw new BucketObjectInvalidError(key, 'it has no list of images.');
  if (images.length > MAX_IN_USE_IMAGES) {
    throw new BucketObjectInvalidError(key, `it has more than ${MAX_IN_USE_IMAGES} images.`);
  }
  return {
    cluster,
    observed,
    ...(unread.length > 0 && { unread: shortened(unread) }),
    images: images.map((value: unknown, index) => decodeImage(key, value, index, observed)),
  };
}

function decodeImage(key: string, value: unknown, index: number, observed: string): InUseImage {
  const refuse = (what: string): BucketObjectInvalidError =>
    new BucketObjectInvalidError(key, `images[${index}]: ${what}`);
  if (!isObject(value)) throw refuse('it is not an object.');
  const { reference, digest, platforms, uses, useCount, firstSeen, lastSeen } = value;
  if (typeof reference !== 'string' || !isNormalised(reference)) {
    throw refuse('"reference" is not a name with a tag or a digest.');
  }
  if (digest !== undefined && !(typeof digest === 'string' && isDigest(digest))) {
    throw refuse('"digest" is not a digest.');
  }
  if (platforms !== undefined && !isTexts(platforms)) throw refuse('"platforms" is not a list of texts.');
  if (!isTime(firstSeen) || !isTime(lastSeen)) throw refuse('"firstSeen" or "lastSeen" is not a time.');
  // Otherwise an image would count as in use for ever.
  if (firstSeen > lastSeen || lastSeen > observed)
    throw refuse('"lastSeen" is before "firstSeen", or after "observed".');
  if (!Array.isArray(uses)) throw refuse('"uses" is not a list.');
  return {
    reference,
    ...(digest !== undefined && { digest }),
    ...(platforms !== undefined && { platforms }),
    uses: uses.slice(0, MAX_USES).flatMap((use: unknown) => decodeUse(use) ?? []),
    useCount: typeof useCount === 'number' ? useCount : uses.length,
    firstSeen,
    lastSeen,
  };
}

/** A use explains an image to people, so one that is not understood is left out. */
function decodeUse(value: unknown): ImageUse | undefined {
  if (!isObject(value)) return undefined;
  const { namespace, kind, name, container, how } = value;
  if (typeof kind !== 'string' || typeof name !== 'string') return undefined;
  if (how !== 'spec' && how !== 'running' && how !== 'text') return undefined;
  return {
    ...(typeof namespace === 'string' && { namespace }),
    kind,
    name,
    ...(typeof container === 'string' && { container }),
    how,
  };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function isNormalised(text: string): boolean {
  try {
    const reference = parseReference(text);
    const isNamed = reference.tag !== undefined || reference.digest !== undefined;
    return isNamed && formatReference(reference) === text;
  } catch (error) {
    if (error instanceof NameInvalidError) return false;
    throw error;
  }
}

function notAfter(observed: string, image: InUseImage): InUseImage {
  const { firstSeen, lastSeen } = image;
  if (lastSeen <= observed) return image;
  return { ...image, firstSeen: firstSeen < observed ? firstSeen : observed, lastSeen: observed };
}

function keyOf({ reference, digest }: SeenImage): string {
  return `${reference} ${digest ?? ''}`;
}

function byKey(one: SeenImage, other: SeenImage): number {
  return keyOf(one) < keyOf(other) ? -1 : 1;
}
