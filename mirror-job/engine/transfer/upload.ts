/**
 * Writes a blob, with one PUT if it fits into a part and as a multipart upload otherwise. Either way the object appears
 * at once and whole, and only after the stream ended without an error. A stream that throws leaves nothing behind.
 */
import type { BufferPool, Buffers } from './buffer-pool.ts';
import type { Runtime } from '../runtime.ts';
import { createLimit } from '../support/limit.ts';
import { cutIntoParts, type Part } from './part.ts';
import { SourceError } from '../source.ts';
import { StoreError, UploadLostError, type Store, type Upload } from '../store/store.ts';

/** S3's limit on the number of parts, with room to spare. */
const MAX_PARTS = 9_000;
const MEBIBYTE = 1024 * 1024;
/** The parts of one blob that are written at the same time, if there are enough free buffers. */
const PARTS_IN_FLIGHT = 4;

type UploadEnvironment = Pick<Runtime, 'limits' | 'log'> & { readonly store: Store };

/**
 * @param size the number of bytes. A stream with more or fewer has to throw
 * @throws what the stream throws, and {StoreError}
 */
export async function uploadBlob(
  environment: UploadEnvironment & { readonly buffers: Buffers },
  key: string,
  size: number,
  body: AsyncIterable<Uint8Array>,
  contentType: string,
): Promise<void> {
  const { store, buffers, limits, log } = environment;
  if (size <= limits.partBytes) {
    await putWhole(store, buffers, key, size, body, contentType);
    return;
  }
  const parts = cutIntoParts(body, partSizeFor(size, limits.partBytes), buffers);
  await uploadParts({ store, limits, log }, key, size, parts, contentType);
}

/**
 * Writes a blob that is larger than a part. The parts come in order, and have the size that `partSizeFor` returns.
 * @throws what `body` throws, and {StoreError}
 */
export async function uploadParts(
  { store, limits, log }: UploadEnvironment,
  key: string,
  size: number,
  body: AsyncIterable<Part>,
  contentType: string,
): Promise<void> {
  const upload = await store.beginUpload(key, contentType);
  try {
    await putParts(upload, key, size, partSizeFor(size, limits.partBytes), body);
    await upload.complete();
  } catch (error) {
    // Another run completed the same blob and cleared this upload, which it made useless. Then the blob is there.
    if (error instanceof UploadLostError && (await store.size(key)) === size) return;
    try {
      await upload.abort();
    } catch (abortError) {
      log.warn(`An upload to ${key} could not be aborted; a later run will do it. ${String(abortError)}`);
    }
    throw error;
  }
}

/** @returns the bytes of a part. Parts are larger for blobs beyond 70 GiB, so that their number stays within S3's limit */
export function partSizeFor(size: number, partBytes: number): number {
  if (size <= partBytes * MAX_PARTS) return partBytes;
  return Math.ceil(size / MAX_PARTS / MEBIBYTE) * MEBIBYTE;
}

/**
 * Refuses a blob whose parts would be larger than half of all buffers. It is half, because one part is filled while
 * another one is written (docs/decisions/0085-the-largest-blob.md).
 * @param what the source and the blob, for the message
 * @throws {SourceError}
 */
export function refuseOversized(
  what: string,
  size: number,
  { buffers, limits }: Pick<Runtime, 'limits'> & { readonly buffers: Pick<BufferPool, 'total'> },
): void {
  const largestPart = Math.max(Math.floor(buffers.total / 2 / MEBIBYTE) * MEBIBYTE, limits.partBytes);
  const largestBlob = largestPart * MAX_PARTS;
  if (size <= largestBlob) return;
  throw new SourceError(
    `${what} is listed with ${size} bytes, more than the ${largestBlob} that Lifeboat can upload. Exclude the tags that need it, or have the publisher correct the size.`,
  );
}

async function putWhole(
  store: Store,
  buffers: Buffers,
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
  upload: Upload,
  key: string,
  size: number,
  partBytes: number,
  body: AsyncIterable<Part>,
): Promise<void> {
  const inFlight = createLimit(PARTS_IN_FLIGHT);
  const count = Math.ceil(size / partBytes);
  const parts: Promise<void>[] = [];
  let failed: unknown;
  const send = ({ buffer, length }: Part): void => {
    const number = parts.length + 1;
    const sent = inFlight(async () => {
      let reuse = false;
      try {
        if (failed !== undefined) throw failed;
        await upload.putPart(number, buffer.bytes.subarray(0, length));
        reuse = true;
      } finally {
        buffer.release({ reuse });
      }
    });
    sent.catch((error: unknown) => {
      failed ??= error;
    });
    parts.push(sent);
  };

  let last: Part | undefined;
  let total = 0;
  try {
    for await (const part of body) {
      if (failed !== undefined || last !== undefined) {
        part.buffer.release();
        throw failed ?? new StoreError(`${key}: the stream has more than ${size} bytes.`);
      }
      total += part.length;
      // The last part is held back until the stream has ended, because only then the bytes are known to be right.
      if (parts.length + 1 === count) last = part;
      else send(part);
    }
    if (last === undefined || total !== size) {
      throw new StoreError(`${key}: the stream ended after ${total} of ${size} bytes.`);
    }
    send(last);
    last = undefined;
    await Promise.all(parts);
  } catch (error) {
    last?.buffer.release();
    failed ??= error;
    await Promise.allSettled(parts);
    throw error;
  }
}
