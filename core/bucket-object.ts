/** The parts that all objects of the bucket share: one error, and annotations for values that OCI has no field for. */
import { TooManyValuesError, isObject, parseJson, type JsonObject } from './json.ts';
import { maxValuesOf } from './object-size.ts';

/** OCI's own annotation for a tag in an index. */
export const REF_NAME = 'org.opencontainers.image.ref.name';

export const ANNOTATION = {
  /** On a tag: when it moved to its digest. ISO 8601, UTC. */
  moved: 'dev.lifeboat.moved',
  /** On a tag: the id of the run that moved it. */
  run: 'dev.lifeboat.run',
  /** On a tag, and on its entry in the repository's index: why it does not follow upstream. */
  hold: 'dev.lifeboat.hold',
  /** On a tag, and on its entry in the repository's index: the stored platforms, if not all. Comma-separated, sorted. */
  platforms: 'dev.lifeboat.platforms',
  /** On an entry of the repository's index: `tag`, `pin` or `candidate`. */
  kind: 'dev.lifeboat.kind',
  /** On a candidate: the upstream tag that pointed to it. */
  tag: 'dev.lifeboat.tag',
  /** On an entry of the repository's index: when this digest was first seen upstream. ISO 8601, UTC. */
  firstSeen: 'dev.lifeboat.first-seen',
  /** On an entry of the repository's index: when the upstream tag came back to this digest from another. ISO 8601, UTC. */
  returned: 'dev.lifeboat.returned',
  /**
   * On an entry of the repository's index: the positions of its first and its last sighting in the order of all sightings
   * of the tag, as two numbers with a comma between them, or one if they are the same.
   */
  sightings: 'dev.lifeboat.sightings',
  /** On a candidate: the time of the sighting from which a person moved the tag away. ISO 8601, UTC. */
  left: 'dev.lifeboat.left',
  /** On a tag's entry: the time since which upstream lacks the tag. ISO 8601, UTC. */
  gone: 'dev.lifeboat.gone',
  /** On an entry of the repository's index: when upstream was last asked for its referrers. ISO 8601, UTC. */
  referrersChecked: 'dev.lifeboat.referrers-checked',
  /** On the repository's index itself: `every` if the repository's `_tags.json` has every tag. */
  tagList: 'dev.lifeboat.tag-list',
  /**
   * On the repository's index itself: the names of the configurations whose description of the repository has all that the
   * index has. Comma-separated, sorted.
   */
  described: 'dev.lifeboat.described',
  /** On the repository's index itself: `pins` if it was lost and made anew from the tags, so that it may lack pins. */
  mayLack: 'dev.lifeboat.may-lack',
} as const;

/** An empty text means no platform. A plain split would return one platform without a name. */
export function decodePlatforms(annotation: string | undefined): readonly string[] | undefined {
  return annotation?.split(',').filter((platform) => platform !== '');
}

/**
 * Whether a value is a time as `Date.toISOString` writes it. Other forms are refused, because times are compared as text,
 * and become parts of headers.
 */
export function isTime(value: unknown): value is string {
  if (typeof value !== 'string' || value.length !== '2026-01-31T23:59:59.123Z'.length) return false;
  const time = Date.parse(value);
  return !Number.isNaN(time) && new Date(time).toISOString() === value;
}

/** An object of the bucket has other content than its key promises. */
export class BucketObjectInvalidError extends Error {
  override readonly name = 'BucketObjectInvalidError';
  readonly key: string;
  /** A sentence, for a message that names another place than the key. */
  readonly reason: string;

  constructor(key: string, reason: string, cause?: unknown) {
    super(
      `The bucket's object ${key} cannot be used: ${reason}`,
      cause === undefined ? undefined : { cause },
    );
    this.key = key;
    this.reason = reason;
  }
}

/** @throws {BucketObjectInvalidError} */
export function parseObjectAt(key: string, bytes: Uint8Array): JsonObject {
  let json: unknown;
  try {
    json = parseJson(bytes, maxValuesOf(key));
  } catch (error) {
    if (error instanceof TooManyValuesError) {
      throw new BucketObjectInvalidError(key, `it has ${error.message}, the most of its kind.`, error);
    }
    throw new BucketObjectInvalidError(key, 'it is not JSON.', error);
  }
  if (!isObject(json)) throw new BucketObjectInvalidError(key, 'it is not a JSON object.');
  return json;
}
