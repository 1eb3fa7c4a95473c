/**
 * Makes the content of a repository's index anew if the index is lost. The tags say again what they point to. Pins, and the
 * digests that wait for a decision, are in no other object of the bucket, so they come from the index of another store.
 * docs/decisions/0206-an-index-that-is-lost.md
 */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import { decodeCatalog } from '../../../core/catalog.ts';
import type { Digest } from '../../../core/digest.ts';
import {
  isStateKey,
  manifestKey,
  repositoryIndexKey,
  repositoryPrefix,
  STATE,
} from '../../../core/layout.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import {
  entryKey,
  readRepositoryIndex,
  type IndexEntry,
  type RepositoryIndex,
} from '../../../core/repository-index.ts';
import type { TagObject } from '../../../core/tag-object.ts';
import type { Environment } from '../environment.ts';
import { tryDecode } from '../store/decode-object.ts';
import { insideSentence } from '../store/store-name.ts';
import { StoreError, type Store } from '../store/store.ts';
import { allOrThrow } from '../support/all-or-throw.ts';
import { createLimit } from '../support/limit.ts';
import { findTag } from './publish.ts';
import { listTagNames } from './tag-names.ts';
import { currentTargetOf, toTagEntry, type TagMemory } from './tag-memory.ts';
import { orderOf } from './tag-policy.ts';

const READS_AT_ONCE = 16;

export interface Recovery {
  /** The entries that the index is to have, besides those that it has. */
  readonly entries: readonly IndexEntry[];
  /** The names of the other stores whose indexes were read. None if no other store has a whole one. */
  readonly from: readonly string[];
  /** Whether pins may be lost: the index was whole once, and no other store has it. */
  readonly mayLackPins: boolean;
}

export interface RecoveryOptions {
  /** Looks whether the repository has no object yet. It is asked if there is no index. */
  readonly isNew?: () => Promise<boolean>;
  /** Told, in sentences, that pins may be lost. A warning unless said otherwise. */
  readonly onLost?: (message: string) => void;
}

/** `marked`: an earlier writer made it anew, and found no other store that had it. */
type Loss = 'missing' | 'unreadable' | 'marked';

/**
 * @param stored the index as it was read: whether there is an object, and what it says if it can be read
 * @returns undefined for an index that is whole, and for a repository that is new
 * @throws {StoreError} also if another store cannot be read, because then nobody knows what the index had; if this store has
 *   nothing of the repository and another one has an index of it; and if this store lacks a manifest that the index has to name
 */
export async function recoverIndex(
  environment: Pick<Environment, 'store' | 'replicas' | 'readOthers' | 'log'>,
  repository: Repository,
  stored: { readonly isThere: boolean; readonly index: RepositoryIndex | undefined },
  {
    isNew = () => isEmpty(environment, repository),
    onLost = (message) => environment.log.warn(message),
  }: RecoveryOptions,
): Promise<Recovery | undefined> {
  if (stored.index?.mayLackPins === false) return undefined;
  if (!stored.isThere && (await isNew())) {
    await refuseLostWhole(environment, repository);
    return undefined;
  }
  const loss = stored.index !== undefined ? 'marked' : stored.isThere ? 'unreadable' : 'missing';
  const { store, replicas } = environment;
  const found = new Map<string, IndexEntry>();
  const from: string[] = [];
  // In the order of the stores, which is the order of trust. The one with the lost index is among them, and has no whole one.
  for (const replica of replicas?.() ?? []) {
    const index = await readWholeIndex(replica, repository);
    if (index === undefined) continue;
    from.push(replica.name);
    for (const entry of index.entries) {
      const key = entryKey(entry);
      if (!found.has(key)) found.set(key, entry);
    }
  }
  const kept = [...found.values()].filter(({ kind }) => kind !== 'tag');
  const lacking = await lackingDigests(store, repository, kept);
  if (lacking.length > 0) {
    throw new StoreError(
      `${repositoryIndexKey(repository)} ${HOW[loss]}. Its pins and waiting digests are in ${from.map(insideSentence).join(' and ')}, and ${insideSentence(store.name)} lacks manifests of them. Nothing of ${repository} is written in this run. "lifeboat verify --repair" brings them back from the other store: ${lacking.join(', ')}.`,
    );
  }
  const tags = loss === 'marked' ? [] : await tagEntries(environment, repository, found, kept);
  const mayLackPins = from.length === 0 && (loss !== 'missing' || (await isInCatalog(store, repository)));
  const reached = new Set(
    [...(stored.index?.entries ?? []), ...tags].flatMap((entry) =>
      entry.kind === 'tag' ? [entryKey({ ...entry, kind: 'candidate' })] : [],
    ),
  );
  const entries = [...kept.filter((entry) => !reached.has(entryKey(entry))), ...tags];
  // A repository that was pruned whole in this store alone has nothing to take.
  if (from.length > 0 && entries.length > 0) environment.log.warn(recoveredText(repository, loss, from));
  // One that is marked was told of when it was lost.
  if (mayLackPins && loss !== 'marked') onLost(lostText(repository, loss, replicas !== undefined));
  return { entries, from, mayLackPins };
}

async function isEmpty({ store }: Pick<Environment, 'store'>, repository: Repository): Promise<boolean> {
  return (await store.list(repositoryPrefix(repository), 1)).length === 0;
}

/**
 * A store that has lost a repository whole looks like one that never had it, and a run would write the new index and list over
 * those of the other stores. Costs one read per later store. A run goes on without one that fails, as with every other call.
 * @throws {StoreError}
 */
async function refuseLostWhole(
  { store, readOthers }: Pick<Environment, 'store' | 'readOthers'>,
  repository: Repository,
): Promise<void> {
  const key = repositoryIndexKey(repository);
  for (const { store: other, object } of (await readOthers?.(key)) ?? []) {
    const index = tryDecode(() => readRepositoryIndex(key, object.bytes));
    if (!(index instanceof BucketObjectInvalidError) && index.entries.length === 0) continue;
    throw new StoreError(
      `${store.name} has nothing of ${repository}, and ${insideSentence(other)} has an index of it. Nothing of ${repository} is written in this run. "lifeboat verify --repair" brings it back from the other store.`,
    );
  }
}

const HOW: Readonly<Record<Loss, string>> = {
  missing: 'is missing',
  unreadable: 'could not be read',
  marked: 'was lost before',
};

function recoveredText(repository: Repository, loss: Loss, from: readonly string[]): string {
  return `${repositoryIndexKey(repository)} ${HOW[loss]}. Its pins, and the digests that wait for a decision, come from ${from.map(insideSentence).join(' and ')}.`;
}

function lostText(repository: Repository, loss: Loss, hasOthers: boolean): string {
  const others = hasOthers ? ', and no other store has it' : '';
  return `${repositoryIndexKey(repository)} ${HOW[loss]}${others}: it was made anew from the tags. ${mayBeLostText(repository)}`;
}

/** @returns the sentence for an index that was whole when a run read or wrote it, and is not when it writes it again */
export function lostMeanwhileText(repository: Repository, loss: 'missing' | 'unreadable'): string {
  return `${repositoryIndexKey(repository)} ${HOW[loss]}, and was whole before: it was made anew from what this run had read of it. ${mayBeLostText(repository)}`;
}

function mayBeLostText(repository: Repository): string {
  return `Pins, and digests that waited for a decision, may be lost. "lifeboat verify --repair" names the digests of ${repository} that may have lost their pin; until then, pruning leaves them.`;
}

/** @returns undefined for one that is missing, cannot be read, or may lack pins itself. @throws {StoreError} */
async function readWholeIndex(
  store: Pick<Store, 'get'>,
  repository: Repository,
): Promise<RepositoryIndex | undefined> {
  const key = repositoryIndexKey(repository);
  const object = await store.get(key);
  if (object === undefined) return undefined;
  const index = tryDecode(() => readRepositoryIndex(key, object.bytes));
  return index instanceof BucketObjectInvalidError || index.mayLackPins ? undefined : index;
}

/** @returns the digests of those entries whose manifest this store lacks: an index may name no other */
async function lackingDigests(
  store: Pick<Store, 'size'>,
  repository: Repository,
  entries: readonly IndexEntry[],
): Promise<readonly Digest[]> {
  const atOnce = createLimit(READS_AT_ONCE);
  const digests = [...new Set(entries.map(({ digest }) => digest))];
  const lacking = await allOrThrow(
    digests.map((digest) =>
      atOnce(async () => ((await store.size(manifestKey(repository, digest))) === undefined ? [digest] : [])),
    ),
  );
  return lacking.flat();
}

/** Reads every tag, and keeps its manifest no longer than for its entry. */
async function tagEntries(
  environment: Pick<Environment, 'store'>,
  repository: Repository,
  found: ReadonlyMap<string, IndexEntry>,
  kept: readonly IndexEntry[],
): Promise<readonly IndexEntry[]> {
  const memory = memoryOf(kept);
  const atOnce = createLimit(READS_AT_ONCE);
  const names = await listTagNames(environment.store, repository);
  const entries = await allOrThrow(
    names.map((name) =>
      atOnce(async () => {
        const tag = await findTag(environment, repository, name);
        return tag === undefined ? [] : [tagEntry(name, tag, memory, found.get(`tag ${name}`))];
      }),
    ),
  );
  return entries.flat();
}

/** @param theirs the entry that another store's index has */
function tagEntry(name: Tag, tag: TagObject, memory: TagMemory, theirs: IndexEntry | undefined): IndexEntry {
  if (theirs?.kind === 'tag' && theirs.digest === tag.digest && theirs.hold === tag.hold) return theirs;
  const target = currentTargetOf(memory, name, tag);
  const candidates = memory.candidates(name);
  if (candidates.length === 0 || candidates.some(({ digest }) => digest === tag.digest)) {
    return toTagEntry(name, tag, target);
  }
  // The tag has moved since the other store's index was written, so none of its candidates came after the tag's digest.
  const latest = Math.max(...candidates.map((one) => orderOf(one).last + 1), orderOf(target).last);
  return toTagEntry(name, tag, { ...target, sightings: { first: latest, last: latest } });
}

function memoryOf(entries: readonly IndexEntry[]): TagMemory {
  const candidates = Map.groupBy(
    entries.filter((entry) => entry.kind === 'candidate'),
    ({ tag }) => tag,
  );
  return { tag: () => undefined, candidates: (tag) => candidates.get(tag) ?? [] };
}

/**
 * Whether a run has mirrored the repository to the end, so that it had an index. Without a catalogue's word, a run may have
 * been killed before it wrote the first one.
 */
async function isInCatalog(store: Pick<Store, 'get' | 'list'>, repository: Repository): Promise<boolean> {
  const keys = await store.list(STATE, Number.MAX_SAFE_INTEGER);
  for (const key of keys) {
    if (!isStateKey(key, 'catalog.json')) continue;
    const object = await store.get(key);
    const names = object === undefined ? [] : tryDecode(() => decodeCatalog(key, object.bytes));
    // A catalogue that cannot be read may have any name.
    if (names instanceof BucketObjectInvalidError || names.includes(repository)) return true;
  }
  return false;
}
