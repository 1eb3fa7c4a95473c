/** Finds the blobs of a repository of which nothing is pruned. Its links alone do not tell, because a link may be lost. */
import type { Digest } from '../../../core/digest.ts';
import type { Store } from '../store/store.ts';
import { optionalRoot, rootOfTag, walkNeeded } from './needed-closure.ts';
import { readFacts, type RepositoryContent } from './repository-content.ts';

/**
 * Reads every manifest of the repository, because `lifeboat verify --repair` makes a lost link anew only as long as its blob is
 * there.
 * @returns the blobs that its links or its manifests name
 * @throws {IncompleteImageError}, {BucketObjectInvalidError} and {StoreError}: then nothing may be deleted, here and elsewhere
 */
export async function blobsOfUntouched(
  store: Pick<Store, 'name' | 'get'>,
  content: RepositoryContent,
): Promise<ReadonlySet<Digest>> {
  const { tags, entries } = await readFacts(store, content);
  const blobs = new Set(content.links);
  const manifests = new Set<Digest>();
  const visitor = {
    manifest: (digest: Digest) => manifests.add(digest),
    blob: (digest: Digest) => blobs.add(digest),
  };
  const pins = entries.filter(({ kind }) => kind === 'pin');
  const required = [...tags.map(rootOfTag), ...pins.map(({ digest, platforms }) => ({ digest, platforms }))];
  await walkNeeded(required, content, store, visitor);
  // A digest that waits for a decision is among the manifests, if it was stored.
  const others = [...content.manifests.keys()].filter((digest) => !manifests.has(digest));
  await walkNeeded(others.map(optionalRoot), content, store, visitor);
  return blobs;
}
