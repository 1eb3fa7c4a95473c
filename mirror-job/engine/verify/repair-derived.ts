/** Makes derived objects anew from what they derive from, and restores tags that the index or another store still knows. */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import { isEqual } from '../../../core/bytes.ts';
import { decodeCatalog, encodeCatalog } from '../../../core/catalog.ts';
import type { Digest } from '../../../core/digest.ts';
import { REPOSITORIES, referrersKey, tagKey, tagListKey, tagsPrefix } from '../../../core/layout.ts';
import { ManifestInvalidError, parseManifest } from '../../../core/manifest.ts';
import { OCI_DESCRIPTOR, OCI_INDEX } from '../../../core/media-type.ts';
import { isTag, type Repository, type Tag } from '../../../core/reference.ts';
import { decodeReferrers, encodeReferrers, referrerDescriptor } from '../../../core/referrers.ts';
import { decodeTagList, encodeTagList } from '../../../core/tag-list.ts';
import { decodeTag } from '../../../core/tag-object.ts';
import { findManifest } from '../copy/find-manifest.ts';
import { describeRepository } from '../description/repository-description.ts';
import type { Environment } from '../environment.ts';
import { readManifest } from '../graph/read-manifest.ts';
import { updateObject } from '../store/compare-and-swap.ts';
import { tryDecode } from '../store/decode-object.ts';
import type { ComparableStore, Store } from '../store/store.ts';
import { updateState } from '../store/state-object.ts';
import { currentTargetOf, toTagEntry } from '../tags/tag-memory.ts';
import { findTag, publishTag } from '../tags/publish.ts';
import { RepositoryState } from '../tags/repository-state.ts';
import { listRepository } from './bucket-listing.ts';
import type { RepairOutcome } from './repair-objects.ts';

/**
 * Restores a tag from another store, or from the repository's index. A tag that can be read by now is left alone.
 * @param others the other stores of the mirror
 * @throws {StoreError}
 */
export async function restoreTag(
  environment: Environment,
  {
    repository,
    tag,
    digest,
  }: { readonly repository: Repository; readonly tag: Tag; readonly digest?: Digest },
  others: readonly Pick<Store, 'name' | 'get'>[],
): Promise<RepairOutcome> {
  const { store } = environment;
  const key = tagKey(repository, tag);
  const current = await findTag(environment, repository, tag);
  if (current !== undefined && (await isWhole(environment, repository, current.digest, current.bytes))) {
    return 'right';
  }
  for (const other of others) {
    const stored = await other.get(key);
    const copy = stored === undefined ? undefined : tryDecode(() => decodeTag(key, stored.bytes));
    if (stored === undefined || copy === undefined || copy instanceof BucketObjectInvalidError) continue;
    // A tag may only name an image that this store has.
    if ((await findManifest(environment, repository, copy.digest)) === undefined) continue;
    const present = await store.get(key);
    const condition = present === undefined ? { ifNoneMatch: '*' as const } : { ifMatch: present.etag };
    const written = await store.put(key, stored.bytes, { contentType: OCI_DESCRIPTOR, condition });
    return written === 'written' ? { from: other.name } : 'right';
  }
  const state = await RepositoryState.open(environment, repository);
  const entry = state.tag(tag);
  const target =
    entry === undefined || entry.digest !== digest
      ? undefined
      : await findManifest(environment, repository, entry.digest);
  if (entry === undefined || target === undefined) {
    return {
      failure:
        'neither another store nor the index of the repository says what it pointed to, or its manifest is missing too. The next "lifeboat sync" makes the tag anew if the configuration selects it.',
    };
  }
  // The bytes of a tag that can be parsed and holds another manifest count as a tag, and would be a conflict.
  const outcome = await publishTag(environment, repository, tag, target, {
    expected: current?.digest,
    why: 'restored by verify from the index',
    hold: entry.hold,
    platforms: entry.platforms,
    isRecordedAnyway: true,
  });
  return outcome === 'conflict' ? 'right' : { from: "the repository's index" };
}

async function isWhole(
  { store }: Environment,
  repository: Repository,
  digest: Digest,
  bytes: Uint8Array,
): Promise<boolean> {
  const manifest = await readManifest(store, repository, digest);
  return manifest !== 'absent' && manifest !== 'damaged' && isEqual(manifest.bytes, bytes);
}

/** Lists exactly the tags that are there. @throws {StoreError} */
export function rebuildTagList({ store }: Environment, repository: Repository): Promise<void> {
  const key = tagListKey(repository);
  return updateObject(store, key, 'application/json', async (bytes) => {
    const prefix = tagsPrefix(repository);
    const keys = await store.list(prefix, Number.MAX_SAFE_INTEGER);
    const tags = keys.map((one) => one.slice(prefix.length)).filter((name) => isTag(name));
    const stored = bytes === undefined ? undefined : tryDecode(() => decodeTagList(key, bytes));
    const isRight = Array.isArray(stored) && isSame(stored, tags);
    return isRight ? undefined : encodeTagList(repository, tags);
  });
}

/** Adds to the index what the tags say. @throws {StoreError} */
export async function rebuildIndex(environment: Environment, repository: Repository): Promise<void> {
  const prefix = tagsPrefix(repository);
  const keys = await environment.store.list(prefix, Number.MAX_SAFE_INTEGER);
  const state = await RepositoryState.open(environment, repository);
  for (const name of keys.map((key) => key.slice(prefix.length)).filter((one) => isTag(one))) {
    const tag = await findTag(environment, repository, name);
    const entry = state.tag(name);
    if (tag === undefined || (entry?.digest === tag.digest && entry.hold === tag.hold)) continue;
    await state.unlist(name);
    await state.note(toTagEntry(name, tag, currentTargetOf(state, name, tag)));
  }
  await state.flush();
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
    // What is listed and missing stays listed, because it may be fetched again later.
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
 * Takes the repositories off a catalogue that have nothing in the bucket, and adds those that were found missing.
 * @param repositories those that the check has found to be missing or empty
 * @param isOwn whether the catalogue is this configuration's. To others', nothing is added
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
    const keys = await store.list(`${REPOSITORIES}${name}/_`, 1);
    if (keys.length > 0) served.add(name);
  }
  const empty = new Set(repositories.filter((name) => !served.has(name)));
  await updateState(environment, key, {
    anew: 'It is made anew from the repositories of the bucket.',
    decode: decodeCatalog,
    change: (catalog = []) =>
      encodeCatalog([...catalog.filter((name) => !empty.has(name)), ...(isOwn ? served : [])]),
  });
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name) => other.includes(name));
}
