/** Finds a manifest in the bucket, so that tags can be moved by hand without asking any source. */
import type { Digest } from '../../../core/digest.ts';
import { ManifestInvalidError, parseManifest } from '../../../core/manifest.ts';
import type { Repository } from '../../../core/reference.ts';
import { readManifest } from '../graph/read-manifest.ts';
import type { StoredManifest } from './stored-manifest.ts';
import { NO_PLATFORMS } from '../selection/platform-choice.ts';
import type { Store } from '../store/store.ts';

/**
 * A manifest that is stored is complete, because it is written after all that it needs; or it is an index for a subset of
 * platforms, which its tag records and `findStoredPlatforms` finds. Its children are not read.
 * @returns undefined if the repository has no such manifest, or other bytes in its place
 * @throws {StoreError}
 */
export async function findManifest(
  { store }: { readonly store: Pick<Store, 'get'> },
  repository: Repository,
  digest: Digest,
): Promise<StoredManifest | undefined> {
  const stored = await readManifest(store, repository, digest);
  if (stored === 'absent' || stored === 'damaged') return undefined;
  const { bytes, contentType } = stored;
  try {
    const manifest = parseManifest(bytes, contentType);
    return { manifest, digest, size: bytes.length, bytes, children: [], platforms: NO_PLATFORMS };
  } catch (error) {
    if (error instanceof ManifestInvalidError) return undefined;
    throw error;
  }
}
