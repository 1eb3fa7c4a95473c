/** Restores a tag that is missing or damaged, at the digest that the index of its repository or a store in step says. */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import { isEqual } from '../../../core/bytes.ts';
import { hasDigest, type Digest } from '../../../core/digest.ts';
import { encodeMovement } from '../../../core/history.ts';
import { historyKey, tagKey } from '../../../core/layout.ts';
import { OCI_DESCRIPTOR } from '../../../core/media-type.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import { decodeTag, type TagObject } from '../../../core/tag-object.ts';
import { findManifest } from '../copy/find-manifest.ts';
import type { Environment } from '../environment.ts';
import { readManifest } from '../graph/read-manifest.ts';
import { tryDecode } from '../store/decode-object.ts';
import type { ComparableStore, Store } from '../store/store.ts';
import { findTag, publishTag } from '../tags/publish.ts';
import { RepositoryState } from '../tags/repository-state.ts';
import { currentTargetOf, toTagEntry } from '../tags/tag-memory.ts';
import { isInStepWith } from './step-notes.ts';
import type { RepairOutcome } from './repair-objects.ts';

/**
 * Another store's tag counts if the index says the same of it. Without an entry in the index, it counts if that store is in
 * step: a store that is behind has an older image under the tag. A tag that can be read by now is left alone.
 * @param others the other stores of the mirror
 * @throws {StoreError}
 */
export async function restoreTag(
  environment: Environment,
  { repository, tag }: { readonly repository: Repository; readonly tag: Tag },
  others: readonly ComparableStore[],
): Promise<RepairOutcome> {
  const current = await findTag(environment, repository, tag);
  if (current !== undefined && (await isWhole(environment, repository, current.digest, current.bytes))) {
    return 'right';
  }
  const state = await RepositoryState.open(environment, repository);
  const entry = state.tag(tag);
  for (const other of others) {
    const copy = await readTag(other, repository, tag);
    if (copy === undefined) continue;
    const counts =
      entry === undefined
        ? await isInStepWith(environment.store, other, others)
        : entry.digest === copy.digest && entry.hold === copy.hold;
    // A tag may only name an image that this store has.
    if (!counts || (await findManifest(environment, repository, copy.digest)) === undefined) continue;
    if ((await copyTag(environment, other, { repository, tag, copy })) === 'conflict') return 'right';
    if (entry === undefined) {
      await state.note(toTagEntry(tag, copy, currentTargetOf(state, tag, copy)));
      await state.flush();
    }
    return { from: other.name };
  }
  const target = entry === undefined ? undefined : await findManifest(environment, repository, entry.digest);
  if (entry === undefined || target === undefined) {
    return {
      failure:
        'neither the index of the repository nor another store that is in step says what it pointed to, or its manifest is missing too. The next "lifeboat sync" makes the tag anew if the configuration selects it.',
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

/** The tag keeps its movement, so that both stores have the same tag. The record of the movement comes first, as in a run. */
async function copyTag(
  { store }: Environment,
  other: Pick<Store, 'name' | 'get'>,
  { repository, tag, copy }: { readonly repository: Repository; readonly tag: Tag; readonly copy: StoredTag },
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
  const key = tagKey(repository, tag);
  const present = await store.get(key);
  const condition = present === undefined ? { ifNoneMatch: '*' as const } : { ifMatch: present.etag };
  return store.put(key, copy.stored, { contentType: OCI_DESCRIPTOR, condition });
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
