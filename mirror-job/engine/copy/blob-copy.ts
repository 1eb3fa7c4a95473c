/**
 * Blobs: fetched once a run however many manifests and repositories need them, written once, and linked from
 * each repository that has them. The link comes after the bytes, so that a link always means "stored".
 */
import { encodeBlobLink } from '../../../core/blob-link.ts';
import type { Descriptor } from '../../../core/descriptor.ts';
import { blobKey, blobLinkKey } from '../../../core/layout.ts';
import { OCI_DESCRIPTOR, OCTET_STREAM } from '../../../core/media-type.ts';
import type { Repository } from '../../../core/reference.ts';
import type { Environment } from '../environment.ts';
import { partyOf, type FairShare, type Party } from '../support/fair-share.ts';
import { limitFor } from '../support/limit.ts';
import { SingleFlight, type Bound } from '../support/single-flight.ts';
import { Pace } from '../transfer/pace.ts';
import { isRanged, rangedParts } from '../transfer/ranged-parts.ts';
import { counted, resumed } from '../transfer/resume.ts';
import type { Source } from '../source.ts';
import { MemoryBudget, type RetentionScope } from '../support/memory-budget.ts';
import { uploadBlob, uploadParts } from '../transfer/upload.ts';
import { verified, verifiedParts } from '../transfer/verify.ts';

/** Bytes that a name, its promise and its entry take, about. */
const ENTRY = 600;
/**
 * Bytes of these, two a blob: 7,000 blobs. Those before them cost two reads of the bucket where they are needed again,
 * and are then counted as present.
 */
const REMEMBERED = 8 * 1024 * 1024;

/** How long a blob is waited for that another upstream sends, in milliseconds. */
const PATIENCE = 60_000;

/** Who sees to it that a repository has its blobs. */
export type BlobWriter = Pick<BlobCopier, 'ensure'> & Partial<Pick<BlobCopier, 'leave'>>;

interface RepositoryLinks {
  readonly scope: RetentionScope;
  readonly memo: SingleFlight<string, void>;
}

/** What the sources of one party have copied, by digest and size. */
interface Copies {
  readonly stored: SingleFlight<string, 'copied' | 'present'>;
  /** The copies that are under way. */
  readonly fetches: Map<string, Fetch>;
}

interface Fetch {
  readonly source: Source;
  /** Whether others have waited for it in vain. */
  isLate: boolean;
}

export class BlobCopier {
  readonly #environment: Environment;
  readonly #slots: FairShare;
  readonly #retention = new MemoryBudget(REMEMBERED);
  readonly #copies = new Map<Party, Copies>();
  /** What is remembered of the links of each repository that is worked on. */
  readonly #links = new Map<Repository, RepositoryLinks>();

  /** @param slots how many blobs are copied at once */
  constructor(environment: Environment, slots: FairShare) {
    this.#environment = environment;
    this.#slots = slots;
  }

  /** Bytes that are remembered, as estimated. */
  get remembered(): number {
    return this.#retention.used;
  }

  /** Nothing more will be asked for of a repository. */
  leave(repository: Repository): void {
    this.#links.get(repository)?.scope.close();
    this.#links.delete(repository);
  }

  #linksOf(repository: Repository): SingleFlight<string, void> {
    let links = this.#links.get(repository);
    if (links === undefined) {
      const scope = this.#retention.open();
      links = { scope, memo: new SingleFlight({ retention: scope, weigh: () => ENTRY }) };
      this.#links.set(repository, links);
    }
    return links.memo;
  }

  /**
   * Makes sure that a repository has a blob.
   * @throws {BlobAbsentError} when the source lacks it
   * @throws {SourceError} when it fails, or sends something else
   * @throws {StoreError}
   */
  ensure(repository: Repository, blob: Descriptor, source: Source): Promise<void> {
    const key = blobLinkKey(repository, blob.digest);
    // With the size: a manifest that lies about it must not pass because another one was right.
    return this.#linksOf(repository).get(`${blob.digest} ${blob.size} ${source.name}`, async () => {
      const { store, tally } = this.#environment;
      const stored = await this.#storedOnce(blob, source);
      if (stored === 'present') {
        tally.blobsPresent += 1;
        // A small read that, within a repository which grows by a tag, saves a write a layer.
        if ((await store.size(key)) !== undefined) return;
      }
      await store.put(key, encodeBlobLink(blob), { contentType: OCI_DESCRIPTOR });
    });
  }

  /** What one source lacks, or sends wrong, another one may have: its failure is nobody else's. */
  async #storedOnce(blob: Descriptor, source: Source): Promise<'copied' | 'present'> {
    const name = `${blob.digest} ${blob.size}`;
    const copies = this.#copiesOf(partyOf(source));
    await this.#waitForOthers(name, copies);
    for (;;) {
      const stored = copies.stored.get(name, () => {
        copies.fetches.set(name, { source, isLate: false });
        return this.#store(blob, source).finally(() => copies.fetches.delete(name));
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
   * Another party may fetch it already. It is waited for as long as saves a fetch, and not as long as that one is slow:
   * until any copy is there, until all of them have failed, or until patience is at its end, once for each of them.
   */
  async #waitForOthers(name: string, own: Copies): Promise<void> {
    if (own.stored.peek(name) !== undefined) return;
    const running: Promise<unknown>[] = [];
    const fetches: Fetch[] = [];
    for (const { stored, fetches: underWay } of this.#copies.values()) {
      const copy = stored.peek(name);
      if (copy === undefined) continue;
      const fetch = underWay.get(name);
      // It has been stored already.
      if (fetch === undefined) return;
      if (fetch.isLate) continue;
      running.push(copy);
      fetches.push(fetch);
    }
    if (fetches.length === 0) return;
    const done = new AbortController();
    const losePatience = async (): Promise<void> => {
      await this.#environment.clock.sleep(PATIENCE, done.signal);
      for (const fetch of fetches) fetch.isLate = true;
    };
    // However they ended: what they have stored is found, and what they have not stored is fetched.
    const ended = Promise.any(running).catch(() => undefined);
    await Promise.race([ended, losePatience()]).finally(() => done.abort());
  }

  #copiesOf(party: Party): Copies {
    const known = this.#copies.get(party);
    if (known !== undefined) return known;
    const bound: Bound<unknown> = { retention: this.#retention, weigh: () => ENTRY };
    const copies = { stored: new SingleFlight<string, 'copied' | 'present'>(bound), fetches: new Map() };
    this.#copies.set(party, copies);
    return copies;
  }

  #store(blob: Descriptor, source: Source): Promise<'copied' | 'present'> {
    return limitFor(
      this.#slots,
      partyOf(source),
    )(async () => {
      const { store, tally, signal, limits } = this.#environment;
      signal.throwIfAborted();
      const key = blobKey(blob.digest);
      // A key counts only with the right size. Overwriting is safe: only verified bytes are ever completed.
      if ((await store.size(key)) === blob.size) return 'present';
      const running = { label: `${source.name}@${blob.digest}`, size: blob.size, done: 0 };
      tally.running.add(running);
      tally.bytesPlanned += blob.size;
      try {
        await this.#fetch(key, blob, source, (bytes) => {
          running.done += bytes;
          tally.bytes += bytes;
        });
      } finally {
        tally.running.delete(running);
      }
      tally.blobsCopied += 1;
      if (blob.size > limits.partSize) tally.blobsInParts += 1;
      return 'copied';
    });
  }

  /** Hashed on its way into the bucket. */
  async #fetch(key: string, blob: Descriptor, source: Source, add: (bytes: number) => void): Promise<void> {
    const { signal, createHash, limits, clock } = this.#environment;
    const buffers = this.#environment.buffers.for(partyOf(source));
    const environment = { ...this.#environment, buffers };
    const what = `${source.name}: blob ${blob.digest}`;
    if (isRanged(source, blob.size, limits)) {
      const pace = new Pace(what, blob.size, {
        clock,
        longestMs: limits.longest,
        connections: limits.rangesAtOnce,
      });
      const parts = rangedParts(environment, source, blob, pace, add);
      const right = verifiedParts(parts, blob, source, createHash);
      await uploadParts(environment, key, blob.size, right, OCTET_STREAM);
      return;
    }
    const pace = new Pace(what, blob.size, { clock, longestMs: limits.longest });
    const body = verified(counted(resumed(source, blob, signal, { pace }), add), blob, source, createHash);
    await uploadBlob(environment, key, blob.size, body, OCTET_STREAM);
  }
}
