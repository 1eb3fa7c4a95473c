/** The blobs of a dry run: it looks for them in the bucket, and counts those that a run would fetch. */
import type { Descriptor } from '../../../core/descriptor.ts';
import { blobKey } from '../../../core/layout.ts';
import type { Repository } from '../../../core/reference.ts';
import type { BlobWriter } from './blob-copy.ts';
import type { Limits } from '../runtime.ts';
import type { Limit } from '../support/limit.ts';
import { AsyncCache } from '../support/async-cache.ts';
import { countRanges, isRanged } from '../transfer/ranged-parts.ts';
import type { Source } from '../source.ts';
import type { Store } from '../store/store.ts';

/** The requests and bytes that a source would serve. */
export interface BlobCost {
  /** One per blob, or one per range of a large blob. */
  readonly requests: number;
  readonly bytes: number;
}

export class BlobPlan implements BlobWriter {
  readonly #store: Pick<Store, 'size'>;
  readonly #limit: Limit;
  readonly #limits: Limits;
  readonly #looked = new AsyncCache<string, void>();
  readonly #costs = new Map<Source, BlobCost>();

  constructor(store: Pick<Store, 'size'>, limit: Limit, limits: Limits) {
    this.#store = store;
    this.#limit = limit;
    this.#limits = limits;
  }

  /** Counts each blob once, for the source of the first call. @throws {StoreError} */
  ensure(_repository: Repository, { digest, size }: Descriptor, source: Source): Promise<void> {
    return this.#looked.get(`${digest} ${size}`, async () => {
      if ((await this.#limit(() => this.#store.size(blobKey(digest)))) === size) return;
      const { requests, bytes } = this.costOf(source);
      const more = isRanged(source, size, this.#limits) ? countRanges(size, this.#limits) : 1;
      this.#costs.set(source, { requests: requests + more, bytes: bytes + size });
    });
  }

  costOf(source: Source): BlobCost {
    return this.#costs.get(source) ?? { requests: 0, bytes: 0 };
  }
}
