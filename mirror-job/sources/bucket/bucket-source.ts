/** One repository of a bucket, to be read from: what a run has mirrored, as a source of its own. */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import type { Descriptor } from '../../../core/descriptor.ts';
import { algorithmOf, digestOf, isDigest, type Digest } from '../../../core/digest.ts';
import {
  blobKey,
  manifestKey,
  referrersKey,
  repositoryIndexKey,
  tagKey,
  tagsPrefix,
} from '../../../core/layout.ts';
import { formatReference, type Repository, type Tag } from '../../../core/reference.ts';
import { decodeReferrers } from '../../../core/referrers.ts';
import { decodeRepositoryIndex } from '../../../core/repository-index.ts';
import { decodeTag, type TagObject } from '../../../core/tag-object.ts';
import { joinPlatforms } from '../../engine/selection/platform.ts';
import {
  SourceError,
  type ReferrerList,
  type Resolved,
  type Source,
  type SourceManifest,
} from '../../engine/source.ts';
import type { ReadableStore } from '../../engine/store/store.ts';
import { tagsAmong } from '../../engine/tags/tag-names.ts';

export class BucketSource implements Source {
  readonly name: string;
  readonly #store: ReadableStore;
  readonly #repository: Repository;

  /** @param store which has to be Lifeboat's */
  constructor(store: ReadableStore, repository: Repository) {
    this.#store = store;
    this.#repository = repository;
    this.name = `${store.name}: ${formatReference({ repository, tag: undefined, digest: undefined })}`;
  }

  /** All tags, from a listing, because the bucket's list of tags may be behind. */
  async tags(): Promise<readonly Tag[]> {
    return this.tagsFrom('');
  }

  /** Those that begin with a text. @throws {StoreError} */
  async tagsFrom(start: string): Promise<readonly Tag[]> {
    const keys = await this.#store.list(`${tagsPrefix(this.#repository)}${start}`, Infinity);
    return tagsAmong(keys, this.#repository);
  }

  async resolve(tag: Tag): Promise<Resolved | undefined> {
    const found = await this.#tag(tag);
    if (found === undefined) return undefined;
    const { digest, mediaType } = found;
    return { digest, manifest: { digest, mediaType, bytes: await this.#checked(found.bytes, digest) } };
  }

  async manifest(reference: Tag | Digest): Promise<SourceManifest | undefined> {
    if (!isDigest(reference)) return (await this.resolve(reference))?.manifest;
    const stored = await this.#store.get(manifestKey(this.#repository, reference));
    if (stored === undefined) return undefined;
    const bytes = await this.#checked(new Uint8Array(stored.bytes), reference);
    return { digest: reference, bytes, mediaType: stored.contentType };
  }

  async blob(digest: Digest, _size: number, offset: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    return this.#store.stream(blobKey(digest), offset);
  }

  /** Whether a blob is stored, with its size. @throws {StoreError} */
  async has({ digest, size }: Descriptor): Promise<boolean> {
    return (await this.#store.size(blobKey(digest))) === size;
  }

  async referrers(subject: Digest): Promise<ReferrerList> {
    const key = referrersKey(this.#repository, subject);
    const stored = await this.#store.get(key);
    if (stored === undefined) return { descriptors: [] };
    return { descriptors: this.#decode(() => decodeReferrers(key, stored.bytes)) };
  }

  /** Always true, because everybody who may read the bucket may read all of it. */
  async isPublic(): Promise<boolean> {
    return true;
  }

  /** Which platforms are stored of what a tag or a digest names; undefined for all. @throws {SourceError} */
  async platforms(reference: Tag | Digest): Promise<readonly string[] | undefined> {
    if (!isDigest(reference)) return (await this.#tag(reference))?.platforms;
    const key = repositoryIndexKey(this.#repository);
    const stored = await this.#store.get(key);
    if (stored === undefined) return undefined;
    const entries = this.#decode(() => decodeRepositoryIndex(key, stored.bytes));
    const [first, ...others] = entries.filter(({ digest }) => digest === reference);
    // A tag may have fewer of them than a pin of the same.
    return others.reduce((known, { platforms }) => joinPlatforms(known, platforms), first?.platforms);
  }

  async #tag(tag: Tag): Promise<TagObject | undefined> {
    const key = tagKey(this.#repository, tag);
    const stored = await this.#store.get(key);
    return stored === undefined ? undefined : this.#decode(() => decodeTag(key, stored.bytes));
  }

  /** The store is not trusted: what it holds under a digest is hashed. */
  async #checked(bytes: Uint8Array<ArrayBuffer>, digest: Digest): Promise<Uint8Array<ArrayBuffer>> {
    const actual = await digestOf(bytes, algorithmOf(digest));
    if (actual === digest) return bytes;
    throw new SourceError(
      `${this.name}: manifest ${digest} holds other bytes: their digest is ${actual}. Delete it and ${repositoryIndexKey(this.#repository)}, and run "lifeboat sync".`,
    );
  }

  #decode<Value>(decode: () => Value): Value {
    try {
      return decode();
    } catch (error) {
      if (!(error instanceof BucketObjectInvalidError)) throw error;
      throw new SourceError(`${this.name}: ${error.message}`, { cause: error });
    }
  }
}
