/** Restores a tag that is missing or damaged, at the digest that the index of its repository or a store in step says. */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import { isEqual } from '../../../core/bytes.ts';
import { hasDigest, type Digest } from '../../../core/digest.ts';
import { decodeMovement, encodeMovement, type Movement } from '../../../core/history.ts';
import { historyKey, historyPrefix, manifestKey, tagKey } from '../../../core/layout.ts';
import { OCI_DESCRIPTOR } from '../../../core/media-type.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import { decodeTag, type TagObject } from '../../../core/tag-object.ts';
import { findManifest } from '../copy/find-manifest.ts';
import type { Environment } from '../environment.ts';
import { readManifest } from '../graph/read-manifest.ts';
import { tryDecode } from '../store/decode-object.ts';
import type { ComparableStore, Store, StoredObject } from '../store/store.ts';
import { findTag, publishTag } from '../tags/publish.ts';
import { RepositoryState } from '../tags/repository-state.ts';
import { currentTargetOf, toTagEntry } from '../tags/tag-memory.ts';
import { restoreImage, type OpenStore, type StoredSource } from './image-restore.ts';
import type { RepairOutcome } from './repair-objects.ts';
import { isInStepWith } from './step-notes.ts';
import { readEntries } from './stored-roots.ts';

export interface TagSources {
  /** The other stores of the mirror. */
  readonly others: readonly ComparableStore[];
  readonly openStore: OpenStore;
  /** The keys that a prune takes away; a sentence if they are not known. */
  readonly condemned: ReadonlySet<string> | string;
}

const BY_A_RUN = 'If upstream still has the tag, the next "lifeboat sync" makes it anew.';

interface TagName {
  readonly repository: Repository;
  readonly tag: Tag;
}

interface SeenTag extends TagName {
  /** The object in the tag's place before the repair; undefined if there was none. */
  readonly present: StoredObject | undefined;
}

/**
 * Another store's tag counts if the index says the same of it. Without an entry in the index, it counts if that store is in
 * step: a store that is behind has an older image under the tag. A tag that can be read by now is left alone.
 * @throws {StoreError}
 */
export async function restoreTag(
  environment: Environment,
  { repository, tag }: TagName,
  sources: TagSources,
): Promise<RepairOutcome> {
  // A run may publish the tag while an image is copied for it. Only the object that is seen here is replaced.
  const present = await environment.store.get(tagKey(repository, tag));
  const current = await findTag(environment, repository, tag);
  if (current !== undefined && (await isWhole(environment, repository, current.digest, current.bytes))) {
    return 'right';
  }
  const state = await RepositoryState.open(environment, repository);
  const entry = state.tag(tag);
  if (entry === undefined) return restoreUnlisted(environment, { repository, tag, present }, state, sources);
  for (const other of sources.others) {
    const copy = await readTag(other, repository, tag);
    if (copy === undefined || entry.digest !== copy.digest || entry.hold !== copy.hold) continue;
    // A tag may only name an image that this store has.
    if ((await findManifest(environment, repository, copy.digest)) === undefined) continue;
    if ((await copyTag(environment, other, { repository, tag, present, copy })) === 'conflict')
      return 'right';
    return { from: other.name };
  }
  const target = await findManifest(environment, repository, entry.digest);
  if (target === undefined) {
    return { failure: `the index says ${entry.digest}, and its manifest is missing too. ${BY_A_RUN}` };
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

/** Restores a tag that the index does not have, with its image, from another store. It never goes back by that. */
async function restoreUnlisted(
  environment: Environment,
  { repository, tag, present }: SeenTag,
  state: RepositoryState,
  { others, openStore, condemned }: TagSources,
): Promise<RepairOutcome> {
  const { store } = environment;
  if (typeof condemned === 'string') {
    return { failure: `it is not known whether prune has taken it away on purpose: ${condemned}` };
  }
  if (condemned.has(tagKey(repository, tag))) return { failure: 'prune is taking it away.' };
  const reasons: string[] = [];
  const movements = await store.list(historyPrefix(repository, tag), Number.MAX_SAFE_INTEGER);
  const last = await readMovement(store, movements.at(-1));
  for (const other of others) {
    const copy = await readTag(other, repository, tag);
    if (copy === undefined) continue;
    if (!(await isInStepWith(store, other, others))) {
      reasons.push(`${other.name} has the tag, and is not in step.`);
      continue;
    }
    if (last !== undefined && last.at > copy.moved && last.to !== copy.digest) {
      reasons.push(`${other.name} has an older image under the tag.`);
      continue;
    }
    const source = openStore(other, repository);
    const { digest, platforms } = copy;
    // A tag may only name an image that this store has.
    const failure = await restoreImage(environment, source, { repository, digest, platforms });
    if (failure !== undefined) {
      reasons.push(failure);
      continue;
    }
    // A store that still has movements has forgotten none of them.
    if (movements.length === 0)
      await restoreMovements(environment, other, source, { repository, tag, condemned });
    if ((await copyTag(environment, other, { repository, tag, present, copy })) === 'conflict')
      return 'right';
    // An index that is lost is made anew as a whole, with the pins that the other store knows.
    if ((await readEntries(store, repository)) !== undefined) {
      await state.note(toTagEntry(tag, copy, currentTargetOf(state, tag, copy)));
      await state.flush();
    }
    return { from: other.name };
  }
  const why =
    'neither the index of the repository nor another store that is in step says what it pointed to.';
  return { failure: [why, ...reasons, BY_A_RUN].join(' ') };
}

/** Copies the records of all movements of a tag, and the earlier images that they name, as far as they are there. */
async function restoreMovements(
  environment: Environment,
  other: ComparableStore,
  source: StoredSource,
  { repository, tag, condemned }: TagName & { readonly condemned: ReadonlySet<string> },
): Promise<void> {
  const { store, log } = environment;
  for (const key of await other.list(historyPrefix(repository, tag), Number.MAX_SAFE_INTEGER)) {
    const object = await other.get(key);
    const digest = object === undefined ? undefined : decodedMovement(key, object.bytes)?.to;
    if (object === undefined || digest === undefined) continue;
    const manifest = manifestKey(repository, digest);
    if (!condemned.has(manifest) && (await other.size(manifest)) !== undefined) {
      const failure = await restoreImage(environment, source, { repository, digest });
      if (failure !== undefined)
        log.warn(`${failure} An earlier image of ${repository}:${tag} does not come back.`);
    }
    await store.put(key, object.bytes, { contentType: 'application/json' });
  }
}

async function readMovement(
  store: Pick<Store, 'get'>,
  key: string | undefined,
): Promise<Movement | undefined> {
  const object = key === undefined ? undefined : await store.get(key);
  return key === undefined || object === undefined ? undefined : decodedMovement(key, object.bytes);
}

/** @returns undefined for a record that cannot be read */
function decodedMovement(key: string, bytes: Uint8Array): Movement | undefined {
  const movement = tryDecode(() => decodeMovement(key, bytes));
  return movement instanceof BucketObjectInvalidError ? undefined : movement;
}

/** The tag keeps its movement, so that both stores have the same tag. The record of the movement comes first, as in a run. */
async function copyTag(
  { store }: Environment,
  other: Pick<Store, 'name' | 'get'>,
  { repository, tag, present, copy }: SeenTag & { readonly copy: StoredTag },
): Promise<'written' | 'conflict'> {
  const { digest: to, moved: at, run } = copy;
  const movement = historyKey(repository, tag, new Date(at), run);
  if ((await store.get(movement)) === undefined) {
    const why = `restored by verify from ${other.name}`;
    const theirs = (await other.get(movement))?.bytes;
    await store.put(movement, theirs ?? encodeMovement({ from: undefined, to, at, run, why }), {
      contentType: 'application/json',
    });
  }
  const condition = present === undefined ? { ifNoneMatch: '*' as const } : { ifMatch: present.etag };
  return store.put(tagKey(repository, tag), copy.stored, { contentType: OCI_DESCRIPTOR, condition });
}

interface StoredTag extends TagObject {
  /** The bytes of the tag itself. */
  readonly stored: Uint8Array;
}

/** @returns undefined for a tag that is missing, cannot be read, or holds another manifest than it says */
async function readTag(
  store: Pick<Store, 'get'>,
  repository: Repository,
  tag: Tag,
): Promise<StoredTag | undefined> {
  const key = tagKey(repository, tag);
  const object = await store.get(key);
  if (object === undefined) return undefined;
  const read = tryDecode(() => decodeTag(key, object.bytes));
  if (read instanceof BucketObjectInvalidError || !(await hasDigest(read.bytes, read.digest)))
    return undefined;
  return { ...read, stored: object.bytes };
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
