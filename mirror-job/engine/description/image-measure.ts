/** Measures an image of the bucket: its platforms, and the bytes of their blobs. */
import type { Descriptor } from '../../../core/descriptor.ts';
import type { Digest } from '../../../core/digest.ts';
import type { Manifest } from '../../../core/manifest.ts';
import type { Repository } from '../../../core/reference.ts';
import type { DescribedPlatform } from '../../../core/repository-description.ts';
import { findManifest } from '../copy/find-manifest.ts';
import { isLayer } from '../graph/edges.ts';
import { chooseChildren } from '../selection/platform-choice.ts';
import { isUnknown, spellPlatform, type Platforms } from '../selection/platform.ts';
import type { Store } from '../store/store.ts';
import { allOrThrow } from '../support/all-or-throw.ts';
import { isAttestation } from './referrer-kinds.ts';

/** More children of one index are not read. No index that people publish has as many. */
const MAX_CHILDREN = 256;
/** Indexes within indexes are read to this depth. */
const MAX_DEPTH = 3;

const IMAGE_CONFIGS: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
]);

export interface Measure {
  /** Of an artifact; undefined for an image. */
  readonly artifactType: string | undefined;
  /** The compressed bytes of the distinct blobs of all stored platforms. */
  readonly bytes: number;
  readonly platforms: readonly DescribedPlatform[];
}

interface Root {
  readonly manifest: Manifest;
  readonly digest: Digest;
}

/** By digest: the bytes of each blob. */
type Blobs = ReadonlyMap<Digest, number>;

interface Part {
  readonly blobs: Blobs;
  readonly platforms: readonly DescribedPlatform[];
}

const NOTHING: Part = { blobs: new Map(), platforms: [] };

/**
 * Reads each stored child of an index. A child that is not stored is left out: it is for a platform that is not mirrored.
 * @param platforms the stored ones; undefined for all
 * @throws {StoreError}
 */
export async function measureImage(
  store: Pick<Store, 'get'>,
  repository: Repository,
  root: Root,
  platforms: Platforms,
): Promise<Measure> {
  const { artifactType } = root.manifest;
  const isImage = artifactType === undefined || IMAGE_CONFIGS.has(artifactType);
  const part = await measure(store, repository, root, platforms, undefined, MAX_DEPTH);
  return {
    artifactType: isImage ? undefined : artifactType,
    bytes: sumOf(part.blobs),
    platforms: isImage || root.manifest.kind === 'index' ? part.platforms : [],
  };
}

async function measure(
  store: Pick<Store, 'get'>,
  repository: Repository,
  { manifest, digest }: Root,
  chosen: Platforms,
  platform: Descriptor['platform'],
  depth: number,
): Promise<Part> {
  if (manifest.kind !== 'index') {
    const blobs = blobsOf(manifest.blobs);
    const name = platform === undefined || isUnknown(platform) ? 'unknown' : spellPlatform(platform);
    return { blobs, platforms: [{ platform: name, digest, bytes: sumOf(blobs) }] };
  }
  const children = chooseChildren(manifest.manifests, chosen).children.slice(0, MAX_CHILDREN);
  const layers = children.filter((child) => isLayer(child));
  const images = depth === 0 ? [] : children.filter((child) => !isLayer(child) && !isAttestation(child));
  const parts = await allOrThrow(
    images.map(async (child) => {
      const found = await findManifest({ store }, repository, child.digest);
      return found === undefined
        ? NOTHING
        : measure(store, repository, found, chosen, child.platform, depth - 1);
    }),
  );
  return {
    blobs: new Map([...blobsOf(layers), ...parts.flatMap(({ blobs }) => [...blobs])]),
    platforms: parts.flatMap(({ platforms }) => platforms),
  };
}

function blobsOf(descriptors: readonly Descriptor[]): Blobs {
  return new Map(descriptors.map(({ digest, size }) => [digest, size]));
}

function sumOf(blobs: Blobs): number {
  return [...blobs.values()].reduce((sum, size) => sum + size, 0);
}
