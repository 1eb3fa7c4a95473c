/** Finds the platforms of an index that the bucket has, where no record says so. */
import type { Descriptor } from '../../../core/descriptor.ts';
import { manifestKey } from '../../../core/layout.ts';
import type { Manifest } from '../../../core/manifest.ts';
import { MANIFEST_KINDS, isManifestMediaType } from '../../../core/media-type.ts';
import type { Repository } from '../../../core/reference.ts';
import { isLayer } from '../graph/edges.ts';
import { findManifest } from './find-manifest.ts';
import { isUnknown, spellPlatform, type Platforms } from '../selection/platform.ts';
import { allOrThrow } from '../support/all-or-throw.ts';
import type { Store } from '../store/store.ts';

interface StoredChildren {
  readonly isWhole: boolean;
  readonly platforms: readonly string[];
}

/**
 * Costs one small read per child. Indexes within the index are read, too.
 * @returns undefined if no child is missing, or if the manifest is no index
 * @throws {StoreError}
 */
export async function findStoredPlatforms(
  store: Pick<Store, 'get' | 'size'>,
  repository: Repository,
  manifest: Manifest,
): Promise<Platforms> {
  const { isWhole, platforms } = await look(store, repository, manifest);
  return isWhole ? undefined : [...new Set(platforms)].toSorted();
}

async function look(
  store: Pick<Store, 'get' | 'size'>,
  repository: Repository,
  { manifests }: Manifest,
): Promise<StoredChildren> {
  const lookAt = async ({ digest, platform, mediaType }: Descriptor): Promise<StoredChildren> => {
    if (isManifestMediaType(mediaType) && MANIFEST_KINDS[mediaType] === 'index') {
      const child = await findManifest({ store }, repository, digest);
      return child === undefined ? MISSING : look(store, repository, child.manifest);
    }
    if ((await store.size(manifestKey(repository, digest))) === undefined) return MISSING;
    // A child without a platform of its own goes with its image: an attestation says "unknown".
    const isNamed = platform !== undefined && !isUnknown(platform);
    return { isWhole: true, platforms: isNamed ? [spellPlatform(platform)] : [] };
  };
  const found = await allOrThrow(manifests.filter((child) => !isLayer(child)).map(lookAt));
  return {
    isWhole: found.every(({ isWhole }) => isWhole),
    platforms: found.flatMap(({ platforms }) => platforms),
  };
}

const MISSING: StoredChildren = { isWhole: false, platforms: [] };
