/**
 * Copies blobs. A blob is fetched and written once per run, however many manifests and repositories need it, and each
 * repository gets a link to it. The link is written after the bytes, so that a link always means "stored".
 */
import { encodeBlobLink } from '../../../core/blob-link.ts';
import type { Descriptor } from '../../../core/descriptor.ts';
import { blobKey, blobLinkKey } from '../../../core/layout.ts';
import { OCI_DESCRIPTOR, OCTET_STREAM } from '../../../core/media-type.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import type { Environment } from '../environment.ts';
import type { FairShare, Party } from '../support/fair-share.ts';
import { limitFor } from '../support/limit.ts';
import { AsyncCache, type Bound } from '../support/async-cache.ts';
import { Pace } from '../transfer/pace.ts';
import { isRanged, rangedParts } from '../transfer/ranged-parts.ts';
import { counted, resumed } from '../transfer/resume.ts';
import { type Source, partyOf } from '../source.ts';
import type { Running, Tally } from '../tally.ts';
import { MemoryBudget, type BudgetScope } from '../support/memory-budget.ts';
import { uploadBlob, uploadParts } from '../transfer/upload.ts';
import { verified, verifiedParts } from '../transfer/verify.ts';

/** An estimate of the memory for a name, its promise and its entry. */
const ENTRY_BYTES = 600;
/**
 * The memory for entries, of which a blob has two: 7,000 blobs. A blob that was forgotten costs two reads of the bucket when it
 * is needed again, and counts as present then.
 */
const REMEMBERED_BYTES = 8 * 1024 * 1024;

/** How long a copy waits for another upstream that sends the same blob. */
const PATIENCE_MS = 60_000;

/** Makes sure that a repository has its blobs: the copier, or a dry run's plan. */
export type BlobWriter = Pick<BlobCopier, 'ensure'> & Partial<Pick<BlobCopier, 'leave'>>;

interface RepositoryLinks {
  readonly scope: BudgetScope;
  readonly linked: AsyncCache<string, void>;
}

/** The copies from the sources of one party, by digest and size. */
interface Copies {
  readonly stored: AsyncCache<string, 'copied' | 'present'>;
  /** The copies that are in flight. */
  readonly fetches: Map<string, Fetch>;
}

interface Fetch {
  readonly source: Source;
  /** Whether others have given up waiting for it. */
  isLate: boolean;
}

export class BlobCopier {
  readonly #environment: Environment;
  readonly #slots: FairShare;
  readonly #memoryBudget = new MemoryBudget(REMEMBERED_BYTES);
  readonly #copies = new Map<Party, Copies>();
  /** The links of each repository that is worked on. */
  readonly #links = new Map<Repository, RepositoryLinks>();

  /** @param slots how many blobs are copied at once */
  constructor(environment: Environment, slots: FairShare) {
    this.#environment = environment;
    this.#slots = slots;
  }

  /** The estimated memory for entries, in bytes. */
  get remembered(): number {
    return this.#memoryBudget.used;
  }

  /** Forgets a repository, because it needs no more blobs. */
  leave(repository: Repository): void {
    this.#links.get(repository)?.scope.close();
    this.#links.delete(repository);
  }

  #linksOf(repository: Repository): AsyncCache<string, void> {
    let links = this.#links.get(repository);
    if (links === undefined) {
      const scope = this.#memoryBudget.open();
      links = { scope, linked: new AsyncCache({ memoryBudget: scope, weigh: () => ENTRY_BYTES }) };
      this.#links.set(repository, links);
    }
    return links.linked;
  }

  /**
   * Makes sure that a repository has a blob.
   * @param tally counts the copy if this call is the first to need the blob
   * @param tag the tag that the blob is copied for, for progress
   * @throws {BlobAbsentError} when the source lacks it
   * @throws {SourceError} when it fails, or sends something else
   * @throws {StoreError}
   */
  ensure(repository: Repository, blob: Descriptor, source: Source, tally: Tally, tag?: Tag): Promise<void> {
    const key = blobLinkKey(repository, blob.digest);
    // The size is part of the name, so that a manifest with a wrong size does not pass because another one was right.
    return this.#linksOf(repository).get(`${blob.digest} ${blob.size} ${source.name}`, async () => {
      const { store } = this.#environment;
      const stored = await this.#storedOnce(blob, source, tally, tag);
      if (stored === 'present') {
        tally.add('blobsPresent');
        // In a repository that gets one more tag, this small read saves a write per layer.
        if ((await store.size(key)) !== undefined) return;
      }
      await store.put(key, encodeBlobLink(blob), { contentType: OCI_DESCRIPTOR });
    });
  }

  /** A failure of one source is not shared with callers that have another source, which may have the blob. */
  async #storedOnce(
    blob: Descriptor,
    source: Source,
    tally: Tally,
    tag: Tag | undefined,
  ): Promise<'copied' | 'present'> {
    const name = `${blob.digest} ${blob.size}`;
    const copies = this.#copiesOf(partyOf(source));
    await this.#waitForOthers(name, copies);
    for (;;) {
      const stored = copies.stored.get(name, () => {
        copies.fetches.set(name, { source, isLate: false });
        return this.#store(blob, source, tally, tag).finally(() => copies.fetches.delete(name));
      });
      const from = copies.fetches.get(name)?.source;
      try {
        return await stored;
      } catch (error) {
        if (from === source) throw error;
      }
    }
  }

  /**
   * Waits for other parties that fetch the blob already, because that saves a fetch: until one copy is there, until all have
   * failed, or until patience ends. Nobody waits for the same fetch after that, so a slow upstream costs patience only once.
   */
  async #waitForOthers(name: string, own: Copies): Promise<void> {
    if (own.stored.peek(name) !== undefined) return;
    const running: Promise<unknown>[] = [];
    const fetches: Fetch[] = [];
    for (const { stored, fetches: underWay } of this.#copies.values()) {
      const copy = stored.peek(name);
      if (copy === undefined) continue;
      const fetch = underWay.get(name);
      // A copy without a fetch in flight is stored already.
      if (fetch === undefined) return;
      if (fetch.isLate) continue;
      running.push(copy);
      fetches.push(fetch);
    }
    if (fetches.length === 0) return;
    const done = new AbortController();
    const losePatience = async (): Promise<void> => {
      await this.#environment.clock.sleep(PATIENCE_MS, done.signal);
      for (const fetch of fetches) fetch.isLate = true;
    };
    // A failure needs no care here: the caller looks in the bucket, and fetches the blob if it is not there.
    const ended = Promise.any(running).catch(() => undefined);
    await Promise.race([ended, losePatience()]).finally(() => done.abort());
  }

  #copiesOf(party: Party): Copies {
    const known = this.#copies.get(party);
    if (known !== undefined) return known;
    const bound: Bound<unknown> = { memoryBudget: this.#memoryBudget, weigh: () => ENTRY_BYTES };
    const copies = { stored: new AsyncCache<string, 'copied' | 'present'>(bound), fetches: new Map() };
    this.#copies.set(party, copies);
    return copies;
  }

  async #store(
    blob: Descriptor,
    source: Source,
    tally: Tally,
    tag: Tag | undefined,
  ): Promise<'copied' | 'present'> {
    const label = `${source.name}${tag === undefined ? '' : `:${tag}`}@${blob.digest}`;
    const running = { label, size: blob.size, done: 0 };
    // Planned before its turn comes, so that progress is a share of all bytes that are known to be needed.
    tally.add('bytesPlanned', blob.size);
    let stored: 'copied' | 'present' | undefined;
    try {
      stored = await limitFor(this.#slots, partyOf(source))(() => this.#copy(blob, source, tally, running));
      return stored;
    } finally {
      // Nothing has to be read of a blob that is there, and nothing more of one that failed.
      if (stored !== 'copied') tally.add('bytesPlanned', running.done - blob.size);
    }
  }

  async #copy(
    blob: Descriptor,
    source: Source,
    tally: Tally,
    running: Running,
  ): Promise<'copied' | 'present'> {
    const { store, signal, limits } = this.#environment;
    signal.throwIfAborted();
    const key = blobKey(blob.digest);
    // An object of another size does not count. Overwriting it is safe, because only verified bytes are ever completed.
    if ((await store.size(key)) === blob.size) return 'present';
    tally.running.add(running);
    try {
      await this.#fetch(key, blob, source, (bytes) => {
        running.done += bytes;
        tally.add('bytes', bytes);
      });
    } finally {
      tally.running.delete(running);
    }
    tally.add('blobsCopied');
    if (blob.size > limits.partBytes) tally.add('blobsInParts');
    return 'copied';
  }

  /** Streams the blob into the bucket, and hashes it on the way. */
  async #fetch(key: string, blob: Descriptor, source: Source, add: (bytes: number) => void): Promise<void> {
    const { signal, createHash, limits, clock } = this.#environment;
    const buffers = this.#environment.buffers.for(partyOf(source));
    const environment = { ...this.#environment, buffers };
    const what = `${source.name}: blob ${blob.digest}`;
    if (isRanged(source, blob.size, limits)) {
      const pace = new Pace(what, blob.size, {
        clock,
        longestMs: limits.maxRunMs,
        connections: limits.rangesAtOnce,
      });
      const parts = rangedParts(environment, source, blob, pace, add);
      const right = verifiedParts(parts, blob, source, createHash);
      await uploadParts(environment, key, blob.size, right, OCTET_STREAM);
      return;
    }
    const pace = new Pace(what, blob.size, { clock, longestMs: limits.maxRunMs });
    const body = verified(counted(resumed(source, blob, signal, { pace }), add), blob, source, createHash);
    await uploadBlob(environment, key, blob.size, body, OCTET_STREAM);
  }
}
