/** Objects that are read whole: all except blobs. */
import { maxSizeOf } from '../../core/object-size.ts';
import { LARGEST_BYTES } from '../isolate/read-budget.ts';
import { StoreError, type Store } from './store.ts';

export interface SmallObject {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: string | undefined;
  /** When the object was written. ISO 8601, UTC. */
  readonly modified: string | undefined;
}

/**
 * @returns undefined when the store has no such object
 * @throws {StoreError} also when the object is larger than its kind allows, or ends early
 */
export async function readSmall(
  store: Store,
  key: string,
  signal: AbortSignal,
): Promise<SmallObject | undefined> {
  const object = await store.get(key, { signal });
  if (object === undefined) return undefined;
  const { body, size, contentType, modified } = object;
  if (size > Math.min(maxSizeOf(key), LARGEST_BYTES)) {
    await body.cancel();
    throw new StoreError(store.number, `has ${size} bytes at ${key}, more than any object of its kind.`);
  }
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  try {
    bytes = await readBytes(body, size);
  } catch (error) {
    throw new StoreError(store.number, `broke off in the middle of ${key}.`, error);
  }
  if (bytes === undefined) throw new StoreError(store.number, `sent more bytes than ${key} has.`);
  if (bytes.length !== size) throw new StoreError(store.number, `broke off in the middle of ${key}.`);
  return { bytes, contentType, modified };
}

/**
 * Reads no more bytes than the object has. The body can have more, because the runtime unpacks a body that claims to be
 * compressed, and a few kilobytes can become gigabytes.
 * @returns undefined if there are more
 */
async function readBytes(
  body: ReadableStream<Uint8Array>,
  size: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const bytes = new Uint8Array(size);
  let length = 0;
  for await (const chunk of body) {
    if (length + chunk.length > size) return undefined;
    bytes.set(chunk, length);
    length += chunk.length;
  }
  return bytes.subarray(0, length);
}
