/** The content of a repository that a tag, a pin or a waiting digest needs. */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import type { Digest } from '../../../core/digest.ts';
import type { Repository } from '../../../core/reference.ts';
import { walkClosure } from '../graph/closure-walk.ts';
import type { Store } from '../store/store.ts';
import { readEntries, readTags } from './stored-roots.ts';

export interface RepositoryNeeds {
  readonly manifests: ReadonlySet<Digest>;
  readonly blobs: ReadonlySet<Digest>;
}

/** @returns undefined if a list cannot be read, so that anything may be needed. @throws {StoreError} */
export async function readNeeds(store: Store, repository: Repository): Promise<RepositoryNeeds | undefined> {
  const [tags, entries = []] = await Promise.all([
    readTags(store, repository),
    readEntries(store, repository),
  ]);
  const roots = [...tags.values(), ...entries].map(({ digest, platforms }) => ({ digest, platforms }));
  const [manifests, blobs] = [new Set<Digest>(), new Set<Digest>()];
  try {
    await walkClosure(
      roots,
      {
        manifest: ({ digest, isOptional = false }) => {
          if (!isOptional) manifests.add(digest);
        },
        broken: () => {},
        blob: ({ isOptional = false }, { digest }) => {
          if (!isOptional) blobs.add(digest);
        },
      },
      { store, repository },
    );
  } catch (error) {
    if (error instanceof BucketObjectInvalidError) return undefined;
    throw error;
  }
  return { manifests, blobs };
}
