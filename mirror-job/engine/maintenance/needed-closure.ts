/** Walks over all that roots of a repository need, for pruning: if a part cannot be known, nothing may be deleted. */
import type { Digest } from '../../../core/digest.ts';
import type { Repository } from '../../../core/reference.ts';
import { walkClosure, type ClosureRoot } from '../graph/closure-walk.ts';
import { StoreError, type Store } from '../store/store.ts';
import type { RepositoryContent } from './repository-content.ts';
import type { StoredTag } from './tag-verdict.ts';

/** A needed manifest is missing or damaged, so nobody knows what else is needed. */
export class IncompleteImageError extends StoreError {
  override readonly name = 'IncompleteImageError';
}

export interface NeededVisitor {
  /** A manifest that is there. */
  manifest(digest: Digest): void;
  blob(digest: Digest): void;
}

/** @throws {IncompleteImageError}, {BucketObjectInvalidError} and {StoreError} */
export function walkNeeded(
  roots: readonly ClosureRoot[],
  { repository, subjects }: Pick<RepositoryContent, 'repository' | 'subjects'>,
  store: Pick<Store, 'name' | 'get'>,
  visitor: NeededVisitor,
): Promise<void> {
  return walkClosure(
    roots,
    {
      manifest: ({ digest }) => visitor.manifest(digest),
      broken: ({ digest, root, isOptional = false }, how) => {
        if (how === 'absent' && isOptional) return;
        throw incomplete(store.name, repository, { digest, root }, how);
      },
      blob: (_, { digest }) => visitor.blob(digest),
    },
    { store, repository, hasReferrers: (subject) => subjects.has(subject) },
  );
}

function incomplete(
  storeName: string,
  repository: Repository,
  { digest, root }: { readonly digest: Digest; readonly root: Digest },
  how: 'absent' | 'damaged' | Error,
): IncompleteImageError {
  const what =
    how === 'absent'
      ? 'is missing'
      : how === 'damaged'
        ? 'has other bytes'
        : `cannot be read: ${how.message}`;
  const image = digest === root ? '' : `, which ${repository}@${root} needs,`;
  return new IncompleteImageError(
    `${storeName}: the manifest ${digest} of ${repository}${image} ${what.replace(/\.$/, '')}. What it needs is not known, so nothing is pruned. "lifeboat verify --repair" fetches it from another store or from upstream. If neither has it any more, it comes back from another registry or an archive: "lifeboat rescue ${repository}@${root} --from SOURCE". Only if the image is not wanted any more, remove it as docs/removing.md says.`,
  );
}

export function optionalRoot(digest: Digest): ClosureRoot {
  return { digest, platforms: undefined, isOptional: true };
}

export function rootOfTag({ object: { digest, platforms } }: StoredTag): ClosureRoot {
  return { digest, platforms };
}
