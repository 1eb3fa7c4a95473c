/**
 * `_tags/<tag>`: an OCI descriptor with the manifest itself in `data`, so that one read answers a pull by tag. It includes
 * when the tag moved and by which run, because an S3 ETag depends on the body alone. A tag that moves A → B → A must not
 * have A's old ETag, or a conditional write would mistake the third state for the first.
 */
import { fromBase64, toBase64 } from './base64.ts';
import {
  ANNOTATION,
  BucketObjectInvalidError,
  decodePlatforms,
  isTime,
  parseObjectAt,
} from './bucket-object.ts';
import { DescriptorInvalidError, parseDescriptor } from './descriptor.ts';
import type { Digest } from './digest.ts';
import { encodeJson } from './json.ts';

export interface TagObject {
  readonly mediaType: string;
  readonly digest: Digest;
  /** The manifest's bytes. They are hashed before they are served, because the store is not trusted. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** When the tag moved to this digest. ISO 8601, UTC. */
  readonly moved: string;
  /** The id of the run that moved the tag. */
  readonly run: string;
  /** Why the tag does not follow upstream; undefined if it follows. */
  readonly hold?: string | undefined;
  /** The stored platforms, sorted; undefined for all. */
  readonly platforms?: readonly string[] | undefined;
}

export function encodeTag(tag: TagObject): Uint8Array<ArrayBuffer> {
  return encodeJson({
    mediaType: tag.mediaType,
    digest: tag.digest,
    size: tag.bytes.length,
    annotations: {
      [ANNOTATION.moved]: tag.moved,
      [ANNOTATION.run]: tag.run,
      ...(tag.hold !== undefined && { [ANNOTATION.hold]: tag.hold }),
      ...(tag.platforms !== undefined && { [ANNOTATION.platforms]: tag.platforms.join(',') }),
    },
    data: toBase64(tag.bytes),
  });
}

/**
 * Checks the length of `data` against `size`, but not its hash, because hashing is asynchronous, and the edge hashes each
 * object once before it caches it.
 * @param key for the error message
 * @throws {BucketObjectInvalidError}
 */
export function decodeTag(key: string, object: Uint8Array): TagObject {
  const json = parseObjectAt(key, object);
  try {
    const { mediaType, digest, size, annotations = {}, data } = parseDescriptor(json, 'it');
    if (data === undefined) throw new BucketObjectInvalidError(key, 'it has no data.');
    const bytes = decodeData(key, data);
    if (bytes.length !== size) throw new BucketObjectInvalidError(key, 'its data is not as long as it says.');
    const moved = annotations[ANNOTATION.moved];
    const run = annotations[ANNOTATION.run];
    if (!isTime(moved) || run === undefined) {
      throw new BucketObjectInvalidError(key, 'it does not say when it moved, and by which run.');
    }
    return {
      mediaType,
      digest,
      bytes,
      moved,
      run,
      hold: annotations[ANNOTATION.hold],
      platforms: decodePlatforms(annotations[ANNOTATION.platforms]),
    };
  } catch (error) {
    if (error instanceof DescriptorInvalidError) {
      throw new BucketObjectInvalidError(key, error.message, error);
    }
    throw error;
  }
}

function decodeData(key: string, data: string): Uint8Array<ArrayBuffer> {
  try {
    return fromBase64(data);
  } catch (error) {
    throw new BucketObjectInvalidError(key, 'its data is not base64.', error);
  }
}
