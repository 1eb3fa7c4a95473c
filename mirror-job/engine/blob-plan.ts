/** Blobs in a dry run: looked for in the bucket, and counted where they would be fetched. */
import type { Descriptor } from '../../core/descriptor.ts';
import { blobKey } from '../../core/layout.ts';
import type { Repository } from '../../core/reference.ts';
import type { BlobWriter } from './blob-copy.ts';
import type { Limit } from './limit.ts';
import { Memo } from './memo.ts';
import type { Source } from './source.ts';
import type { Store } from './store.ts';

/** What a source would have to send. */
export interface BlobCost {
  /** One request each. */
  readonly blobs: number;
  readonly bytes: number;
}

export class BlobPlan implements BlobWriter {
  readonly #store: Pick<Store, 'size'>;
  readonly #limit: Limit;
  readonly #looked = new Memo<string, void>();
  readonly #costs = new Map<Source, BlobCost>();

  constructor(store: Pick<Store, 'size'>, limit: Limit) {
    this.#store = store;
    this.#limit = limit;
  }

  /** Each blob counts once, for the source that is the first to need it. @throws {StoreError} */
  ensure(_repository: Repository, { digest, size }: Descriptor, source: Source): Promise<void> {
    return this.#looked.get(`${digest} ${size}`, async () => {
      if ((await this.#limit(() => this.#store.size(blobKey(digest)))) === size) return;
      const { blobs, bytes } = this.costOf(source);
      this.#costs.set(source, { blobs: blobs + 1, bytes: bytes + size });
    });
  }

  costOf(source: Source): BlobCost {
    return this.#costs.get(source) ?? { blobs: 0, bytes: 0 };
  }
}
