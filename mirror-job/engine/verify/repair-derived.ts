/** Makes derived objects anew from what they derive from. */
import { isEqual } from '../../../core/bytes.ts';
import { decodeCatalog, encodeCatalog } from '../../../core/catalog.ts';
import type { Digest } from '../../../core/digest.ts';
import {
  historyPrefix,
  referrersKey,
  repositoryIndexKey,
  tagKey,
  tagListKey,
  tagsPrefix,
} from '../../../core/layout.ts';
import { ManifestInvalidError, parseManifest } from '../../../core/manifest.ts';
import { OCI_INDEX } from '../../../core/media-type.ts';
import { NameInvalidError, parseRepository, type Repository, type Tag } from '../../../core/reference.ts';
import { decodeReferrers, encodeReferrers, referrerDescriptor } from '../../../core/referrers.ts';
import { decodeTagList, encodeTagList } from '../../../core/tag-list.ts';
import { describeRepository } from '../description/repository-description.ts';
import type { Environment } from '../environment.ts';
import { readManifest } from '../graph/read-manifest.ts';
import { updateObject } from '../store/compare-and-swap.ts';
import { tryDecode } from '../store/decode-object.ts';
import type { ComparableStore, Store } from '../store/store.ts';
import { updateState } from '../store/state-object.ts';
import { RepositoryState } from '../tags/repository-state.ts';
import { listTagNames } from '../tags/tag-names.ts';
import { listRepository } from './bucket-listing.ts';
import { readEntries } from './stored-roots.ts';

/**
 * Lists the tags that are there, and those that are lost, so that these stay a problem: a tag that was removed on purpose is on the
 * list no longer, or is condemned.
 * @throws {StoreError}
 */
export function rebuildTagList(
  { store }: Environment,
  repository: Repository,
  { condemned }: { readonly condemned: ReadonlySet<string> | string },
): Promise<void> {
  const key = tagListKey(repository);
  return updateObject(store, key, 'application/json', async (bytes) => {
    const tags = await listTagNames(store, repository);
    const stored = bytes === undefined ? undefined : tryDecode(() => decodeTagList(key, bytes));
    const listed = Array.isArray(stored) ? stored : [];
    for (const tag of listed) {
      const isCondemned = typeof condemned !== 'string' && condemned.has(tagKey(repository, tag));
      if (!tags.includes(tag) && !isCondemned && (await hasMoved(store, repository, tag))) tags.push(tag);
    }
    return Array.isArray(stored) && isSame(stored, tags) ? undefined : encodeTagList(repository, tags);
  });
}

/** Without a movement, there has never been such a tag. */
async function hasMoved(store: Pick<Store, 'list'>, repository: Repository, tag: Tag): Promise<boolean> {
  return (await store.list(historyPrefix(repository, tag), 1)).length > 0;
}

/** Writes the list of what refers to a manifest, from the manifests of the repository. @throws {StoreError} */
export async function rebuildReferrers(
  { store }: Environment,
  bucket: ComparableStore,
  repository: Repository,
  subject: Digest,
): Promise<void> {
  const { manifests } = await listRepository(bucket, repository);
  const found = new Map<Digest, ReturnType<typeof referrerDescriptor>>();
  for (const digest of manifests.keys()) {
    const read = await readManifest(store, repository, digest);
    if (read === 'absent' || read === 'damaged') continue;
    const manifest = parsed(read.bytes, read.contentType);
    if (manifest?.subject?.digest !== subject) continue;
    found.set(digest, referrerDescriptor(manifest, digest, read.bytes.length));
  }
  const key = referrersKey(repository, subject);
  await updateObject(store, key, OCI_INDEX, (bytes) => {
    const stored = bytes === undefined ? [] : tryDecode(() => decodeReferrers(key, bytes));
    // A manifest that is listed and missing stays listed, because it may be fetched again later.
    const missing = Array.isArray(stored) ? stored.filter(({ digest }) => !manifests.has(digest)) : [];
    const wanted = encodeReferrers([...found.values(), ...missing]);
    return bytes !== undefined && isEqual(bytes, wanted) ? undefined : wanted;
  });
}

function parsed(bytes: Uint8Array, contentType: string | undefined) {
  try {
    return parseManifest(bytes, contentType);
  } catch (error) {
    if (error instanceof ManifestInvalidError) return undefined;
    throw error;
  }
}

/** Describes a repository anew for the pages of the edge. @throws {StoreError} */
export async function rebuildDescription(
  environment: Environment,
  name: string,
  repository: Repository,
): Promise<void> {
  const state = await RepositoryState.open(environment, repository);
  const [first] = state.entries();
  if (first === undefined) return;
  // Writing an entry takes the mark off the index that says that the description is complete.
  await state.note(first);
  await state.flush();
  const anew = new Set(state.tags.map(({ tag }) => tag));
  await describeRepository(environment, { name, repository, state, anew });
}

/**
 * Takes the repositories off a catalogue that have no tag and no pin in the bucket, and adds those that were found missing.
 * @param repositories those that the check has found to be missing or empty
 * @param isOwn whether the repositories are added. If not, a catalogue that is missing or cannot be read stays as it is
 * @throws {StoreError}
 */
export async function rebuildCatalog(
  environment: Environment,
  key: string,
  repositories: readonly string[],
  isOwn: boolean,
): Promise<void> {
  const { store } = environment;
  const served = new Set<string>();
  for (const name of repositories) {
    // The check may have been hours ago, and a run may have filled the repository since.
    const repository = tryRepository(name);
    if (repository !== undefined && (await hasImage(store, repository))) served.add(name);
  }
  const empty = new Set(repositories.filter((name) => !served.has(name)));
  await updateState(environment, key, {
    anew: isOwn ? 'It is made anew from the repositories of the bucket.' : 'It is left as it is.',
    decode: decodeCatalog,
    change: (catalog) =>
      catalog === undefined && !isOwn
        ? undefined
        : encodeCatalog([...(catalog ?? []).filter((name) => !empty.has(name)), ...(isOwn ? served : [])]),
  });
}

/** @returns undefined for a name that no repository can have */
export function tryRepository(name: string): Repository | undefined {
  try {
    return parseRepository(name);
  } catch (error) {
    if (error instanceof NameInvalidError) return undefined;
    throw error;
  }
}

/** Whether a repository has a tag or a pin. An index that cannot be read may have one. */
export async function hasImage(store: Pick<Store, 'get' | 'list'>, repository: Repository): Promise<boolean> {
  if ((await store.list(tagsPrefix(repository), 1)).length > 0) return true;
  const entries = await readEntries(store, repository);
  if (entries !== undefined) return entries.some(({ kind }) => kind !== 'candidate');
  return (await store.get(repositoryIndexKey(repository))) !== undefined;
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name) => other.includes(name));
}
