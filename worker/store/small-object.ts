/** Objects that are read whole: all but blobs. */
import { StoreError, type Store } from './store.ts';

export interface SmallObject {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: string | undefined;
  /** When it was written. ISO 8601, UTC. */
  readonly modified: string | undefined;
}

/** A tag's object holds a manifest of up to 4 MiB as base64; a list of 100,000 tags has some 3 MB. */
const MOST_BYTES = 8 * 1024 * 1024;

/** @throws {StoreError} also when it is larger than any such object can be, or ends early */
export async function readSmall(
  store: Store,
  key: string,
  signal: AbortSignal,
): Promise<SmallObject | undefined> {
  const object = await store.get(key, { signal });
  if (object === undefined) return undefined;
  const { body, size, contentType, modified } = object;
  if (size > MOST_BYTES) {
    await body.cancel();
    throw new StoreError(store.number, `has ${size} bytes at ${key}, more than any object of its kind.`);
  }
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = new Uint8Array(await new Response(body).arrayBuffer());
  } catch (error) {
    throw new StoreError(store.number, `broke off in the middle of ${key}.`, error);
  }
  if (bytes.length !== size) throw new StoreError(store.number, `broke off in the middle of ${key}.`);
  return { bytes, contentType, modified };
}
