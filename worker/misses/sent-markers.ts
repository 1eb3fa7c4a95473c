/**
 * Which misses the isolates of a data centre have sent. A marker is an entry of the data centre's cache without bytes,
 * below the bucket's id and under a key that no object of a bucket has. The cache may forget a marker, or fail: then a
 * miss is sent twice.
 */
import type { EdgeCache } from '../cache/edge-cache.ts';

const NO_BYTES = new Uint8Array();

export class SentMarkers {
  readonly #cache: EdgeCache;

  constructor(cache: EdgeCache) {
    this.#cache = cache;
  }

  /**
   * Never throws.
   * @param cacheId a bucket's id, because the same image can be absent from one bucket and not from another
   * @returns milliseconds since 1970; undefined if no marker is known
   */
  async sentAtMs(cacheId: string, reference: string): Promise<number | undefined> {
    return (await this.#cache.get(cacheId, keyOf(reference), async () => {}))?.readAtMs;
  }

  /** Never throws. @param lifetimeMs how long the cache may keep the marker */
  async put(cacheId: string, reference: string, sentAtMs: number, lifetimeMs: number): Promise<void> {
    const marker = {
      bytes: NO_BYTES,
      contentType: undefined,
      modified: undefined,
      readAtMs: sentAtMs,
      store: 0,
      bucket: undefined,
    };
    await this.#cache.put(cacheId, keyOf(reference), marker, lifetimeMs);
  }
}

/** core/layout.ts makes no key that begins like this. */
function keyOf(reference: string): string {
  return `misses/${reference}`;
}
