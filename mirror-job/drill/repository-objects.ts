/** The objects of one repository of the bucket, of which each is asked for once, whoever needs it and whether it could be read. */
import type { Damaged, DrilledImage, Failed } from '../../cluster/drill/observation.ts';
import { BucketObjectInvalidError } from '../../core/bucket-object.ts';
import { hasDigest, type Digest } from '../../core/digest.ts';
import { manifestKey, repositoryIndexKey, tagKey } from '../../core/layout.ts';
import { ManifestInvalidError, parseManifest, type Manifest } from '../../core/manifest.ts';
import type { Repository, Tag } from '../../core/reference.ts';
import { decodeRepositoryIndex, type IndexEntry } from '../../core/repository-index.ts';
import { decodeTag, type TagObject } from '../../core/tag-object.ts';
import { readManifest } from '../engine/graph/read-manifest.ts';
import { tryDecode } from '../engine/store/decode-object.ts';
import { insideSentence } from '../engine/store/store-name.ts';
import { StoreError, type Store } from '../engine/store/store.ts';
import { AsyncCache } from '../engine/support/async-cache.ts';
import type { Limit } from '../engine/support/limit.ts';

export class RepositoryObjects {
  readonly #store: Pick<Store, 'get' | 'size'>;
  readonly #largeReads: Limit;
  readonly #repository: Repository;
  /** The digests whose manifests are read, so that they need not be asked for once more. */
  readonly #read: ReadonlySet<Digest>;
  readonly #manifests = new AsyncCache<Digest, Manifest | 'absent' | Damaged | Failed>();
  readonly #sizes = new AsyncCache<Digest, boolean | Failed>();
  readonly #tags = new AsyncCache<Tag, TagObject | 'absent' | Damaged | Failed>();
  #index: Promise<readonly IndexEntry[] | 'absent' | Failed> | undefined;

  constructor(
    store: Pick<Store, 'get' | 'size'>,
    {
      largeReads,
      repository,
      images,
    }: {
      readonly largeReads: Limit;
      readonly repository: Repository;
      /** The images that are looked up. */
      readonly images: readonly DrilledImage[];
    },
  ) {
    this.#store = store;
    this.#largeReads = largeReads;
    this.#repository = repository;
    this.#read = new Set(images.flatMap(({ reference }) => reference.digest ?? []));
  }

  /** Whether the bucket has a manifest. Bytes of another digest count as absent. */
  async has(digest: Digest): Promise<boolean | Failed> {
    if (this.#read.has(digest)) {
      const manifest = await this.manifest(digest);
      if (manifest === 'absent') return false;
      return isManifest(manifest) || !('failed' in manifest) ? isManifest(manifest) : manifest;
    }
    return this.#sizes.get(digest, () =>
      orFailed(async () => (await this.#store.size(manifestKey(this.#repository, digest))) !== undefined),
    );
  }

  manifest(digest: Digest): Promise<Manifest | 'absent' | Damaged | Failed> {
    return this.#manifests.get(digest, () =>
      orFailed(async () => {
        const stored = await readManifest(this.#store, this.#repository, digest);
        if (stored === 'absent') return stored;
        if (stored === 'damaged')
          return { damaged: `the bucket has other bytes in the place of the manifest ${digest}` };
        return parsed(stored.bytes, stored.contentType);
      }),
    );
  }

  tag(tag: Tag): Promise<TagObject | 'absent' | Damaged | Failed> {
    return this.#tags.get(tag, () =>
      orFailed(async () => {
        const key = tagKey(this.#repository, tag);
        const stored = await this.#store.get(key);
        if (stored === undefined) return 'absent' as const;
        const tagObject = tryDecode(() => decodeTag(key, stored.bytes));
        return tagObject instanceof BucketObjectInvalidError ? { damaged: clauseOf(tagObject) } : tagObject;
      }),
    );
  }

  /** The job's memory of the repository: the entries of its index. */
  entries(): Promise<readonly IndexEntry[] | 'absent' | Failed> {
    this.#index ??= this.#largeReads(() => this.#readIndex());
    return this.#index;
  }

  #readIndex(): Promise<readonly IndexEntry[] | 'absent' | Failed> {
    return orFailed(async () => {
      const key = repositoryIndexKey(this.#repository);
      const stored = await this.#store.get(key);
      if (stored === undefined) return 'absent' as const;
      const entries = tryDecode(() => decodeRepositoryIndex(key, stored.bytes));
      return entries instanceof BucketObjectInvalidError ? { failed: clauseOf(entries) } : entries;
    });
  }
}

/** A failure is kept as a result, so that the same object is not asked for again. */
async function orFailed<Value>(read: () => Promise<Value>): Promise<Value | Failed> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return { failed: clauseOf(error) };
  }
}

/** The manifest that a tag's object holds. */
export async function manifestOf(name: Tag, tag: TagObject): Promise<Manifest | Damaged> {
  if (!(await hasDigest(tag.bytes, tag.digest))) {
    return { damaged: `the bucket has other bytes in the tag ${name} than its digest ${tag.digest} says` };
  }
  return parsed(tag.bytes, tag.mediaType);
}

function parsed(bytes: Uint8Array, contentType: string | undefined): Manifest | Damaged {
  try {
    return parseManifest(bytes, contentType);
  } catch (error) {
    if (!(error instanceof ManifestInvalidError)) throw error;
    return { damaged: clauseOf(error) };
  }
}

export function isManifest(value: Manifest | 'absent' | Damaged | Failed): value is Manifest {
  return value !== 'absent' && 'kind' in value;
}

export function isEntries(value: readonly IndexEntry[] | 'absent' | Failed): value is readonly IndexEntry[] {
  return Array.isArray(value);
}

/** Clauses have no full stop. */
function clauseOf({ message }: Error): string {
  return insideSentence(message.replace(/\.$/, ''));
}
