/**
 * The index of one repository. It is read once at the start, and written back as the run goes on, so that a run which
 * dies has not asked upstream in vain.
 */
import { isEqual } from '../../../core/bytes.ts';
import { repositoryIndexKey, tagListKey } from '../../../core/layout.ts';
import { OCI_INDEX } from '../../../core/media-type.ts';
import type { Digest } from '../../../core/digest.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
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
import { updateObject } from '../store/compare-and-swap.ts';
import { decodeOrWarn } from '../store/decode-object.ts';
import { allOrThrow } from '../support/all-or-throw.ts';
import { withoutFutureTimes } from './future-times.ts';
import { createLimit } from '../support/limit.ts';
import { lostMeanwhileText, recoverIndex, type Recovery, type RecoveryOptions } from './index-recovery.ts';
import { mergeChanges, targetOf } from './index-merge.ts';
import { listTagNames } from './tag-names.ts';
import { findTag } from './publish.ts';

const READS_AT_ONCE = 16;

export class RepositoryState {
  /** Set if the index was lost when it was opened: what was found of it, and where. */
  readonly recovery: Recovery | undefined;
  readonly #environment: Environment;
  readonly #repository: Repository;
  readonly #entries: Map<string, IndexEntry>;
  readonly #candidates = new Map<Tag, Map<Digest, CandidateEntry>>();
  /** Entries that are not written yet; undefined for an entry that is to be taken off. */
  readonly #changed = new Map<string, IndexEntry | undefined>();
  /** The target of each entry when this run last read or wrote the index. */
  readonly #written: Map<string, string>;
  /** The index as this run last read or wrote it; undefined if there was none. */
  #seen: Uint8Array | undefined;
  /** Whether this run has read or written an index that can be read. */
  #hadIndex: boolean;
  readonly #onLost: ((message: string) => void) | undefined;
  /** Whether another run was seen to change the index. */
  #isShared = false;
  /** Whether the list of tags has every tag; undefined if no readable index tells. */
  #listsEveryTag: boolean | undefined;
  /** The configurations whose description has all that the index has, as this run last read or wrote the index. */
  #describedFor: ReadonlySet<string>;
  /** Whether the index may lack pins. */
  #mayLackPins: boolean;
  /** Whether the stored index says something else about that. */
  #isMarkStale: boolean;
  #flushedMs: number;
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    environment: Environment,
    repository: Repository,
    index: RepositoryIndex | undefined,
    recovery: Recovery | undefined,
    { onLost }: RecoveryOptions,
  ) {
    this.#hadIndex = index !== undefined;
    this.#onLost = onLost;
    const entries = new Map(index?.entries.map((entry) => [entryKey(entry), entry]));
    this.#written = new Map([...entries].map(([key, entry]) => [key, targetOf(entry)]));
    for (const entry of recovery?.entries ?? []) {
      const key = entryKey(entry);
      if (entries.has(key)) continue;
      entries.set(key, entry);
      this.#changed.set(key, entry);
    }
    this.recovery = recovery;
    this.#mayLackPins = recovery?.mayLackPins ?? false;
    this.#isMarkStale = index !== undefined && index.mayLackPins !== this.#mayLackPins;
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
    this.#describedFor = new Set(index?.describedFor);
    for (const entry of entries.values()) this.#addCandidate(entry);
    this.#flushedMs = now.getTime();
  }

  /**
   * Costs one read, and a listing if there is no index. An index that is lost is made anew from every tag of the repository, and
   * from the indexes of other stores, and is written at the next flush.
   * @throws {StoreError}
   */
  static async open(
    environment: Environment,
    repository: Repository,
    options: RecoveryOptions = {},
  ): Promise<RepositoryState> {
    const stored = await environment.store.get(repositoryIndexKey(repository));
    const index = stored === undefined ? undefined : readIndex(environment, repository, stored.bytes);
    const isThere = stored !== undefined;
    const recovery = await recoverIndex(environment, repository, { isThere, index }, options);
    const state = new RepositoryState(environment, repository, index, recovery, options);
    state.#seen = stored?.bytes;
    return state;
  }

  tag(tag: Tag): TagEntry | undefined {
    const entry = this.#entries.get(`tag ${tag}`);
    return entry?.kind === 'tag' ? entry : undefined;
  }

  /** Every tag of the index. */
  get tags(): readonly TagEntry[] {
    return [...this.#entries.values()].filter((entry) => entry.kind === 'tag');
  }

  /** The digests that upstream has shown under a tag and our tag does not name, in no order. */
  candidates(tag: Tag): readonly CandidateEntry[] {
    return [...(this.#candidates.get(tag)?.values() ?? [])];
  }

  pin(digest: Digest): PinEntry | undefined {
    const entry = this.#entries.get(`pin ${digest}`);
    return entry?.kind === 'pin' ? entry : undefined;
  }

  /** All entries, in no order. */
  entries(): readonly IndexEntry[] {
    return [...this.#entries.values()];
  }

  /** Whether the repository serves anything. */
  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** Whether the description of that configuration has all that the index has. */
  isDescribedFor(name: string): boolean {
    return this.#changed.size === 0 && this.#describedFor.has(name);
  }

  /**
   * Notes what is true in the bucket by now. If the last write is long enough ago, the index is written at once. The
   * digest of a noted tag stops being a candidate. A write that fails is not a failure of the tag, which has moved or not:
   * the entry stays noted, and the flush at the end of the run reports the failure.
   */
  async note(entry: IndexEntry): Promise<void> {
    this.#entries.set(entryKey(entry), entry);
    this.#changed.set(entryKey(entry), entry);
    this.#addCandidate(entry);
    const reached = entry.kind === 'tag' ? this.#candidates.get(entry.tag)?.get(entry.digest) : undefined;
    if (reached !== undefined) this.forget(reached);
    const now = this.#environment.clock.now().getTime();
    if (now - this.#flushedMs >= this.#environment.limits.flushEveryMs)
      await this.flush().catch(() => undefined);
  }

  /** Takes the mark off at the next write: a person is told which digests may have lost their pin. */
  acceptLoss(): void {
    if (this.#mayLackPins) this.#isMarkStale = true;
    this.#mayLackPins = false;
  }

  /** Takes a candidate off the index at its next write. */
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
   * Takes a tag off the index before it moves. Otherwise a run that dies between tag and index would leave an index that
   * names the tag's old digest. If upstream then moved back to it, the tag would count as unchanged for ever.
   * @throws {StoreError}
   */
  async unlist(tag: Tag): Promise<void> {
    this.#changed.set(`tag ${tag}`, undefined);
    await this.flush();
  }

  /**
   * Writes what was noted: first the list of tags, then the index, so that the index never has a tag that the list lacks
   * for good. If nothing was noted, nothing is written, except if the list may lack tags. Then it is made anew from the
   * tags themselves, once, and the index says so.
   * @throws {StoreError}
   */
  flush(): Promise<void> {
    const write = this.#writing.then(() => this.#flush());
    this.#writing = write.catch(() => undefined);
    return write;
  }

  /**
   * Notes in the index that the description of a configuration has all of it: to be called once both are written. If another
   * run has changed the index meanwhile, the note is left out, and the next run writes the description again.
   * @throws {StoreError}
   */
  async markDescribed(name: string): Promise<void> {
    await updateObject(this.#environment.store, repositoryIndexKey(this.#repository), OCI_INDEX, (bytes) => {
      const stored = bytes === undefined ? undefined : readIndex(this.#environment, this.#repository, bytes);
      if (stored === undefined) return undefined;
      const { entries, listsEveryTag, mayLackPins } = stored;
      const others = stored.describedFor.filter((other) => other !== name);
      const describedFor = this.#isKnown(entries) ? [...others, name] : others;
      if (describedFor.length === stored.describedFor.length) return undefined;
      return encodeRepositoryIndex(entries, { listsEveryTag, describedFor, mayLackPins });
    });
  }

  /** Whether these entries are those of this run, in all that a description shows. */
  #isKnown(entries: readonly IndexEntry[]): boolean {
    return (
      entries.length === this.#entries.size &&
      entries.every((entry) => {
        const own = this.#entries.get(entryKey(entry));
        return own !== undefined && shownOf(own) === shownOf(entry);
      })
    );
  }

  async #flush(): Promise<void> {
    this.#flushedMs = this.#environment.clock.now().getTime();
    const changed = new Map(this.#changed);
    if (changed.size === 0 && this.#listsEveryTag !== false && !this.#isMarkStale) return;
    const isRebuilt = this.#listsEveryTag !== true;
    const tags = [...changed.values()].flatMap((entry) => (entry?.kind === 'tag' ? [entry.tag] : []));
    const listed = this.#writeTagList(tags, isRebuilt);
    await allOrThrow([listed, this.#writeIndex(changed, listed, isRebuilt)]);
    for (const [key, entry] of changed) {
      if (this.#changed.get(key) === entry) this.#changed.delete(key);
    }
  }

  /** @param isRebuilt whether the stored list may lack tags. A repository without tags has an empty list */
  async #writeTagList(tags: readonly Tag[], isRebuilt: boolean): Promise<void> {
    if (tags.length === 0 && !isRebuilt) return;
    const key = tagListKey(this.#repository);
    await updateObject(this.#environment.store, key, 'application/json', async (bytes) => {
      const decoded =
        bytes === undefined ? undefined : readTagList(this.#environment, this.#repository, bytes);
      const oldTags = new Set(decoded);
      // A missing list may have got lost, so a new repository pays for a listing that finds nothing.
      const stored =
        isRebuilt || decoded === undefined
          ? await listTagNames(this.#environment.store, this.#repository)
          : [];
      const missing = [...stored, ...tags].filter((tag) => !oldTags.has(tag));
      return decoded !== undefined && missing.length === 0
        ? undefined
        : encodeTagList(this.#repository, [...oldTags, ...missing]);
    });
  }

  /**
   * @param listed the write of the list of tags. The index is read meanwhile, and written once this has ended
   * @param isRebuilt whether that write makes the list of tags anew
   */
  async #writeIndex(
    changed: ReadonlyMap<string, IndexEntry | undefined>,
    listed: Promise<void>,
    isRebuilt: boolean,
  ): Promise<void> {
    const key = repositoryIndexKey(this.#repository);
    let merged = new Map<string, IndexEntry>();
    let written: Uint8Array | undefined;
    let listsEveryTag = false;
    let describedFor: readonly string[] = [];
    let mayLackPins = false;
    let loss: 'missing' | 'unreadable' | undefined;
    await updateObject(this.#environment.store, key, OCI_INDEX, async (bytes) => {
      await listed;
      const stored = bytes === undefined ? undefined : readIndex(this.#environment, this.#repository, bytes);
      this.#isShared ||= bytes !== undefined && (this.#seen === undefined || !isEqual(bytes, this.#seen));
      loss =
        stored !== undefined || !this.#hadIndex ? undefined : bytes === undefined ? 'missing' : 'unreadable';
      // Others may have changed the lost index before, so each tag is looked at.
      this.#isShared ||= loss !== undefined;
      // An earlier version of this program may have written meanwhile, and its list lacks tags.
      listsEveryTag = isRebuilt || stored?.listsEveryTag === true;
      describedFor = changed.size === 0 ? (stored?.describedFor ?? []) : [];
      merged = await mergeChanges(stored?.entries ?? [], changed, {
        written: this.#written,
        isShared: this.#isShared,
        isTrue: (entry) => this.#isTrue(entry),
      });
      if (loss !== undefined) {
        for (const entry of await this.#writtenEntries(changed)) merged.set(entryKey(entry), entry);
      }
      // Another run may have lost the index meanwhile, and has made it anew with its mark.
      mayLackPins =
        this.#mayLackPins ||
        loss !== undefined ||
        (stored?.mayLackPins === true && this.recovery === undefined);
      written = encodeRepositoryIndex(merged.values(), { listsEveryTag, describedFor, mayLackPins });
      return written;
    });
    this.#seen = written;
    this.#hadIndex = true;
    this.#listsEveryTag = listsEveryTag;
    this.#describedFor = new Set(describedFor);
    this.#mayLackPins = mayLackPins;
    this.#isMarkStale = false;
    for (const name of changed.keys()) {
      const entry = merged.get(name);
      if (entry === undefined) this.#written.delete(name);
      else this.#written.set(name, targetOf(entry));
    }
    if (loss !== undefined) {
      const told = this.#onLost ?? ((message) => this.#environment.log.warn(message));
      told(lostMeanwhileText(this.#repository, loss));
    }
  }

  /**
   * The entries that a lost index had when this run last read or wrote it. Entries that change now are left out, and so are tags
   * that others have moved since.
   * @throws {StoreError}
   */
  async #writtenEntries(changed: ReadonlyMap<string, unknown>): Promise<readonly IndexEntry[]> {
    const atOnce = createLimit(READS_AT_ONCE);
    const known = [...this.#entries].filter(
      ([key, entry]) => !changed.has(key) && this.#written.get(key) === targetOf(entry),
    );
    const entries = await allOrThrow(
      known.map(([, entry]) => atOnce(async () => ((await this.#isTrue(entry)) ? [entry] : []))),
    );
    return entries.flat();
  }

  /** Whether nobody has moved the tag of an entry, or changed its hold. @throws {StoreError} */
  async #isTrue(entry: IndexEntry): Promise<boolean> {
    if (entry.kind !== 'tag') return true;
    const tag = await findTag(this.#environment, this.#repository, entry.tag);
    return tag === undefined || (tag.digest === entry.digest && tag.hold === entry.hold);
  }
}

/** The part of an entry that a description shows, and that two runs may see differently. */
function shownOf(entry: IndexEntry): string {
  return [targetOf(entry), 'gone' in entry ? entry.gone : undefined, entry.referrersChecked].join(' ');
}

/**
 * Only its tags are in other objects of the bucket, so whoever makes it anew says from what, and whether pins may be lost.
 * @returns undefined, and a warning, for an index that cannot be read
 */
function readIndex(
  { log }: Pick<Environment, 'log'>,
  repository: Repository,
  bytes: Uint8Array,
): RepositoryIndex | undefined {
  return decodeOrWarn(log, 'It is made anew.', () =>
    readRepositoryIndex(repositoryIndexKey(repository), bytes),
  );
}

/** @returns undefined, and a warning, for a list of tags that cannot be read. Its loss costs requests and no images */
function readTagList(
  { log }: Pick<Environment, 'log'>,
  repository: Repository,
  bytes: Uint8Array,
): readonly Tag[] | undefined {
  return decodeOrWarn(log, 'It is made anew from the tags.', () =>
    decodeTagList(tagListKey(repository), bytes),
  );
}
