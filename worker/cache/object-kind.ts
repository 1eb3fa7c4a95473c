/** The kinds of objects that are answered from, each with how it is checked before anybody sees it. */
import { decodeBlobLink, type BlobLink } from '../../core/blob-link.ts';
import { decodeCatalog } from '../../core/catalog.ts';
import type { Descriptor } from '../../core/descriptor.ts';
import { algorithmOf, digestOf, isDigest, type Digest } from '../../core/digest.ts';
import { ManifestInvalidError, parseManifest } from '../../core/manifest.ts';
import { decodeReferrers } from '../../core/referrers.ts';
import { decodeTagList } from '../../core/tag-list.ts';
import { decodeTag } from '../../core/tag-object.ts';
import type { Kind } from './read-through-cache.ts';
import { EncodedList } from './encoded-list.ts';
import { CorruptObjectError } from '../store/corrupt-object-error.ts';

export interface ManifestContent {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface TagContent extends ManifestContent {
  /** When the tag moved there. ISO 8601, UTC. */
  readonly moved: string;
}

export interface ReferrersContent {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly referrers: readonly Descriptor[];
}

export const MANIFEST: Kind<ManifestContent> = {
  absence: 'digest',
  async decode(key, { bytes, contentType }) {
    const digest = digestOfKey(key);
    await refuseOtherBytes(key, digest, bytes);
    return { digest, mediaType: mediaTypeOf(key, bytes, contentType), bytes };
  },
  weigh: ({ bytes }) => bytes.length,
};

export const TAG: Kind<TagContent> = {
  absence: 'pointer',
  async decode(key, object) {
    const { digest, bytes, mediaType, moved } = decodeTag(key, object.bytes);
    await refuseOtherBytes(key, digest, bytes);
    return { digest, mediaType: mediaTypeOf(key, bytes, mediaType), bytes, moved };
  },
  weigh: ({ bytes }) => bytes.length,
  since: ({ moved }) => moved,
};

export const BLOB_LINK: Kind<BlobLink> = {
  absence: 'digest',
  decode(key, { bytes }) {
    const link = decodeBlobLink(key, bytes);
    if (link.digest !== digestOfKey(key)) throw new CorruptObjectError(key, 'it is for another blob.');
    return link;
  },
  weigh: () => 0,
};

export const TAG_LIST: Kind<EncodedList> = {
  absence: 'pointer',
  decode: (key, { bytes }) => new EncodedList(decodeTagList(key, bytes).toSorted()),
  weigh: (list) => list.bytes,
};

export const REFERRERS: Kind<ReferrersContent> = {
  absence: 'pointer',
  decode: (key, { bytes }) => ({ bytes, referrers: decodeReferrers(key, bytes) }),
  // The descriptors hold about what the bytes do, and so do the lists of one type that were encoded for answers.
  weigh: ({ bytes }) => 4 * bytes.length,
};

export const CATALOG: Kind<EncodedList> = {
  absence: 'pointer',
  decode: (key, { bytes }) => new EncodedList([...new Set(decodeCatalog(key, bytes))].toSorted()),
  weigh: (list) => list.bytes,
};

/** Keys end in `<algorithm>/<hex>`. */
function digestOfKey(key: string): Digest {
  const digest = key.split('/').slice(-2).join(':');
  if (!isDigest(digest)) throw new CorruptObjectError(key, 'its key names no digest.');
  return digest;
}

/** The store is not trusted: one wrong body wedges containerd for good. */
async function refuseOtherBytes(key: string, digest: Digest, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const actual = await digestOf(bytes, algorithmOf(digest));
  if (actual !== digest) {
    throw new CorruptObjectError(key, `it should hold ${digest}, and its bytes hash to ${actual}.`);
  }
}

/**
 * `application/octet-stream` on a manifest breaks containerd and skopeo, so the bytes tell a type that is missing. A type
 * that the bytes contradict is refused: by it a client would read an image as an empty index, and the digest would match.
 */
function mediaTypeOf(key: string, bytes: Uint8Array, said: string | undefined): string {
  try {
    return parseManifest(bytes, said).mediaType;
  } catch (error) {
    if (error instanceof ManifestInvalidError) throw new CorruptObjectError(key, error.message, error);
    throw error;
  }
}
