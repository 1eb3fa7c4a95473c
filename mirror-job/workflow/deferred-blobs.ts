/**
 * Leaves large blobs to instances of their own, so that one is fetched once, whoever needs it, and a step that dies has not
 * lost hours of it. The image that needs such a blob is mirrored when the blob is stored.
 */
import type { Descriptor } from '../../core/descriptor.ts';
import { blobKey } from '../../core/layout.ts';
import type { Repository } from '../../core/reference.ts';
import type { BlobWriter } from '../engine/copy/blob-copy.ts';
import { SourceError, type Source } from '../engine/source.ts';
import type { Store } from '../engine/store/store.ts';
import { createLimit, type Limit } from '../engine/support/limit.ts';
import { SkippedError } from '../engine/support/skipped-error.ts';
import type { Tally } from '../engine/tally.ts';
import type { LargeBlob } from './inputs.ts';

/** A blob of at least this size is copied by an instance of its own. Bytes. */
export const LARGE_BYTES = 256 * 1024 * 1024;
/**
 * A larger blob is left to a job on a machine. A step has five minutes of the processor, and the benchmark takes 6 to 8
 * seconds for a GB, so this takes half of them. Bytes.
 */
const MAX_BLOB_BYTES = 20 * 1024 ** 3;
/**
 * The most blobs that are begun or wait at once. When a step's time is over these still come, so together they have to take less
 * than the rest of its processor time.
 */
const BLOBS_AT_ONCE = 16;
/** The most blobs of one repository that are left at once. A step may return 1 MiB. */
const MAX_DEFERRED = 500;

export class DeferredBlobs implements BlobWriter {
  readonly #inner: BlobWriter;
  readonly #store: Pick<Store, 'size'>;
  readonly #deferred = new Map<Repository, Map<string, LargeBlob>>();
  /** By digest: why an instance could not copy the blob. */
  readonly #failures = new Map<string, string>();

  readonly #limit: Limit = createLimit(BLOBS_AT_ONCE);
  /** The signals of the steps under way. */
  readonly #signals = new Map<Repository, AbortSignal>();

  /** @param inner writes all other blobs */
  constructor(inner: BlobWriter, store: Pick<Store, 'size'>) {
    this.#inner = inner;
    this.#store = store;
  }

  /** Remembers that the instance of a blob has failed, so that its images fail too. @param failure a sentence */
  fail(digest: string, failure: string): void {
    this.#failures.set(digest, failure);
  }

  /** Begins a step. @param signal aborted when the step's time is over: no further blob is begun */
  begin(repository: Repository, signal: AbortSignal): void {
    this.#signals.set(repository, signal);
  }

  /**
   * @throws {SkippedError} for a large blob that is not stored yet, and for every blob when the step's time is over
   * @throws {SourceError} for one that its instance could not copy, and one that is too large for a Worker
   * @throws as the writer of the other blobs
   */
  async ensure(repository: Repository, blob: Descriptor, source: Source, tally: Tally): Promise<void> {
    const { digest, size } = blob;
    if (size >= LARGE_BYTES && (await this.#store.size(blobKey(digest))) !== size) {
      const failure = this.#failures.get(digest);
      if (failure !== undefined) throw new SourceError(failure);
      if (size > MAX_BLOB_BYTES) {
        throw new SourceError(
          `${source.name}: the blob ${digest} has ${size} bytes, more than the ${MAX_BLOB_BYTES} that a job in a Worker copies. Mirror this image by a job on a machine, or exclude the tags that need it.`,
        );
      }
      this.#defer({ digest, size, repository, source: source.name }, repository);
      throw new SkippedError(`${source.name}: the blob ${digest} is still being copied.`);
    }
    await this.#limit(async () => {
      this.#signals.get(repository)?.throwIfAborted();
      await this.#inner.ensure(repository, blob, source, tally);
    });
  }

  leave(repository: Repository): void {
    this.#signals.delete(repository);
    this.#inner.leave?.(repository);
  }

  /** @returns the blobs that were left since the last call for this repository */
  take(repository: Repository): LargeBlob[] {
    const blobs = [...(this.#deferred.get(repository)?.values() ?? [])];
    this.#deferred.delete(repository);
    return blobs;
  }

  #defer(blob: LargeBlob, repository: Repository): void {
    const blobs = this.#deferred.get(repository) ?? new Map<string, LargeBlob>();
    this.#deferred.set(repository, blobs);
    // Those that are left out here come in the next attempt.
    if (blobs.size < MAX_DEFERRED) blobs.set(blob.digest, blob);
  }
}
