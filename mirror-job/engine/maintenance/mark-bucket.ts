/** Finds everything in a bucket that nothing needs, by listings that are read page by page. Nothing is written. */
import { hexOf, type Digest } from '../../../core/digest.ts';
import { BLOBS, REPOSITORIES, blobOfKey } from '../../../core/layout.ts';
import type { Repository } from '../../../core/reference.ts';
import type { ComparableStore } from '../store/store.ts';
import { markRepository, type RepositoryMark, type Unneeded } from './mark-repository.ts';
import { workedAhead } from '../support/worked-ahead.ts';
import { listRepositories, type RepositoryContent } from './repository-content.ts';
import type { PolicyOf } from './repository-policy.ts';
import { blobsOfUntouched } from './untouched-blobs.ts';

/** Each waits for its reads one after the other, and is in memory with the names of its objects. */
const REPOSITORIES_AT_ONCE = 4;

export interface BucketTotals {
  readonly objects: number;
  /** Bytes. */
  readonly bytes: number;
}

export interface MarkVisitor {
  /** A repository of which something may be pruned, once it was read. Awaited, so that a sweep can delete at once. */
  repository(repository: Repository, mark: RepositoryMark): Promise<void> | void;
  /** A repository of which nothing is pruned. @param why part of a sentence */
  untouched?(repository: Repository, why: string): void;
  /** A blob that no repository keeps. */
  blob(unneeded: Unneeded): Promise<void> | void;
}

export interface MarkBucketOptions {
  readonly store: Pick<ComparableStore, 'name' | 'get' | 'entries'>;
  readonly policyOf: PolicyOf;
  readonly now: Date;
  readonly mayGo?: (key: string) => boolean;
  /** Called often, and may throw to end the work. */
  readonly onProgress?: () => Promise<void> | void;
}

/**
 * Holds four repositories at a time, and the digests of the blobs that stay.
 * @returns the count and the bytes of all images and blobs
 * @throws {IncompleteImageError}, {BucketObjectInvalidError} and {StoreError}: then nothing may be deleted
 */
export async function markBucket(
  { store, policyOf, now, mayGo = () => true, onProgress = () => {} }: MarkBucketOptions,
  visitor: MarkVisitor,
): Promise<BucketTotals> {
  let [objects, bytes] = [0, 0];
  const kept = new DigestSet();
  const mark = async (content: RepositoryContent) => {
    const policy = policyOf(content.repository);
    if (typeof policy === 'string') {
      return { content, why: policy, blobs: await blobsOfUntouched(store, content) };
    }
    const judged = await markRepository(content, policy, { store, now, mayGo });
    return { content, judged, blobs: judged.blobs };
  };
  const repositories = listRepositories(store.entries(REPOSITORIES), store.name);
  for await (const { content, judged, why, blobs } of workedAhead(repositories, REPOSITORIES_AT_ONCE, mark)) {
    await onProgress();
    objects += content.sizes.size;
    for (const size of content.sizes.values()) bytes += size;
    for (const digest of blobs) kept.add(digest);
    if (judged === undefined) visitor.untouched?.(content.repository, why);
    else await visitor.repository(content.repository, judged);
  }
  for await (const { key, size } of store.entries(BLOBS)) {
    objects += 1;
    bytes += size;
    if (objects % 1000 === 0) await onProgress();
    const digest = blobOfKey(key);
    if (digest === undefined || kept.has(digest) || !mayGo(key)) continue;
    await visitor.blob({ key, size, why: 'no repository needs it' });
  }
  return { objects, bytes };
}

/**
 * Remembers digests by 64 of their bits. Two digests that share these bits keep each other's blob, which loses nothing.
 */
class DigestSet {
  readonly #known = new Set<bigint>();

  add(digest: Digest): void {
    this.#known.add(keyOf(digest));
  }

  has(digest: Digest): boolean {
    return this.#known.has(keyOf(digest));
  }
}

function keyOf(digest: Digest): bigint {
  return BigInt(`0x${hexOf(digest).slice(0, 16)}`);
}
