/** The media types that decide how bytes are read. Lifeboat does not look into configs, layers and artifacts. */

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_DESCRIPTOR = 'application/vnd.oci.descriptor.v1+json';
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
export const OCTET_STREAM = 'application/octet-stream';
/** An early manifest of ORAS, which is in no released specification, but older signing tools still push it. */
export const OCI_ARTIFACT = 'application/vnd.oci.artifact.manifest.v1+json';

/** The kind of manifest of each media type: it has a config and layers, or only blobs, or a list of manifests. */
export const MANIFEST_KINDS = {
  [OCI_MANIFEST]: 'image',
  [DOCKER_MANIFEST]: 'image',
  [OCI_ARTIFACT]: 'artifact',
  [OCI_INDEX]: 'index',
  [DOCKER_LIST]: 'index',
} as const satisfies Record<string, 'image' | 'index' | 'artifact'>;

export type ManifestMediaType = keyof typeof MANIFEST_KINDS;

/** Types that are refused, because their digests do not cover the pulled content, and no current client accepts them. */
export const SCHEMA_1: ReadonlySet<string> = new Set([
  'application/vnd.docker.distribution.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
]);

export function isManifestMediaType(mediaType: string): mediaType is ManifestMediaType {
  return Object.hasOwn(MANIFEST_KINDS, mediaType);
}

/** The Accept header of every manifest request. It is always the same, because otherwise registries can answer HEAD and GET differently. */
export const MANIFEST_ACCEPT = [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST, OCI_ARTIFACT].join(
  ', ',
);

/** Removes parameters: `a/b; charset=utf-8` becomes `a/b`. */
export function bareMediaType(contentType: string): string {
  return (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
}
