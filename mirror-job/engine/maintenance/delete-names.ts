/**
 * Deletes all of one repository that leads to blobs: lists before what they list, and each manifest before what it needs. So
 * whatever is still there is complete, wherever the work ends.
 */
import type { Digest } from '../../../core/digest.ts';
import { kindOfKey } from '../../../core/key-kind.ts';
import { manifestKey, repositoryIndexKey, tagListKey } from '../../../core/layout.ts';
import { parseManifest, ManifestInvalidError } from '../../../core/manifest.ts';
import { OCI_INDEX } from '../../../core/media-type.ts';
import type { Repository } from '../../../core/reference.ts';
import { encodeRepositoryIndex, readRepositoryIndex } from '../../../core/repository-index.ts';
import { decodeTagList, encodeTagList } from '../../../core/tag-list.ts';
import { readManifest } from '../graph/read-manifest.ts';
import { updateObject } from '../store/compare-and-swap.ts';
import type { PrunableStore } from '../store/store.ts';
import { allOrThrow } from '../support/all-or-throw.ts';
import { createLimit } from '../support/limit.ts';
import { forgetDoomed, forgetRepository, type DerivedContext } from './derived-objects.ts';
import { entriesLeft, goesWith, type DoomedNames } from './doomed-names.ts';

const READS_AT_ONCE = 16;

export interface DeleteContext extends DerivedContext {
  /** Deletes keys side by side, and throws if the term has ended. */
  readonly deleteAll: (keys: readonly string[]) => Promise<void>;
  /** Throws if the term has ended. */
  readonly check: () => Promise<void>;
}

/** @throws {StoreError} and what `check` throws */
export async function deleteNames(doomed: DoomedNames, context: DeleteContext): Promise<void> {
  const { repository, keys, isEmpty } = doomed;
  const { deleteAll, check } = context;
  const of = (...kinds: readonly string[]): string[] =>
    [...keys].filter((key) => kinds.includes(kindOfKey(key)?.kind ?? ''));
  await check();
  if (isEmpty) await deleteAll(await forgetRepository(repository, context));
  else await forgetDoomed(doomed, context);
  await rewriteLists(doomed, context);
  await deleteAll(of('tag list', 'index'));
  await deleteAll(of('tag'));
  await deleteAll(of('movement'));
  await deleteAll(of('referrers'));
  for (const wave of await manifestWaves(repository, of('manifest'), context)) await deleteAll(wave);
}

/** Only what goes leaves the lists: an entry whose object may not go yet stays. */
async function rewriteLists(doomed: DoomedNames, { store }: DeleteContext): Promise<void> {
  const { repository, keys, isEmpty } = doomed;
  if (isEmpty && keys.has(tagListKey(repository)) && keys.has(repositoryIndexKey(repository))) return;
  // Before the index: a tag that is on neither may go, and one that only the index has goes as the index says.
  const listKey = tagListKey(repository);
  await updateObject(store, listKey, 'application/json', (bytes) => {
    if (bytes === undefined) return undefined;
    const tags = decodeTagList(listKey, bytes);
    const left = tags.filter((tag) => !goesWith(doomed, tag));
    return left.length === tags.length ? undefined : encodeTagList(repository, left);
  });
  const indexKey = repositoryIndexKey(repository);
  await updateObject(store, indexKey, OCI_INDEX, (bytes) => {
    if (bytes === undefined) return undefined;
    const { entries, listsEveryTag, mayLackPins } = readRepositoryIndex(indexKey, bytes);
    const left = entriesLeft(doomed, entries);
    return left.length === entries.length
      ? undefined
      : encodeRepositoryIndex(left, { listsEveryTag, mayLackPins });
  });
}

/** @returns the manifests, in waves: each one only after all doomed ones that list it */
async function manifestWaves(
  repository: Repository,
  keys: readonly string[],
  { store }: DeleteContext,
): Promise<string[][]> {
  const atOnce = createLimit(READS_AT_ONCE);
  const doomed = new Set(keys);
  const children = new Map<string, string[]>();
  const parents = new Map(keys.map((key) => [key, 0]));
  await allOrThrow(
    keys.map((key) =>
      atOnce(async () => {
        const kind = kindOfKey(key);
        if (kind?.kind !== 'manifest') return;
        const own = (await childrenOf(store, repository, kind.digest)).filter((child) => doomed.has(child));
        children.set(key, own);
        for (const child of own) parents.set(child, (parents.get(child) ?? 0) + 1);
      }),
    ),
  );
  const waves: string[][] = [];
  let wave = keys.filter((key) => parents.get(key) === 0);
  while (wave.length > 0) {
    waves.push(wave);
    const next: string[] = [];
    for (const child of wave.flatMap((key) => children.get(key) ?? [])) {
      const rest = (parents.get(child) ?? 0) - 1;
      parents.set(child, rest);
      if (rest === 0) next.push(child);
    }
    wave = next;
  }
  return waves;
}

/** @returns none for a manifest that cannot be read, because nobody can pull it */
async function childrenOf(store: PrunableStore, repository: Repository, digest: Digest): Promise<string[]> {
  const read = await readManifest(store, repository, digest);
  if (read === 'absent' || read === 'damaged') return [];
  try {
    const { manifests } = parseManifest(read.bytes, read.contentType);
    return [...new Set(manifests.map((child) => manifestKey(repository, child.digest)))];
  } catch (error) {
    if (error instanceof ManifestInvalidError) return [];
    throw error;
  }
}
