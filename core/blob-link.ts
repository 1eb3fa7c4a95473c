/**
 * `_blobs/<alg>/<hex>` says that the repository has the blob, and that the blob is stored. The edge serves a blob only
 * through a link, so that a token for one repository cannot read the blobs of another.
 */
import { BucketObjectInvalidError, parseObjectAt } from './bucket-object.ts';
import { DescriptorInvalidError, parseDescriptor } from './descriptor.ts';
import type { Digest } from './digest.ts';
import { encodeJson } from './json.ts';
import { OCTET_STREAM } from './media-type.ts';

export interface BlobLink {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** The media type is always `application/octet-stream`, because the same blob can be a layer of one image and a config of another. */
export function encodeBlobLink(link: BlobLink): Uint8Array<ArrayBuffer> {
  return encodeJson({ mediaType: OCTET_STREAM, digest: link.digest, size: link.size });
}

/** @throws {BucketObjectInvalidError} */
export function decodeBlobLink(key: string, bytes: Uint8Array): BlobLink {
  try {
    const { digest, size } = parseDescriptor(parseObjectAt(key, bytes), 'it');
    return { digest, size };
  } catch (error) {
    if (error instanceof DescriptorInvalidError)
      throw new BucketObjectInvalidError(key, error.message, error);
    throw error;
  }
}
