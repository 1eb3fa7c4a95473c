/**
 * `_referrers/<digest>`: an OCI image index of all that refers to a manifest.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 */
import { BucketObjectInvalidError, parseObjectAt } from './bucket-object.ts';
import { DescriptorInvalidError, parseDescriptor, type Descriptor } from './descriptor.ts';
import type { Digest } from './digest.ts';
import { encodeJson } from './json.ts';
import type { Manifest } from './manifest.ts';
import { OCI_INDEX } from './media-type.ts';

/** So that a list of 1,000 referrers stays within the values that are read of it: maxValuesOf in object-size.ts. */
const MAX_ANNOTATIONS = 200;

/** How a referrers list describes a manifest: with its artifactType, and with its annotations if they are not too many. */
export function referrerDescriptor(manifest: Manifest, digest: Digest, size: number): Descriptor {
  const isListed = Object.keys(manifest.annotations ?? {}).length <= MAX_ANNOTATIONS;
  return {
    mediaType: manifest.mediaType,
    digest,
    size,
    ...(manifest.artifactType !== undefined && { artifactType: manifest.artifactType }),
    ...(manifest.annotations !== undefined && isListed && { annotations: manifest.annotations }),
  };
}

/** Sorted by digest, so that the same set is the same bytes whoever wrote it. */
export function encodeReferrers(referrers: Iterable<Descriptor>): Uint8Array<ArrayBuffer> {
  const manifests = [...referrers].toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
  return encodeJson({ schemaVersion: 2, mediaType: OCI_INDEX, manifests });
}

/** @throws {BucketObjectInvalidError} */
export function decodeReferrers(key: string, bytes: Uint8Array): readonly Descriptor[] {
  const { manifests } = parseObjectAt(key, bytes);
  if (!Array.isArray(manifests)) throw new BucketObjectInvalidError(key, 'it is not an image index.');
  try {
    return manifests.map((entry, index) => parseDescriptor(entry, `manifests[${index}]`));
  } catch (error) {
    if (error instanceof DescriptorInvalidError)
      throw new BucketObjectInvalidError(key, error.message, error);
    throw error;
  }
}

export function filterReferrers(referrers: readonly Descriptor[], artifactType: string): Descriptor[] {
  return referrers.filter((referrer) => referrer.artifactType === artifactType);
}
