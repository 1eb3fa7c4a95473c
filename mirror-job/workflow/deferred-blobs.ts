/**
 * Leaves large blobs to instances of their own, so that one is fetched once, whoever needs it, and a step that dies has not
 * lost hours of it. The image that needs such a blob is mirrored when the blob is stored.
 */
import type { Descriptor } from '../../core/descriptor.ts';
import { blobKey } from '../../core/layout.ts';
import type { Repository } from '../../core/reference.ts';
import type { BlobWriter } from '../engine/copy/blob-copy.ts';
import type { Source } from '../engine/source.ts';
import type { Store } from '../engine/store/store.ts';
import { SkippedError } from '../engine/support/skipped-error.ts';
import type { Tally } from '../engine/tally.ts';
import type { LargeBlob } from './inputs.ts';

/** A blob of at least this size is copied by an instance of its own. Bytes. */
export const LARGE_BYTES = 256 * 1024 * 1024;
/**
 * A larger blob is left to a job on a machine. A step has five minutes of the processor, which hash some 75 GB and copy a part
 * of that.
 */
export const MAX_BLOB_BYTES = 20 * 1024 ** 3;

export class DeferredBlobs implements BlobWriter {
  readonly #inner: BlobWriter;
  readonly #store: Pick<Store, 'size'>;
  readonly #largeBytes: number;
  readonly #deferred = new Map<Repository, Map<string, LargeBlob>>();

  /** @param largeBytes the size from which on a blob is left */
  constructor(inner: BlobWriter, store: Pick<Store, 'size'>, largeBytes = LARGE_BYTES) {
    this.#inner = inner;
    this.#store = store;
    this.#largeBytes = largeBytes;
  }

  /** @throws {SkippedError} for a large blob that is not stored yet; and as the writer below */
  async ensure(repository: Repository, blob: Descriptor, source: Source, tally: Tally): Promise<void> {
    const { digest, size } = blob;
    if (size >= this.#largeBytes && (await this.#store.size(blobKey(digest))) !== size) {
      if (size > MAX_BLOB_BYTES) {
        throw new SkippedError(
          `${source.name}: the blob ${digest} has ${size} bytes, more than the ${MAX_BLOB_BYTES} that a job in a Worker copies. Mirror this image by a job on a machine.`,
        );
      }
      const blobs = this.#deferred.get(repository) ?? new Map<string, LargeBlob>();
      this.#deferred.set(repository, blobs);
      blobs.set(digest, { digest, size, repository, source: source.name });
      throw new SkippedError(`${source.name}: the blob ${digest} is copied by an instance of its own.`);
    }
    await this.#inner.ensure(repository, blob, source, tally);
  }

  leave(repository: Repository): void {
    this.#inner.leave?.(repository);
  }

  /** @returns the blobs that were left since the last call for this repository */
  take(repository: Repository): LargeBlob[] {
    const blobs = [...(this.#deferred.get(repository)?.values() ?? [])];
    this.#deferred.delete(repository);
    return blobs;
  }
}
