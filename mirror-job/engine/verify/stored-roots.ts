/** Reads what a repository keeps images for: its tags, and the entries of its index. */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import { repositoryIndexKey } from '../../../core/layout.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import { decodeRepositoryIndex, type IndexEntry } from '../../../core/repository-index.ts';
import type { TagObject } from '../../../core/tag-object.ts';
import { tryDecode } from '../store/decode-object.ts';
import type { Store } from '../store/store.ts';
import { createLimit } from '../support/limit.ts';
import { findTag } from '../tags/publish.ts';
import { listTagNames } from '../tags/tag-names.ts';

const READS_AT_ONCE = 16;

/** @returns undefined for an index that is missing or cannot be read. @throws {StoreError} */
export async function readEntries(
  store: Pick<Store, 'get'>,
  repository: Repository,
): Promise<readonly IndexEntry[] | undefined> {
  const key = repositoryIndexKey(repository);
  const object = await store.get(key);
  if (object === undefined) return undefined;
  const entries = tryDecode(() => decodeRepositoryIndex(key, object.bytes));
  return entries instanceof BucketObjectInvalidError ? undefined : entries;
}

/** @returns the tags that can be read. @throws {StoreError} */
export async function readTags(store: Store, repository: Repository): Promise<ReadonlyMap<Tag, TagObject>> {
  const names = await listTagNames(store, repository);
  const atOnce = createLimit(READS_AT_ONCE);
  const found = new Map<Tag, TagObject>();
  await Promise.all(
    names.map((name) =>
      atOnce(async () => {
        const tag = await findTag({ store }, repository, name);
        if (tag !== undefined) found.set(name, tag);
      }),
    ),
  );
  return found;
}
