/**
 * `_referrers/<alg>/<hex>`: an OCI image index of all manifests that refer to one.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 */
import { BucketObjectInvalidError, parseObjectAt } from './bucket-object.ts';
import { DescriptorInvalidError, parseDescriptor, type Descriptor } from './descriptor.ts';
import type { Digest } from './digest.ts';
import { encodeJson } from './json.ts';
import type { Manifest } from './manifest.ts';
import { OCI_INDEX } from './media-type.ts';

/** The limit keeps a list of 1,000 referrers within maxValuesOf of object-size.ts. */
const MAX_ANNOTATIONS = 200;

/** Describes a manifest for a list of referrers: with its artifactType, and with its annotations if there are few enough. */
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

/** Sorts the referrers by digest, so that every writer writes the same bytes for the same set. */
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
