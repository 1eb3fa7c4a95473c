/**
 * Finds the tags that a repository has lost, by those who still name them. A tag that was removed on purpose is named by nobody
 * who counts: docs/decisions/0203-a-lost-tag-and-a-removed-one.md
 */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import type { Digest } from '../../../core/digest.ts';
import { decodeMovement } from '../../../core/history.ts';
import { repositoryIndexKey, tagKey, tagsPrefix } from '../../../core/layout.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import { decodeRepositoryIndex, type RepositoryIndex } from '../../../core/repository-index.ts';
import { tryDecode } from '../store/decode-object.ts';
import { insideSentence } from '../store/store-name.ts';
import { tagsAmong } from '../tags/tag-names.ts';
import type { RepositoryListing } from './bucket-listing.ts';
import { CheckedStore, TooLarge, Unknown } from './checked-store.ts';

export interface TagEvidence {
  readonly listing: RepositoryListing;
  /** A text for one that is missing or cannot be read. */
  readonly index: RepositoryIndex | string | Unknown;
  readonly list: readonly Tag[] | string | Unknown;
}

export interface LostTagOptions {
  /** The other stores of the mirror. */
  readonly others: readonly CheckedStore[];
  /** Whether a catalogue of the bucket has the repository. */
  readonly isListed: boolean;
  /** Whether a prune has condemned a key, so that it went on purpose. */
  readonly isCondemned: (key: string) => boolean;
}

export interface LostTags {
  /** By each tag, who names it: the subject of a sentence. */
  readonly tags: ReadonlyMap<Tag, string>;
  /** Whether another store has something of a repository whose index is lost here; undefined if one of them could not be read. */
  readonly isElsewhere: boolean | undefined;
}

/** Tags that the index has are not among them, because they are a problem anyway. */
export async function findLostTags(evidence: TagEvidence, options: LostTagOptions): Promise<LostTags> {
  const { listing, index, list } = evidence;
  const { repository, tags: present } = listing;
  if (index instanceof Unknown || list instanceof Unknown) return { tags: new Map(), isElsewhere: false };
  const isIndexLost = typeof index === 'string';
  const indexed = new Set(
    isIndexLost ? [] : index.entries.flatMap((entry) => (entry.kind === 'tag' ? [entry.tag] : [])),
  );
  const named = new Map<Tag, string>();
  const name = (tag: Tag, by: string): void => {
    if (!present.has(tag) && !indexed.has(tag) && !named.has(tag)) named.set(tag, by);
  };
  const elsewhere: (boolean | undefined)[] = [];
  if (isIndexLost && (present.size > 0 || options.isListed)) {
    for (const other of options.others) {
      const tags = await tagsOf(other, repository);
      if (tags instanceof Unknown) {
        elsewhere.push(undefined);
        continue;
      }
      elsewhere.push(tags.length > 0 || (await hasEntries(other, repository)));
      for (const tag of tags) name(tag, `${insideSentence(other.store.name)} has it`);
    }
  }
  if (typeof list !== 'string') {
    // A list is rewritten before a tag is taken away. Without a movement, there has never been such a tag.
    for (const tag of list) if (isIndexLost || listing.moved.has(tag)) name(tag, 'the list of tags names it');
  } else if (isIndexLost && present.size > 0) {
    for (const tag of listing.moved.keys()) name(tag, 'the history names it');
  }
  for (const tag of named.keys()) {
    if (options.isCondemned(tagKey(repository, tag))) named.delete(tag);
  }
  return {
    tags: named,
    isElsewhere: elsewhere.includes(true) || (elsewhere.includes(undefined) ? undefined : false),
  };
}

/** @returns the digest of the newest movement; undefined if there is none that can be read */
export async function lastDigest(
  store: CheckedStore,
  { moved }: RepositoryListing,
  tag: Tag,
): Promise<Digest | undefined> {
  const key = moved.get(tag);
  const object = key === undefined ? undefined : await store.get(key);
  if (key === undefined || object === undefined || object instanceof TooLarge || object instanceof Unknown)
    return undefined;
  const movement = tryDecode(() => decodeMovement(key, object.bytes));
  return movement instanceof BucketObjectInvalidError ? undefined : movement.to;
}

async function tagsOf(other: CheckedStore, repository: Repository): Promise<readonly Tag[] | Unknown> {
  const keys = await other.list(tagsPrefix(repository));
  return keys instanceof Unknown ? keys : tagsAmong(keys, repository);
}

async function hasEntries(other: CheckedStore, repository: Repository): Promise<boolean | undefined> {
  const key = repositoryIndexKey(repository);
  const object = await other.get(key);
  if (object instanceof Unknown) return undefined;
  if (object === undefined || object instanceof TooLarge) return false;
  const entries = tryDecode(() => decodeRepositoryIndex(key, object.bytes));
  return !(entries instanceof BucketObjectInvalidError) && entries.length > 0;
}
