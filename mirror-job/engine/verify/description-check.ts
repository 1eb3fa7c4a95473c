/** Checks the descriptions of a repository, which the pages of the edge show, against its tags. */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import { descriptionKey } from '../../../core/layout.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import { decodeDescription } from '../../../core/repository-description.ts';
import type { RepositoryIndex } from '../../../core/repository-index.ts';
import type { TagObject } from '../../../core/tag-object.ts';
import { tryDecode } from '../store/decode-object.ts';
import { CheckedStore, TooLarge, Unknown } from './checked-store.ts';
import { foundProblem, type FoundProblem } from './problem.ts';

/** @param tags those that could be read; others are passed over. A description counts only where the index says that it is complete. Otherwise the next run writes it. */
export async function checkDescriptions(
  store: CheckedStore,
  repository: Repository,
  { describedFor }: RepositoryIndex,
  tags: ReadonlyMap<Tag, TagObject>,
): Promise<readonly FoundProblem[]> {
  const found = await Promise.all(
    describedFor.map(async (name) => {
      const key = descriptionKey(name, repository);
      const message = await complaint(store, key, tags);
      return message === undefined
        ? []
        : [foundProblem({ kind: 'description-stale', key, repository, message })];
    }),
  );
  return found.flat();
}

/** @returns a sentence; undefined if the description is right, or cannot be read now */
async function complaint(
  store: CheckedStore,
  key: string,
  tags: ReadonlyMap<Tag, TagObject>,
): Promise<string | undefined> {
  const object = await store.get(key);
  if (object instanceof Unknown) return undefined;
  if (object === undefined) return "the description of the repository for the edge's pages is missing.";
  const read = object instanceof TooLarge ? undefined : tryDecode(() => decodeDescription(key, object.bytes));
  if (read === undefined || read instanceof BucketObjectInvalidError) {
    return "the description of the repository for the edge's pages cannot be read.";
  }
  // Of many tags some are left out.
  const other = read.tags.find(({ tag, digest }) => tags.has(tag) && tags.get(tag)?.digest !== digest);
  if (other === undefined) return undefined;
  return `the description of the repository for the edge's pages says that ${other.tag} points to ${other.digest}.`;
}
