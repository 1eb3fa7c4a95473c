/**
 * The data centre's cache, which its isolates share. It holds objects as a store gave them, under addresses that no
 * client can request, and they are decoded and checked again when they are read. The edge works without it, as on
 * workers.dev or in a bare runtime.
 */
import type { EdgeRuntime } from '../isolate/edge-runtime.ts';
import { bodyOf } from '../isolate/large-body.ts';
import { LARGEST_BYTES } from '../isolate/read-budget.ts';
import type { SmallObject } from '../store/small-object.ts';

export interface CachedObject extends SmallObject {
  /** When it was read from a store. */
  readonly readAtMs: number;
  /** The number of the store that it was read from. */
  readonly store: number;
  /** The id of that store's bucket, if it was known. */
  readonly bucket: string | undefined;
}

const READ_AT = 'lifeboat-at';
const STORE = 'lifeboat-store';
const BUCKET = 'lifeboat-bucket';
const MODIFIED = 'lifeboat-modified';
/** The object's bytes. They need a header of their own, because a cache may give an object without Content-Length. */
const SIZE = 'lifeboat-size';

export class EdgeCache {
  readonly #cache: EdgeRuntime['cache'];

  constructor(cache: EdgeRuntime['cache']) {
    this.#cache = cache;
  }

  /**
   * @param cacheId a bucket's id, because each bucket has a part of its own
   * @param admit waits until so many bytes may be read
   * @returns undefined when the cache does not have the object, or fails
   * @throws what `admit` throws
   */
  async get(
    cacheId: string,
    key: string,
    admit: (bytes: number) => Promise<void>,
  ): Promise<CachedObject | undefined> {
    let response: Response | undefined;
    try {
      response = await this.#cache.match(addressOf(cacheId, key));
    } catch {
      return undefined;
    }
    if (response === undefined) return undefined;
    const { headers } = response;
    try {
      await admit(sizeOf(headers));
    } catch (error) {
      await response.body?.cancel();
      throw error;
    }
    try {
      const readAtMs = Number(headers.get(READ_AT) ?? Number.NaN);
      const store = Number(headers.get(STORE) ?? Number.NaN);
      const bytes = new Uint8Array(await response.arrayBuffer());
      if (!Number.isFinite(readAtMs) || !Number.isInteger(store)) return undefined;
      return {
        bytes,
        contentType: headers.get('content-type') ?? undefined,
        modified: headers.get(MODIFIED) ?? undefined,
        readAtMs,
        store,
        bucket: decodeURIComponent(headers.get(BUCKET) ?? '') || undefined,
      };
    } catch {
      return undefined;
    }
  }

  /** @param lifetimeMs how long the cache may answer with the object. Never throws */
  async put(cacheId: string, key: string, object: CachedObject, lifetimeMs: number): Promise<void> {
    const { bytes, contentType, modified, readAtMs, store, bucket } = object;
    const response = new Response(bodyOf(bytes), {
      headers: {
        'cache-control': `max-age=${Math.floor(lifetimeMs / 1000)}`,
        [READ_AT]: String(readAtMs),
        [STORE]: String(store),
        [SIZE]: String(bytes.length),
        ...(bucket !== undefined && { [BUCKET]: encodeURIComponent(bucket) }),
        ...(contentType !== undefined && { 'content-type': contentType }),
        ...(modified !== undefined && { [MODIFIED]: modified }),
      },
    });
    try {
      await this.#cache.put(addressOf(cacheId, key), response);
    } catch {
      // A cache that refuses an object makes the next answer slower, not wrong.
    }
  }

  /** Never throws. */
  async delete(cacheId: string, key: string): Promise<void> {
    try {
      await this.#cache.delete(addressOf(cacheId, key));
    } catch {
      // A cache that fails to delete answers with the object for the rest of its lifetime.
    }
  }
}

/** An entry of an earlier release has no size, so it counts as one of the largest. */
function sizeOf(headers: Headers): number {
  const size = Number(headers.get(SIZE) ?? Number.NaN);
  return Number.isFinite(size) ? size : LARGEST_BYTES;
}

function addressOf(cacheId: string, key: string): string {
  return `https://cache.lifeboat.invalid/${FORMAT}/${encodeURIComponent(cacheId)}/${key}`;
}

/** Changes when the format of entries does, so that a release never reads entries of another format. */
const FORMAT = 'v1';
