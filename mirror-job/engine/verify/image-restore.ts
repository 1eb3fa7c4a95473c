/** Copies an image that this store has lost from another store of the mirror: its manifests, blobs and referrers. */
import type { Digest } from '../../../core/digest.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import { BlobCopier } from '../copy/blob-copy.ts';
import { findManifest } from '../copy/find-manifest.ts';
import { ManifestCopier } from '../copy/manifest-copy.ts';
import { ReferrerCopier } from '../copy/referrer-copy.ts';
import { createMemoryBudget } from '../copy/stored-manifest.ts';
import type { Environment } from '../environment.ts';
import type { Platforms } from '../selection/platform.ts';
import { SourceError, type Source } from '../source.ts';
import { StoreError, type ComparableStore } from '../store/store.ts';
import { FairShare } from '../support/fair-share.ts';

/** A repository of another store. */
export interface StoredSource extends Source {
  /** Which platforms are stored; undefined for all. @throws {SourceError} and {StoreError} */
  readonly platforms: (reference: Tag | Digest) => Promise<Platforms>;
}

export type OpenStore = (store: ComparableStore, repository: Repository) => StoredSource;

/**
 * The tags of signatures are not copied, because they come back as tags do.
 * @param platforms undefined to ask the source
 * @returns a sentence if the store does not have the image now; undefined if it has
 * @throws the signal's reason
 */
export async function restoreImage(
  environment: Environment,
  source: StoredSource,
  { repository, digest, platforms }: { repository: Repository; digest: Digest; platforms?: Platforms },
): Promise<string | undefined> {
  try {
    if ((await findManifest(environment, repository, digest)) !== undefined) return undefined;
    const memoryBudget = createMemoryBudget();
    const blobs = new BlobCopier(environment, new FairShare(environment.limits.blobs));
    const manifests = new ManifestCopier(environment, repository, blobs, admit, memoryBudget);
    const wanted = platforms ?? (await source.platforms(digest));
    const root = await manifests.ensureImage({ digest }, source, wanted);
    await new ReferrerCopier(environment, repository, manifests, memoryBudget).ensure(root, source, true);
    return undefined;
  } catch (error) {
    environment.signal.throwIfAborted();
    if (error instanceof SourceError || error instanceof StoreError) return error.message;
    throw error;
  }
}

/** The same audience has it in the other store. */
async function admit(): Promise<void> {}
