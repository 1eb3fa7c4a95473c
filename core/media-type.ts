/** The media types that decide how bytes are read. Everything else (configs, layers, artifacts) is opaque. */

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_DESCRIPTOR = 'application/vnd.oci.descriptor.v1+json';
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
export const OCTET_STREAM = 'application/octet-stream';
/** An ORAS-era manifest, never part of a released specification, that older signing tools still push. */
export const OCI_ARTIFACT = 'application/vnd.oci.artifact.manifest.v1+json';

/** What a manifest of each media type is: something with a config and blobs, or a list of manifests. */
export const MANIFEST_KINDS = {
  [OCI_MANIFEST]: 'image',
  [DOCKER_MANIFEST]: 'image',
  [OCI_ARTIFACT]: 'artifact',
  [OCI_INDEX]: 'index',
  [DOCKER_LIST]: 'index',
} as const satisfies Record<string, 'image' | 'index' | 'artifact'>;

export type ManifestMediaType = keyof typeof MANIFEST_KINDS;

/** Refused by name: their digests do not cover what is pulled, and no current client takes them. */
export const SCHEMA_1: ReadonlySet<string> = new Set([
  'application/vnd.docker.distribution.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
]);

export function isManifestMediaType(mediaType: string): mediaType is ManifestMediaType {
  return Object.hasOwn(MANIFEST_KINDS, mediaType);
}

/** The one Accept of every manifest request: registries answer HEAD and GET alike only when both send the same. */
export const MANIFEST_ACCEPT = [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST, OCI_ARTIFACT].join(
  ', ',
);

/** Strips parameters: `a/b; charset=utf-8` is `a/b`. */
export function bareMediaType(contentType: string): string {
  return (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
}
