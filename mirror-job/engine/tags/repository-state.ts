/**
 * What the bucket knows of one repository: read once at the start, and written back as the run goes on, so
 * that a run which dies has not asked the upstream in vain.
 */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import { repositoryIndexKey, tagListKey, tagsPrefix } from '../../../core/layout.ts';
import { OCI_INDEX } from '../../../core/media-type.ts';
import type { Digest } from '../../../core/digest.ts';
import { isTag, type Repository, type Tag } from '../../../core/reference.ts';
import {
  encodeRepositoryIndex,
  entryKey,
  readRepositoryIndex,
  type CandidateEntry,
  type IndexEntry,
  type PinEntry,
  type RepositoryIndex,
  type TagEntry,
} from '../../../core/repository-index.ts';
import { decodeTagList, encodeTagList } from '../../../core/tag-list.ts';
import { countOf } from '../support/count-of.ts';
import type { Environment } from '../environment.ts';
import { withoutFutureTimes } from '../run/future-times.ts';
import { updateObject } from '../store/compare-and-swap.ts';
import { allOrThrow } from '../support/all-or-throw.ts';

export class RepositoryState {
  readonly #environment: Environment;
  readonly #repository: Repository;
  readonly #entries: Map<string, IndexEntry>;
  readonly #candidates = new Map<Tag, Map<Digest, CandidateEntry>>();
  /** What is not written yet; undefined for an entry that is in question. */
  readonly #changed = new Map<string, IndexEntry | undefined>();
  /** What the index held of each entry when this run read or wrote it last. */
  readonly #written: Map<string, string>;
  /** Whether the list of tags is known to have every tag; undefined when no readable index tells. */
  #listsEveryTag: boolean | undefined;
  #flushed: number;
  #writing: Promise<void> = Promise.resolve();

  private constructor(environment: Environment, repository: Repository, index: RepositoryIndex | undefined) {
    const entries = new Map(index?.entries.map((entry) => [entryKey(entry), entry]));
    const now = environment.clock.now();
    let future = 0;
    for (const [key, entry] of entries) {
      const bounded = withoutFutureTimes(entry, now);
      if (bounded === entry) continue;
      future += 1;
      entries.set(key, bounded);
      this.#changed.set(key, bounded);
    }
    if (future > 0) {
      environment.log.warn(
        `${repositoryIndexKey(repository)} has times in the future for ${countOf(future, 'digest')}: a job with a wrong clock wrote them. They count as now, so a minAge begins anew for these digests.`,
      );
    }
    this.#environment = environment;
    this.#repository = repository;
    this.#entries = entries;
    this.#listsEveryTag = index?.listsEveryTag;
    for (const entry of entries.values()) this.#addCandidate(entry);
    this.#written = new Map([...entries].map(([key, entry]) => [key, standingIn(entry)]));
    this.#flushed = now.getTime();
  }

  /** One read. An index that cannot be read is rebuilt from the tags as they are looked at. @throws {StoreError} */
  static async open(environment: Environment, repository: Repository): Promise<RepositoryState> {
    const stored = await environment.store.get(repositoryIndexKey(repository));
    const index = stored === undefined ? undefined : readIndex(environment, repository, stored.bytes);
    return new RepositoryState(environment, repository, index);
  }

  tag(tag: Tag): TagEntry | undefined {
    const entry = this.#entries.get(`tag ${tag}`);
    return entry?.kind === 'tag' ? entry : undefined;
  }

  /** Every tag that is known. */
  get tags(): readonly TagEntry[] {
    return [...this.#entries.values()].filter((entry) => entry.kind === 'tag');
  }

  /** The digests that upstream has shown under a tag and ours does not stand at, in no order. */
  candidates(tag: Tag): readonly CandidateEntry[] {
    return [...(this.#candidates.get(tag)?.values() ?? [])];
  }

  pin(digest: Digest): PinEntry | undefined {
    const entry = this.#entries.get(`pin ${digest}`);
    return entry?.kind === 'pin' ? entry : undefined;
  }

  /** All that is known of the repository, in no order. */
  entries(): readonly IndexEntry[] {
    return [...this.#entries.values()];
  }

  /** Whether the repository serves anything. */
  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /**
   * Notes what is true in the bucket by now; written at once when the last time is long enough ago. Where a tag is
   * noted, that digest is no candidate any more. That it cannot be written now is no failure of the tag, which has
   * moved or not: it stays noted, and the flush that ends the run says so.
   */
  async note(entry: IndexEntry): Promise<void> {
    this.#entries.set(entryKey(entry), entry);
    this.#changed.set(entryKey(entry), entry);
    this.#addCandidate(entry);
    const passed = entry.kind === 'tag' ? this.#candidates.get(entry.tag)?.get(entry.digest) : undefined;
    if (passed !== undefined) this.forget(passed);
    const now = this.#environment.clock.now().getTime();
    if (now - this.#flushed >= this.#environment.limits.flushEvery) await this.flush().catch(() => undefined);
  }

  /** Takes a candidate off the index, the next time that it is written. */
  forget(candidate: CandidateEntry): void {
    const key = entryKey(candidate);
    this.#entries.delete(key);
    this.#changed.set(key, undefined);
    this.#candidates.get(candidate.tag)?.delete(candidate.digest);
  }

  #addCandidate(entry: IndexEntry): void {
    if (entry.kind !== 'candidate') return;
    const candidates = this.#candidates.get(entry.tag) ?? new Map<Digest, CandidateEntry>();
    candidates.set(entry.digest, entry);
    this.#candidates.set(entry.tag, candidates);
  }

  /**
   * Takes a tag off the index before it moves. A run that dies between tag and index would leave an index that
   * names the tag's old place; should upstream move back there, the tag would be taken for unchanged for ever.
   * @throws {StoreError}
   */
  async question(tag: Tag): Promise<void> {
    this.#changed.set(`tag ${tag}`, undefined);
    await this.flush();
  }

  /**
   * Writes what was noted: first the list of tags, then the index, so that the index never knows a tag that the list
   * lacks for good. If nothing was noted, nothing is written, except when the list may lack tags: then it is made anew
   * from the tags themselves, once, and the index says so.
   * @throws {StoreError}
   */
  flush(): Promise<void> {
    const write = this.#writing.then(() => this.#flush());
    this.#writing = write.catch(() => undefined);
    return write;
  }

  async #flush(): Promise<void> {
    this.#flushed = this.#environment.clock.now().getTime();
    const changed = new Map(this.#changed);
    if (changed.size === 0 && this.#listsEveryTag !== false) return;
    const isRebuilt = this.#listsEveryTag !== true;
    const tags = [...changed.values()].flatMap((entry) => (entry?.kind === 'tag' ? [entry.tag] : []));
    const listed = this.#writeTagList(tags, isRebuilt);
    await allOrThrow([listed, this.#writeIndex(changed, listed, isRebuilt)]);
    for (const [key, entry] of changed) {
      if (this.#changed.get(key) === entry) this.#changed.delete(key);
    }
  }

  /** @param isRebuilt whether the stored list may lack tags; a repository that has digests alone has an empty list */
  async #writeTagList(tags: readonly Tag[], isRebuilt: boolean): Promise<void> {
    if (tags.length === 0 && !isRebuilt) return;
    const key = tagListKey(this.#repository);
    await updateObject(this.#environment.store, key, 'application/json', async (bytes) => {
      const decoded =
        bytes === undefined ? undefined : readTagList(this.#environment, this.#repository, bytes);
      const known = new Set(decoded);
      // A missing list may have got lost. For that, a new repository pays with a listing that finds nothing.
      const there = isRebuilt || decoded === undefined ? await this.#listTags() : [];
      const missing = [...there, ...tags].filter((tag) => !known.has(tag));
      return decoded !== undefined && missing.length === 0
        ? undefined
        : encodeTagList(this.#repository, [...known, ...missing]);
    });
  }

  /** The tags themselves: a listing, which costs a request a thousand of them. @throws {StoreError} */
  async #listTags(): Promise<Tag[]> {
    const prefix = tagsPrefix(this.#repository);
    const keys = await this.#environment.store.list(prefix, Number.MAX_SAFE_INTEGER);
    return keys.map((key) => key.slice(prefix.length)).filter((name) => isTag(name));
  }

  /**
   * @param listed the write of the list of tags: it ends before the index is written, and the index is read meanwhile
   * @param isRebuilt whether that write makes the list of tags anew
   */
  async #writeIndex(
    changed: ReadonlyMap<string, IndexEntry | undefined>,
    listed: Promise<void>,
    isRebuilt: boolean,
  ): Promise<void> {
    const key = repositoryIndexKey(this.#repository);
    let merged = new Map<string, IndexEntry>();
    let listsEveryTag = false;
    await updateObject(this.#environment.store, key, OCI_INDEX, async (bytes) => {
      await listed;
      const stored = bytes === undefined ? undefined : readIndex(this.#environment, this.#repository, bytes);
      // If an earlier version of this program has written meanwhile, its list lacks tags again.
      listsEveryTag = isRebuilt || stored?.listsEveryTag === true;
      merged = new Map(stored?.entries.map((entry) => [entryKey(entry), entry]));
      for (const [name, entry] of changed) {
        const other = merged.get(name);
        const theirs = other === undefined ? undefined : standingIn(other);
        const isTheirs = theirs !== undefined && theirs !== this.#written.get(name);
        // Somebody else has noted something else meanwhile: which of the two was last, only the tag itself knows.
        if (entry === undefined || (isTheirs && theirs !== standingIn(entry))) merged.delete(name);
        else merged.set(name, entry);
      }
      return encodeRepositoryIndex(merged.values(), { listsEveryTag });
    });
    this.#listsEveryTag = listsEveryTag;
    for (const name of changed.keys()) {
      const entry = merged.get(name);
      if (entry === undefined) this.#written.delete(name);
      else this.#written.set(name, standingIn(entry));
    }
  }
}

/** What of an entry two writers must not disagree about: where it stands, and whether it is held there. */
function standingIn(entry: IndexEntry): string {
  return entry.kind === 'tag' && entry.hold !== undefined ? `${entry.digest} ${entry.hold}` : entry.digest;
}

/** @returns undefined for an unreadable index: it is derived, so its loss costs requests and no images */
function readIndex(
  environment: Environment,
  repository: Repository,
  bytes: Uint8Array,
): RepositoryIndex | undefined {
  try {
    return readRepositoryIndex(repositoryIndexKey(repository), bytes);
  } catch (error) {
    if (!(error instanceof BucketObjectInvalidError)) throw error;
    environment.log.warn(`${error.message} It is made anew from the tags.`);
    return undefined;
  }
}

/** @returns undefined for a list that cannot be read: it is derived too, from more than one run knows of */
function readTagList(
  environment: Environment,
  repository: Repository,
  bytes: Uint8Array,
): readonly Tag[] | undefined {
  try {
    return decodeTagList(tagListKey(repository), bytes);
  } catch (error) {
    if (!(error instanceof BucketObjectInvalidError)) throw error;
    environment.log.warn(`${error.message} It is made anew from the tags.`);
    return undefined;
  }
}
