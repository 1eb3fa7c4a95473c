/** Gives out empty buckets of one local R2, which starts when the first bucket is needed. */
import type { Buckets, Store } from './local-store.ts';

export class BucketPool {
  readonly #size: number;
  readonly #stores: Promise<Store>[] = [];
  #used = 0;

  /** @param size the number of buckets of one R2. When they are used up, as in watch mode, another R2 starts. */
  constructor(size: number) {
    this.#size = size;
  }

  /** @returns buckets that no other call gets */
  async take(count: number): Promise<Buckets> {
    let store = this.#stores.at(-1);
    if (store === undefined || this.#used + count > this.#size) {
      store = startStore(this.#size);
      this.#stores.push(store);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += count;
    const { endpoint, region, accessKeyId, secretAccessKey, ...all } = await store;
    const buckets = all.buckets.slice(start, start + count);
    return { endpoint, region, accessKeyId, secretAccessKey, buckets, bucket: buckets[0] ?? '' };
  }

  async stop(): Promise<void> {
    for (const store of await Promise.allSettled(this.#stores)) {
      if (store.status === 'fulfilled') await store.value.stop();
    }
  }
}

/** Wrangler is loaded only here, because loading it takes a second. */
async function startStore(buckets: number): Promise<Store> {
  const { startLocalStore } = await import('./local-store.ts');
  return startLocalStore({ buckets });
}
