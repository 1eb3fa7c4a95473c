/** The names of a repository's tags, as a listing of its store has them. */
import { tagsPrefix } from '../../../core/layout.ts';
import { isTag, type Repository, type Tag } from '../../../core/reference.ts';
import type { Store } from '../store/store.ts';

/** Lists the tags themselves: a request per thousand tags. @throws {StoreError} */
export async function listTagNames(store: Pick<Store, 'list'>, repository: Repository): Promise<Tag[]> {
  return tagsAmong(await store.list(tagsPrefix(repository), Number.MAX_SAFE_INTEGER), repository);
}

/** @param keys all of the repository's keys below `tagsPrefix`. One that names no tag is left out */
export function tagsAmong(keys: readonly string[], repository: Repository): Tag[] {
  const { length } = tagsPrefix(repository);
  return keys.map((key) => key.slice(length)).filter((name) => isTag(name));
}
