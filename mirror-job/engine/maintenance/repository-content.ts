/** The objects of one repository as a listing has them, and the reading of those that pruning goes by. */
import type { Digest } from '../../../core/digest.ts';
import { decodeMovement, type Movement } from '../../../core/history.ts';
import { kindOfKey } from '../../../core/key-kind.ts';
import { REPOSITORIES, repositoryIndexKey, tagKey, tagListKey } from '../../../core/layout.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import { readRepositoryIndex, type IndexEntry } from '../../../core/repository-index.ts';
import { decodeTagList } from '../../../core/tag-list.ts';
import { decodeTag } from '../../../core/tag-object.ts';
import { StoreError, type ListedObject, type Store } from '../store/store.ts';
import { allOrThrow } from '../support/all-or-throw.ts';
import { createLimit } from '../support/limit.ts';
import type { StoredTag } from './tag-verdict.ts';

/** The reads of one repository that are under way. */
export const READS_AT_ONCE = 16;

export interface RepositoryContent {
  readonly repository: Repository;
  readonly tags: readonly Tag[];
  /** The keys of the movements of each tag, oldest first. */
  readonly movements: ReadonlyMap<Tag, readonly string[]>;
  /** When each was written; undefined if the listing does not say so. */
  readonly manifests: ReadonlyMap<Digest, Date | undefined>;
  readonly links: ReadonlySet<Digest>;
  /** The subjects that have a list of referrers. */
  readonly subjects: ReadonlySet<Digest>;
  /** By key: the bytes of each object. */
  readonly sizes: ReadonlyMap<string, number>;
}

/**
 * Groups a listing by repository, and holds one repository at a time. A store that lists in another order than that of the keys
 * would tear a repository apart, so it is refused.
 * @throws {StoreError}
 */
export async function* listRepositories(
  entries: AsyncIterable<ListedObject>,
  storeName: string,
): AsyncGenerator<RepositoryContent> {
  const done = new Set<string>();
  let prefix: string | undefined;
  let objects: ListedObject[] = [];
  for await (const object of entries) {
    const own = prefixOf(object.key);
    if (own !== prefix) {
      if (prefix !== undefined) yield* contentOf(objects);
      if (done.has(own)) {
        throw new StoreError(
          `${storeName}: it does not list its keys in their order, so it cannot be pruned.`,
        );
      }
      done.add(own);
      prefix = own;
      objects = [];
    }
    objects.push(object);
  }
  if (prefix !== undefined) yield* contentOf(objects);
}

/** No part of a repository's name begins with an underscore, and all of its own keys go on with one. */
function prefixOf(key: string): string {
  const at = key.indexOf('/_', REPOSITORIES.length - 1);
  return at === -1 ? key : key.slice(0, at + 2);
}

function* contentOf(objects: readonly ListedObject[]): Generator<RepositoryContent> {
  const movements = new Map<Tag, string[]>();
  const tags: Tag[] = [];
  const manifests = new Map<Digest, Date | undefined>();
  const [links, subjects] = [new Set<Digest>(), new Set<Digest>()];
  const sizes = new Map<string, number>();
  let repository: Repository | undefined;
  for (const { key, size, written } of objects) {
    const kind = kindOfKey(key);
    // A key that the layout does not have is not Lifeboat's, so its object stays.
    if (kind === undefined || !('repository' in kind)) continue;
    ({ repository } = kind);
    sizes.set(key, size);
    if (kind.kind === 'tag') tags.push(kind.tag);
    else if (kind.kind === 'manifest') manifests.set(kind.digest, written);
    else if (kind.kind === 'link') links.add(kind.digest);
    else if (kind.kind === 'referrers') subjects.add(kind.digest);
    else if (kind.kind === 'movement') {
      const own = movements.get(kind.tag);
      if (own === undefined) movements.set(kind.tag, [key]);
      else own.push(key);
    }
  }
  for (const keys of movements.values()) keys.sort();
  if (repository !== undefined) yield { repository, tags, movements, manifests, links, subjects, sizes };
}

export interface RepositoryFacts {
  readonly tags: readonly StoredTag[];
  readonly entries: readonly IndexEntry[];
  /** Whether the index was lost and made anew, so that nobody knows what was pinned. */
  readonly mayLackPins: boolean;
}

/**
 * Reads the tags and the index.
 * @throws {BucketObjectInvalidError} for one that cannot be read: nothing is pruned on the strength of a guess
 * @throws {StoreError}
 */
export async function readFacts(
  store: Pick<Store, 'name' | 'get'>,
  { repository, tags, sizes }: RepositoryContent,
): Promise<RepositoryFacts> {
  const indexKey = repositoryIndexKey(repository);
  const index = sizes.has(indexKey) ? await store.get(indexKey) : undefined;
  const { entries, listsEveryTag, mayLackPins } =
    index === undefined
      ? { entries: [], listsEveryTag: false, mayLackPins: false }
      : readRepositoryIndex(indexKey, index.bytes);
  const ofTag = new Map(
    entries.flatMap((entry) => (entry.kind === 'tag' ? [[entry.tag, entry] as const] : [])),
  );
  const atOnce = createLimit(READS_AT_ONCE);
  const stored = await allOrThrow(
    tags.map((tag) =>
      atOnce(async () => {
        const key = tagKey(repository, tag);
        const object = await store.get(key);
        if (object === undefined) return undefined;
        // Its manifest is dropped at once, because a repository may have many tags.
        const { digest, moved, run, hold, platforms } = decodeTag(key, object.bytes);
        return { tag, object: { digest, moved, run, hold, platforms }, entry: ofTag.get(tag) };
      }),
    ),
  );
  const found = stored.filter((one) => one !== undefined);
  const isIndexed = found.every(({ entry }) => entry !== undefined);
  const listed = isIndexed || !listsEveryTag ? undefined : await readListed(store, repository);
  return {
    tags: found.map(({ tag, object, entry }) => ({
      tag,
      object,
      entry,
      isUnlisted: entry === undefined && listed !== undefined && !listed.has(tag),
    })),
    entries,
    mayLackPins,
  };
}

/** @returns undefined if there is no list, so that it proves nothing */
async function readListed(
  store: Pick<Store, 'get'>,
  repository: Repository,
): Promise<ReadonlySet<Tag> | undefined> {
  const key = tagListKey(repository);
  const object = await store.get(key);
  return object === undefined ? undefined : new Set(decodeTagList(key, object.bytes));
}

/** The part of a tag's records that is still within the retention. */
export interface KeptHistory {
  readonly digests: ReadonlySet<Digest>;
  /** The keys of the records that are older. */
  readonly surplus: readonly string[];
}

export interface KnownMovement extends Pick<Movement, 'to' | 'at'> {
  readonly key: string;
}

async function readMovement(store: Pick<Store, 'get'>, key: string): Promise<Movement | undefined> {
  const object = await store.get(key);
  return object === undefined ? undefined : decodeMovement(key, object.bytes);
}

/**
 * Reads the records from the newest back, until the tag has had as many digests as stay and the rest is old enough.
 * @param keys of one tag, oldest first
 * @param isGone whether the tag goes: then only what is young stays
 * @param current the movement that the tag itself tells of, whose record need not be read
 * @throws {BucketObjectInvalidError} and {StoreError}
 */
export async function readHistory(
  store: Pick<Store, 'get'>,
  keys: readonly string[],
  {
    history,
    isOld,
    isGone,
    current,
  }: {
    readonly history: number;
    readonly isOld: (time: string) => boolean;
    readonly isGone: boolean;
    readonly current: KnownMovement | undefined;
  },
): Promise<KeptHistory> {
  const digests = new Set<Digest>();
  /** When the tag went on from the digest that the next older record is about. */
  let left: string | undefined;
  for (let index = keys.length - 1; index >= 0; index -= 1) {
    if (!isGone && digests.size >= history && left !== undefined && isOld(left)) {
      return { digests, surplus: keys.slice(0, index + 1) };
    }
    const key = keys[index] ?? '';
    const movement = key === current?.key ? current : await readMovement(store, key);
    if (movement === undefined) continue;
    const { to, at } = movement;
    if (isGone && isOld(left ?? at)) return { digests, surplus: keys.slice(0, index + 1) };
    digests.add(to);
    left = at;
  }
  return { digests, surplus: [] };
}
