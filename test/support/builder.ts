/** Builds the content of a repository piece by piece. Real clients accept each piece. */
import { gzipSync } from 'node:zlib';
import {
  blobOf,
  bytesOf,
  digestOf,
  digestOfBlob,
  randomBlob,
  type Algorithm,
  type Blob,
  type Digest,
  type Repository,
} from './content.ts';
import {
  DOCKER_CONFIG,
  DOCKER_LAYER_GZIP,
  DOCKER_LIST,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_EMPTY,
  OCI_INDEX,
  OCI_LAYER,
  OCI_LAYER_GZIP,
  OCI_MANIFEST,
} from './media-types.ts';
import { tarOf } from './tar.ts';

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
}

export const AMD64: Platform = { os: 'linux', architecture: 'amd64' };
export const ARM64: Platform = { os: 'linux', architecture: 'arm64', variant: 'v8' };

/** A layer with the digest of its tar, which the image's config needs. */
export interface Layer extends Descriptor {
  readonly diffId: Digest;
}

/** Adds a gzipped tar with one file of `size` pseudo-random bytes. */
export async function addLayer(
  repository: Repository,
  seed: string,
  options: { size?: number; algorithm?: Algorithm; docker?: boolean } = {},
): Promise<Layer> {
  const tar = await bytesOf(tarOf(`files/${seed}`, randomBlob(seed, options.size ?? 1000)));
  const mediaType = options.docker === true ? DOCKER_LAYER_GZIP : OCI_LAYER_GZIP;
  const descriptor = addBytes(repository, mediaType, gzipSync(tar), options.algorithm);
  return { ...descriptor, diffId: digestOf(tar) };
}

/** Adds a plain tar with one file of `size` bytes, which are streamed and never in memory as a whole. */
export async function addStreamedLayer(repository: Repository, seed: string, size: number): Promise<Layer> {
  const tar = tarOf(`files/${seed}`, randomBlob(seed, size));
  const digest = await digestOfBlob(tar);
  repository.blobs.set(digest, tar);
  return { mediaType: OCI_LAYER, digest, size: tar.size, diffId: digest };
}

/** Adds the layer of another repository under the same digest. */
export function shareLayer(from: Repository, to: Repository, layer: Layer): Layer {
  const blob: Blob | undefined = from.blobs.get(layer.digest);
  if (blob === undefined) throw new Error(`There is no blob ${layer.digest} to share.`);
  to.blobs.set(layer.digest, blob);
  return layer;
}

export interface ImageOptions {
  readonly layers: readonly Layer[];
  readonly platform?: Platform;
  readonly docker?: boolean;
  /** The algorithm of the manifest's own digest. */
  readonly algorithm?: Algorithm;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Adds a config and a manifest for the layers. The descriptor has the platform. */
export function addImage(repository: Repository, options: ImageOptions): Descriptor {
  const platform = options.platform ?? AMD64;
  const docker = options.docker === true;
  const config = addJson(repository, docker ? DOCKER_CONFIG : OCI_CONFIG, {
    ...platform,
    created: '2020-01-01T00:00:00Z',
    config: { Cmd: ['/bin/true'] },
    rootfs: { type: 'layers', diff_ids: options.layers.map((layer) => layer.diffId) },
    history: options.layers.map(() => ({ created: '2020-01-01T00:00:00Z', created_by: 'test' })),
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: docker ? DOCKER_MANIFEST : OCI_MANIFEST,
    config,
    layers: options.layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
    ...(options.annotations !== undefined && { annotations: options.annotations }),
  };
  return { ...addManifest(repository, manifest, options.algorithm), platform };
}

export interface IndexOptions {
  readonly docker?: boolean;
  readonly subject?: Descriptor;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Adds an index, or a Docker manifest list, of manifests that were added before. */
export function addIndex(
  repository: Repository,
  manifests: readonly Descriptor[],
  options: IndexOptions = {},
): Descriptor {
  const { docker = false, subject, ...rest } = options;
  return addManifest(repository, {
    schemaVersion: 2,
    mediaType: docker ? DOCKER_LIST : OCI_INDEX,
    ...rest,
    manifests,
    ...(subject !== undefined && { subject: plain(subject) }),
  });
}

export interface ArtifactOptions {
  readonly artifactType: string;
  readonly layers?: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
  /** The config's media type. Its bytes are always `{}`. */
  readonly config?: string;
}

/** Adds a manifest with the empty config. With a subject it is a referrer. */
export function addArtifact(repository: Repository, options: ArtifactOptions): Descriptor {
  const { artifactType, subject, annotations } = options;
  const empty = addJson(repository, options.config ?? OCI_EMPTY, {});
  const manifest = addManifest(repository, {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType,
    config: empty,
    layers: options.layers ?? [{ ...empty, mediaType: OCI_EMPTY }],
    ...(subject !== undefined && { subject: plain(subject) }),
    ...(annotations !== undefined && { annotations }),
  });
  return { ...manifest, artifactType, ...(annotations !== undefined && { annotations }) };
}

/** Adds the bytes as a blob, under their digest. */
export function addBytes(
  repository: Repository,
  mediaType: string,
  bytes: Uint8Array,
  algorithm?: Algorithm,
): Descriptor {
  const digest = digestOf(bytes, algorithm);
  repository.blobs.set(digest, blobOf(bytes));
  return { mediaType, digest, size: bytes.length };
}

export function addJson(repository: Repository, mediaType: string, value: unknown): Descriptor {
  return addBytes(repository, mediaType, Buffer.from(JSON.stringify(value)));
}

/** Adds any JSON as a manifest of the type in its `mediaType`. Its children and blobs must have been added before. */
export function addManifest(
  repository: Repository,
  manifest: { readonly mediaType: string; readonly [field: string]: unknown },
  algorithm?: Algorithm,
): Descriptor {
  const bytes = Buffer.from(JSON.stringify(manifest, undefined, 2));
  const digest = digestOf(bytes, algorithm);
  repository.manifests.set(digest, { bytes, mediaType: manifest.mediaType });
  return { mediaType: manifest.mediaType, digest, size: bytes.length };
}

export function tagAs(repository: Repository, descriptor: Descriptor, ...tags: readonly string[]): void {
  for (const tag of tags) repository.tags.set(tag, descriptor.digest);
}

/**
 * Returns the tag under which a registry without the referrers API keeps the list of a manifest's referrers.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#referrers-tag-schema
 */
export function fallbackTag(digest: Digest): string {
  const [algorithm = '', hex = ''] = digest.split(':');
  return `${algorithm.slice(0, 32)}-${hex.slice(0, 64)}`;
}

/** Returns the descriptor without the fields that depend on the list that has it. */
function plain(descriptor: Descriptor): Descriptor {
  const { mediaType, digest, size } = descriptor;
  return { mediaType, digest, size };
}
