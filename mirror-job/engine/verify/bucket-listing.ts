/** Reads from listings alone all that they tell of a bucket: its blobs, and of each repository the objects that it has. */
import type { Digest } from '../../../core/digest.ts';
import { kindOfKey } from '../../../core/key-kind.ts';
import {
  BLOBS,
  blobOfKey,
  IDENTITY_KEY,
  REPOSITORIES,
  repositoryPrefix,
  STATE,
} from '../../../core/layout.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import { StoreError, type ComparableStore, type ListedObject } from '../store/store.ts';
import { DigestTable } from './digest-table.ts';
import { listedAhead } from './listed-ahead.ts';

/** Objects: two pages. */
const LISTED_AHEAD = 2000;

type Lister = Pick<ComparableStore, 'name' | 'entries'>;

/** The size in bytes, and the ETag. */
export type Listed = Omit<ListedObject, 'key'>;

export interface RepositoryListing {
  readonly repository: Repository;
  readonly manifests: Map<Digest, Listed>;
  readonly links: Map<Digest, Listed>;
  /** The subjects that have a list of referrers. */
  readonly referrers: Set<Digest>;
  readonly tags: Set<Tag>;
  /** By each tag that has ever moved, the key of its newest movement. */
  readonly moved: Map<Tag, string>;
}

/** Hears of each object that is listed. */
export interface ListingWatch {
  /** @param size in bytes */
  readonly onObject: (size: number) => void;
  /** A key that the layout does not have. */
  readonly onStray: (key: string) => void;
  /** The key of an object of the state. */
  readonly onState: (key: string) => void;
}

/** @throws {StoreError} */
export async function listBlobs(store: Lister): Promise<DigestTable> {
  const blobs = new DigestTable();
  for await (const { key, size } of store.entries(BLOBS)) {
    const digest = blobOfKey(key);
    if (digest !== undefined) blobs.add(digest, size);
  }
  return blobs;
}

/**
 * Lists the whole bucket once. Blobs come before repositories in the order of keys, so that all blobs are in the table when the
 * first repository is there. Only one repository is in memory.
 * @throws {StoreError}, also for a store that does not list in the order of keys
 */
export async function* listBucket(
  store: Lister,
  blobs: DigestTable,
  watch: ListingWatch,
): AsyncGenerator<RepositoryListing> {
  yield* group(
    store,
    '',
    (key, size) => {
      watch.onObject(size);
      if (key.startsWith(REPOSITORIES)) return true;
      const digest = blobOfKey(key);
      if (digest !== undefined) blobs.add(digest, size);
      else if (key.startsWith(STATE)) watch.onState(key);
      else if (key !== IDENTITY_KEY) watch.onStray(key);
      return false;
    },
    watch.onStray,
  );
}

/** Lists one repository again. @throws {StoreError} */
export async function listRepository(store: Lister, repository: Repository): Promise<RepositoryListing> {
  const all = group(
    store,
    repositoryPrefix(repository),
    () => true,
    () => {},
  );
  for await (const listing of all) return listing;
  return emptyListing(repository);
}

/** @param isOfRepository hears of each object, and says whether it belongs to a repository */
async function* group(
  store: Lister,
  prefix: string,
  isOfRepository: (key: string, size: number) => boolean,
  onStray: (key: string) => void,
): AsyncGenerator<RepositoryListing> {
  let current: RepositoryListing | undefined;
  let last = '';
  for await (const { key, size, etag } of listedAhead(store.entries(prefix), LISTED_AHEAD)) {
    if (key < last) {
      throw new StoreError(
        `${store.name}: it lists ${key} after ${last}, not in the order of keys, as the S3 API has it.`,
      );
    }
    last = key;
    if (!isOfRepository(key, size)) continue;
    const kind = kindOfKey(key);
    if (kind === undefined || !('repository' in kind)) {
      onStray(key);
      continue;
    }
    if (current?.repository !== kind.repository) {
      if (current !== undefined) yield current;
      current = emptyListing(kind.repository);
    }
    if (kind.kind === 'manifest') current.manifests.set(kind.digest, { size, etag });
    if (kind.kind === 'link') current.links.set(kind.digest, { size, etag });
    if (kind.kind === 'referrers') current.referrers.add(kind.digest);
    if (kind.kind === 'tag') current.tags.add(kind.tag);
    // Keys come in order, and begin with the time.
    if (kind.kind === 'movement') current.moved.set(kind.tag, key);
  }
  if (current !== undefined) yield current;
}

function emptyListing(repository: Repository): RepositoryListing {
  return {
    repository,
    manifests: new Map(),
    links: new Map(),
    referrers: new Set(),
    tags: new Set(),
    moved: new Map(),
  };
}
