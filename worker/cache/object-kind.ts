/** The kinds of objects that the edge answers from, each with the checks that an object passes before it is answered. */
import { decodeBlobLink, type BlobLink } from '../../core/blob-link.ts';
import { decodeCatalog } from '../../core/catalog.ts';
import type { Descriptor } from '../../core/descriptor.ts';
import { algorithmOf, digestOf, type Digest } from '../../core/digest.ts';
import { kindOfKey, MUTABILITY, type Mutability } from '../../core/key-kind.ts';
import { ManifestInvalidError, parseManifest } from '../../core/manifest.ts';
import { decodeReferrers } from '../../core/referrers.ts';
import { decodeTagList } from '../../core/tag-list.ts';
import { decodeTag } from '../../core/tag-object.ts';
import { CorruptObjectError } from '../store/corrupt-object-error.ts';
import type { SmallObject } from '../store/small-object.ts';
import { EncodedList } from './encoded-list.ts';

export interface ObjectKind<T> {
  readonly mutability: Mutability;
  /**
   * Makes all checks that are possible.
   * @throws {CorruptObjectError | BucketObjectInvalidError}
   */
  readonly decode: (key: string, object: SmallObject) => T | Promise<T>;
  /** About how many bytes of memory a value takes, without its key. */
  readonly memoryBytes: (value: T) => number;
  /** When the value came into force, ISO 8601: an earlier value never replaces a later one. */
  readonly since?: (value: T) => string;
}

export interface ManifestContent {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface TagContent extends ManifestContent {
  /** When the tag moved to this digest. ISO 8601, UTC. */
  readonly moved: string;
}

export interface ReferrersContent {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly referrers: readonly Descriptor[];
}

export const MANIFEST: ObjectKind<ManifestContent> = {
  mutability: MUTABILITY.manifest,
  async decode(key, { bytes, contentType }) {
    const digest = digestOfKey(key);
    await refuseOtherBytes(key, digest, bytes);
    return { digest, mediaType: mediaTypeOf(key, bytes, contentType), bytes };
  },
  memoryBytes: ({ bytes }) => bytes.length,
};

export const TAG: ObjectKind<TagContent> = {
  mutability: MUTABILITY.tag,
  async decode(key, object) {
    const { digest, bytes, mediaType, moved } = decodeTag(key, object.bytes);
    await refuseOtherBytes(key, digest, bytes);
    return { digest, mediaType: mediaTypeOf(key, bytes, mediaType), bytes, moved };
  },
  memoryBytes: ({ bytes }) => bytes.length,
  since: ({ moved }) => moved,
};

export const BLOB_LINK: ObjectKind<BlobLink> = {
  mutability: MUTABILITY.link,
  decode(key, { bytes }) {
    const link = decodeBlobLink(key, bytes);
    if (link.digest !== digestOfKey(key)) throw new CorruptObjectError(key, 'it is for another blob.');
    return link;
  },
  memoryBytes: () => 0,
};

export const TAG_LIST: ObjectKind<EncodedList> = {
  mutability: MUTABILITY['tag list'],
  decode: (key, { bytes }) => new EncodedList(decodeTagList(key, bytes).toSorted()),
  memoryBytes: (list) => list.bytes,
};

export const REFERRERS: ObjectKind<ReferrersContent> = {
  mutability: MUTABILITY.referrers,
  decode: (key, { bytes }) => ({ bytes, referrers: decodeReferrers(key, bytes) }),
  // The descriptors take about as much as the bytes. So do the lists of one artifact type that answers are made from.
  memoryBytes: ({ bytes }) => 4 * bytes.length,
};

export const CATALOG: ObjectKind<EncodedList> = {
  mutability: MUTABILITY.state,
  decode: (key, { bytes }) => new EncodedList([...new Set(decodeCatalog(key, bytes))].toSorted()),
  memoryBytes: (list) => list.bytes,
};

function digestOfKey(key: string): Digest {
  const kind = kindOfKey(key);
  if (kind === undefined || !('digest' in kind))
    throw new CorruptObjectError(key, 'its key names no digest.');
  return kind.digest;
}

/** The store is not trusted: one wrong body makes containerd fail for good. */
async function refuseOtherBytes(key: string, digest: Digest, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const actual = await digestOf(bytes, algorithmOf(digest));
  if (actual !== digest) {
    throw new CorruptObjectError(key, `it should hold ${digest}, and its bytes hash to ${actual}.`);
  }
}

/**
 * `application/octet-stream` on a manifest breaks containerd and skopeo, so a missing type is read from the bytes. A type
 * that contradicts the bytes is refused: with it, a client would read an image as an empty index, and the digest would match.
 * @param stated the type that the bucket states
 */
function mediaTypeOf(key: string, bytes: Uint8Array, stated: string | undefined): string {
  try {
    return parseManifest(bytes, stated).mediaType;
  } catch (error) {
    if (error instanceof ManifestInvalidError) throw new CorruptObjectError(key, error.message, error);
    throw error;
  }
}
