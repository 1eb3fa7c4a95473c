/** A manifest that the bucket has, for who moves tags without asking any source. */
import { algorithmOf, digestOf, type Digest } from '../../../core/digest.ts';
import { manifestKey } from '../../../core/layout.ts';
import { ManifestInvalidError, parseManifest } from '../../../core/manifest.ts';
import type { Repository } from '../../../core/reference.ts';
import type { StoredManifest } from './manifest-copy.ts';
import { NO_PLATFORMS } from './platform-choice.ts';
import type { Store } from '../store/store.ts';

/**
 * Manifests are written after all that they need, so one that is there, with the right bytes, is complete, or an index
 * for a subset of platforms: what of it is stored was noted with the tag, and `findStoredPlatforms` sees it.
 * @returns undefined where the repository has no such manifest, or other bytes in its place. Its children are not read
 * @throws {StoreError}
 */
export async function findManifest(
  { store }: { readonly store: Pick<Store, 'get'> },
  repository: Repository,
  digest: Digest,
): Promise<StoredManifest | undefined> {
  const stored = await store.get(manifestKey(repository, digest));
  if (stored === undefined) return undefined;
  const bytes = new Uint8Array(stored.bytes);
  if ((await digestOf(bytes, algorithmOf(digest))) !== digest) return undefined;
  try {
    const manifest = parseManifest(bytes, stored.contentType);
    return { manifest, digest, size: bytes.length, bytes, children: [], platforms: NO_PLATFORMS };
  } catch (error) {
    if (error instanceof ManifestInvalidError) return undefined;
    throw error;
  }
}
