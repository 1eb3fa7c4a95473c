/**
 * Writing a blob: one PUT when it fits into a part, else a multipart upload. Either way the object appears at
 * once and whole, and only after the stream has ended well: a stream that throws leaves nothing behind.
 */
import type { BufferPool, Buffer } from './buffer-pool.ts';
import type { Environment } from './environment.ts';
import { createLimit } from './limit.ts';
import { StoreError, UploadLostError, type Store, type UploadPart } from './store.ts';

/** S3's limit on the number of parts, with room to spare. */
const MAX_PARTS = 9_000;
const MEBIBYTE = 1024 * 1024;
/** Parts of one blob on their way at once; how many really are is up to the buffers that are free. */
const PARTS_IN_FLIGHT = 4;

/**
 * @param size bytes; the stream has exactly as many, or throws
 * @throws what the stream throws, and {StoreError}
 */
export async function uploadBlob(
  environment: Pick<Environment, 'store' | 'buffers' | 'limits' | 'log'>,
  key: string,
  size: number,
  body: AsyncIterable<Uint8Array>,
  contentType: string,
): Promise<void> {
  const { store, buffers, limits, log } = environment;
  if (size <= limits.partSize) {
    await putWhole(store, buffers, key, size, body, contentType);
    return;
  }
  const upload = await store.beginUpload(key, contentType);
  try {
    const parts = await putParts(store, buffers, key, upload, partSizeFor(size, limits.partSize), size, body);
    await store.completeUpload(key, upload, parts);
  } catch (error) {
    // Another run completed the same blob and cleared the uploads that it made useless: then it is there.
    if (error instanceof UploadLostError && (await store.size(key)) === size) return;
    try {
      await store.abortUpload(key, upload);
    } catch (abortError) {
      log.warn(`An upload to ${key} could not be aborted; a later run will do it. ${String(abortError)}`);
    }
    throw error;
  }
}

/** Parts grow with a blob so that their number stays within S3's limit: 8 MiB up to 70 GiB. */
export function partSizeFor(size: number, partSize: number): number {
  return Math.max(partSize, Math.ceil(size / MAX_PARTS / MEBIBYTE) * MEBIBYTE);
}

async function putWhole(
  store: Store,
  buffers: BufferPool,
  key: string,
  size: number,
  body: AsyncIterable<Uint8Array>,
  contentType: string,
): Promise<void> {
  const buffer = await buffers.take(size);
  let reuse = false;
  try {
    let length = 0;
    for await (const chunk of body) {
      buffer.bytes.set(chunk, length);
      length += chunk.length;
    }
    await store.put(key, buffer.bytes, { contentType });
    reuse = true;
  } finally {
    buffer.release({ reuse });
  }
}

async function putParts(
  store: Store,
  buffers: BufferPool,
  key: string,
  upload: string,
  partSize: number,
  size: number,
  body: AsyncIterable<Uint8Array>,
): Promise<UploadPart[]> {
  const inFlight = createLimit(PARTS_IN_FLIGHT);
  const parts: Promise<UploadPart>[] = [];
  let failed: unknown;
  const send = (buffer: Buffer, length: number): void => {
    const number = parts.length + 1;
    const sent = inFlight(async () => {
      let reuse = false;
      try {
        if (failed !== undefined) throw failed;
        const part = await store.putPart(key, upload, number, buffer.bytes.subarray(0, length));
        reuse = true;
        return part;
      } finally {
        buffer.release({ reuse });
      }
    });
    sent.catch((error: unknown) => {
      failed ??= error;
    });
    parts.push(sent);
  };

  let buffer: Buffer | undefined;
  let filled = 0;
  let total = 0;
  try {
    for await (const chunk of body) {
      for (let offset = 0; offset < chunk.length;) {
        if (failed !== undefined) throw failed;
        buffer ??= await buffers.take(partSize);
        const piece = chunk.subarray(offset, offset + partSize - filled);
        buffer.bytes.set(piece, filled);
        filled += piece.length;
        offset += piece.length;
        total += piece.length;
        // The last part stays back until the stream has ended, for only then are its bytes known to be right.
        if (filled === partSize && total < size) {
          send(buffer, filled);
          buffer = undefined;
          filled = 0;
        }
      }
    }
    if (buffer === undefined || total !== size) {
      throw new StoreError(`${key}: the stream ended after ${total} of ${size} bytes.`);
    }
    send(buffer, filled);
    buffer = undefined;
    return await Promise.all(parts);
  } catch (error) {
    buffer?.release();
    failed ??= error;
    await Promise.allSettled(parts);
    throw error;
  }
}
