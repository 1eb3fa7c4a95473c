/**
 * The data centre's cache, shared by its isolates. It holds objects as the store gave them, under addresses
 * that no client can ask for; they are decoded and checked again when they come back. Without it (on
 * workers.dev, in a bare runtime) all still works.
 */
import { bodyOf } from '../isolate/large-body.ts';
import { LARGEST_BYTES } from '../isolate/read-budget.ts';
import type { SmallObject } from '../store/small-object.ts';

export interface KeptObject extends SmallObject {
  /** When a store gave it, by the edge's clock. Milliseconds. */
  readonly at: number;
  readonly store: number;
  /** The id of the bucket that it is from, if it is from one. */
  readonly bucket: string | undefined;
}

const AT = 'lifeboat-at';
const STORE = 'lifeboat-store';
const BUCKET = 'lifeboat-bucket';
const MODIFIED = 'lifeboat-modified';
/** Bytes. Its own header, because a cache may give an object without Content-Length. */
const SIZE = 'lifeboat-size';

export class EdgeCache {
  readonly #cache: Pick<Cache, 'match' | 'put' | 'delete'>;

  constructor(cache: Pick<Cache, 'match' | 'put' | 'delete'>) {
    this.#cache = cache;
  }

  /**
   * @param space a bucket's id: another bucket is another cache
   * @param admit waits until so many bytes may be read
   * @throws what `admit` throws
   */
  async get(
    space: string,
    key: string,
    admit: (bytes: number) => Promise<void>,
  ): Promise<KeptObject | undefined> {
    let response: Response | undefined;
    try {
      response = await this.#cache.match(addressOf(space, key));
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
      const at = Number(headers.get(AT) ?? Number.NaN);
      const store = Number(headers.get(STORE) ?? Number.NaN);
      const bytes = new Uint8Array(await response.arrayBuffer());
      if (!Number.isFinite(at) || !Number.isInteger(store)) return undefined;
      return {
        bytes,
        contentType: headers.get('content-type') ?? undefined,
        modified: headers.get(MODIFIED) ?? undefined,
        at,
        store,
        bucket: decodeURIComponent(headers.get(BUCKET) ?? '') || undefined,
      };
    } catch {
      return undefined;
    }
  }

  /** @param lifetime after which it is not given any more. Milliseconds */
  async put(space: string, key: string, object: KeptObject, lifetime: number): Promise<void> {
    const { bytes, contentType, modified, at, store, bucket } = object;
    const response = new Response(bodyOf(bytes), {
      headers: {
        'cache-control': `max-age=${Math.floor(lifetime / 1000)}`,
        [AT]: String(at),
        [STORE]: String(store),
        [SIZE]: String(bytes.length),
        ...(bucket !== undefined && { [BUCKET]: encodeURIComponent(bucket) }),
        ...(contentType !== undefined && { 'content-type': contentType }),
        ...(modified !== undefined && { [MODIFIED]: modified }),
      },
    });
    try {
      await this.#cache.put(addressOf(space, key), response);
    } catch {
      // A cache that takes nothing makes the next answer slower, not wrong.
    }
  }

  async delete(space: string, key: string): Promise<void> {
    try {
      await this.#cache.delete(addressOf(space, key));
    } catch {
      // As above.
    }
  }
}

/** An entry of an earlier release has no size, and may be one of the largest. */
function sizeOf(headers: Headers): number {
  const size = Number(headers.get(SIZE) ?? Number.NaN);
  return Number.isFinite(size) ? size : LARGEST_BYTES;
}

function addressOf(space: string, key: string): string {
  return `https://cache.lifeboat.invalid/${LAYOUT}/${encodeURIComponent(space)}/${key}`;
}

/** Changes with what is kept, so that a new release never reads what an old one kept in another form. */
const LAYOUT = 'v1';
