/**
 * Makes the index of a repository anew. Its tags say again what they point to. Its pins, and the digests that wait for a decision,
 * are in no other object of the bucket, so those of a lost index come from other stores.
 */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import type { Digest } from '../../../core/digest.ts';
import { manifestKey } from '../../../core/layout.ts';
import type { Repository } from '../../../core/reference.ts';
import { entryKey, type IndexEntry } from '../../../core/repository-index.ts';
import type { Environment } from '../environment.ts';
import { walkClosure, type ClosureRoot, type ClosureVisitor } from '../graph/closure-walk.ts';
import type { ComparableStore } from '../store/store.ts';
import { RepositoryState } from '../tags/repository-state.ts';
import { currentTargetOf, toTagEntry } from '../tags/tag-memory.ts';
import { listRepository } from './bucket-listing.ts';
import { restoreImage } from './image-restore.ts';
import { FROM_BUCKET, type RepairOutcome } from './repair-objects.ts';
import { readEntries, readTags } from './stored-roots.ts';
import type { TagSources } from './tag-repair.ts';

/**
 * @param bucket the same bucket as `environment.store`
 * @throws {StoreError}
 */
export async function rebuildIndex(
  environment: Environment,
  bucket: ComparableStore,
  repository: Repository,
  { others, openStore, condemned }: TagSources,
): Promise<RepairOutcome> {
  const { store } = environment;
  // The repair itself says what is lost.
  const state = await RepositoryState.open(environment, repository, { onLost: () => {} });
  const isLost = state.recovery !== undefined;
  const found = isLost ? await entriesOf(others, repository) : new Map<string, FoundEntry>();
  const sources = new Set<string>();
  const failures: string[] = [];
  for (const { entry, from } of found.values()) {
    const { digest, platforms } = entry;
    const isCondemned = typeof condemned === 'string' || condemned.has(manifestKey(repository, digest));
    if (entry.kind === 'tag' || isCondemned) continue;
    // An index may only name what this store has.
    const failure = await restoreImage(environment, openStore(from, repository), {
      repository,
      digest,
      platforms,
    });
    if (failure !== undefined) {
      const sentence = `${failure} ${repository}@${digest} does not come back.`;
      const isThere = (await from.size(manifestKey(repository, digest))) !== undefined;
      if (isThere) failures.push(sentence);
      else environment.log.warn(sentence);
      continue;
    }
    await state.note(entry);
    sources.add(from.name);
  }
  for (const [name, tag] of await readTags(store, repository)) {
    const own = state.tag(name);
    const theirs = found.get(`tag ${name}`)?.entry;
    const isSame = theirs?.kind === 'tag' && theirs.digest === tag.digest && theirs.hold === tag.hold;
    const isRight = own?.digest === tag.digest && own.hold === tag.hold;
    // The other store knows since when upstream has shown the digest.
    if (isRight && !isSame) continue;
    if (!isRight) await state.unlist(name);
    await state.note(isSame ? theirs : toTagEntry(name, tag, currentTargetOf(state, name, tag)));
  }
  if (!isLost) {
    await state.flush();
    return FROM_BUCKET;
  }
  const unprotected = await findUnprotected(environment, bucket, repository, state.entries());
  if (state.isEmpty) {
    return { failure: 'no tag and no other store says what it had.', unprotected };
  }
  // The mark stays as long as another store has more, so that the next repair asks again.
  if (failures.length === 0) state.acceptLoss();
  await state.flush();
  if (failures.length > 0) return { failure: failures.join(' '), unprotected };
  const from = ['the bucket itself', ...sources].join(' and ');
  return { from, unprotected };
}

interface FoundEntry {
  readonly entry: IndexEntry;
  /** The store that has it. */
  readonly from: ComparableStore;
}

/** The entries of the indexes of stores, by `entryKey`. The first store that has an entry counts. */
async function entriesOf(
  stores: readonly ComparableStore[],
  repository: Repository,
): Promise<ReadonlyMap<string, FoundEntry>> {
  const found = new Map<string, FoundEntry>();
  for (const store of stores) {
    for (const entry of (await readEntries(store, repository)) ?? []) {
      const key = entryKey(entry);
      if (!found.has(key)) found.set(key, { entry, from: store });
    }
  }
  return found;
}

/** @returns the manifests that no entry leads to, without those that belong to another one of them. Pruning may take them */
async function findUnprotected(
  { store }: Environment,
  bucket: ComparableStore,
  repository: Repository,
  entries: readonly IndexEntry[],
): Promise<readonly Digest[]> {
  const { manifests } = await listRepository(bucket, repository);
  const rest = new Set(manifests.keys());
  const walk = (roots: readonly ClosureRoot[], manifest: ClosureVisitor['manifest']): Promise<void> =>
    walkClosure(roots, { manifest, broken: () => {}, blob: () => {} }, { store, repository });
  const needed = entries.map(({ digest, platforms }) => ({ digest, platforms }));
  const parts = new Set<Digest>();
  try {
    await walk(needed, ({ digest }) => rest.delete(digest));
    const roots = [...rest].map((digest) => ({ digest, platforms: undefined, isOptional: true }));
    await walk(roots, ({ digest }, { manifest }) => {
      for (const child of manifest.manifests) parts.add(child.digest);
      if (manifest.subject !== undefined && rest.has(manifest.subject.digest)) parts.add(digest);
    });
  } catch (error) {
    // A list of referrers cannot be read, so more digests are named than may have lost their pin.
    if (!(error instanceof BucketObjectInvalidError)) throw error;
  }
  return [...rest].filter((digest) => !parts.has(digest)).toSorted();
}
