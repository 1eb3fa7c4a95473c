/** A blob's bytes through the edge: all of them, one range, or several. */
import type { BlobLink } from '../../core/blob-link.ts';
import { RegistryError } from '../../core/error.ts';
import { MUTABILITY } from '../../core/key-kind.ts';
import { blobKey } from '../../core/layout.ts';
import { OCTET_STREAM } from '../../core/media-type.ts';
import type { EdgeObjects } from '../cache/edge-objects.ts';
import type { Cached } from '../cache/read-through-cache.ts';
import { backgroundContext, type RequestContext } from '../isolate/request-context.ts';
import { areAscending, type Ranges } from '../request/range.ts';
import type { Hit } from '../store/failover-stores.ts';
import { StoreError, type ByteRange, type StoredObject } from '../store/store.ts';
import type { Answer } from './answer.ts';

type Stores = Pick<EdgeObjects, 'stores' | 'onBackgroundFailure'>;

/** Each range costs one read of the store, and a Worker of the free plan may send 50 requests per request that it answers. */
const MAX_RANGES = 40;

const encoder = new TextEncoder();

/**
 * @param ranges undefined for the whole blob
 * @param headers the headers of every answer about this blob
 * @throws {RegistryError} BLOB_UNKNOWN, RANGE_INVALID, RANGES_UNSUPPORTED, or UNAVAILABLE when no store answers
 */
export async function streamBlob(
  link: Cached<BlobLink>,
  ranges: Ranges | undefined,
  context: RequestContext,
  objects: Stores,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const { size } = link.value;
  if (ranges === undefined) return streamRange(link, undefined, context, objects, headers);
  const { listed, satisfiable } = ranges;
  const [first] = satisfiable;
  if (first === undefined) {
    throw new RegistryError('RANGE_INVALID', `The blob has ${size} bytes.`, {
      detail: { size: String(size) },
    });
  }
  if (listed === 1) return streamRange(link, first, context, objects, headers);
  if (!areAscending(satisfiable)) return streamRange(link, undefined, context, objects, headers);
  if (satisfiable.length > MAX_RANGES) {
    throw new RegistryError(
      'RANGES_UNSUPPORTED',
      `The edge answers at most ${MAX_RANGES} ranges per request, and this request asks for ${satisfiable.length}.`,
    );
  }
  return streamParts(link, satisfiable, context, objects, headers);
}

export function blobUnknown(digest: string): RegistryError {
  return new RegistryError('BLOB_UNKNOWN', 'There is no such blob in this repository.', {
    detail: { digest },
  });
}

async function streamRange(
  link: Cached<BlobLink>,
  range: ByteRange | undefined,
  context: RequestContext,
  objects: Stores,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const { size } = link.value;
  const hit = await open(link, range, context, objects);
  context.trace.store = hit.store;
  return {
    status: range === undefined ? 200 : 206,
    headers: {
      ...headers,
      'Content-Type': OCTET_STREAM,
      'Content-Length': String(hit.value.size),
      ...(range !== undefined && { 'Content-Range': contentRange(range, size) }),
    },
    // The length is fixed so that workerd pumps the body in pieces. Otherwise it holds half as much again per client.
    body: hit.value.body.pipeThrough(new FixedLengthStream(hit.value.size)),
  };
}

/** https://www.rfc-editor.org/rfc/rfc9110#section-14.6 */
async function streamParts(
  link: Cached<BlobLink>,
  ranges: readonly ByteRange[],
  context: RequestContext,
  objects: Stores,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const { digest, size } = link.value;
  const boundary = crypto.randomUUID();
  const parts = ranges.map((range, index) => ({
    range,
    head: encoder.encode(
      `${index === 0 ? '' : '\r\n'}--${boundary}\r\nContent-Type: ${OCTET_STREAM}\r\n` +
        `Content-Range: ${contentRange(range, size)}\r\n\r\n`,
    ),
  }));
  const tail = encoder.encode(`\r\n--${boundary}--\r\n`);
  const length = parts.reduce((sum, { range, head }) => sum + head.length + lengthOf(range), tail.length);
  // The first range is opened before the headers are sent, so that the edge can still read from another store, or answer
  // an error.
  const first = await open(link, ranges[0], context, objects);
  context.trace.store = first.store;
  const background = backgroundContext(context, Infinity);
  const { readable, writable } = new FixedLengthStream(length);

  async function send(): Promise<void> {
    try {
      for (const [index, { range, head }] of parts.entries()) {
        const { body } = (index === 0 ? first : await open(link, range, background, objects)).value;
        await write(writable, head);
        await body.pipeTo(writable, { preventClose: true });
      }
      await write(writable, tail);
      await writable.close();
    } catch (error) {
      // The client gets an answer that breaks off. If the client itself has left, there is nothing to abort.
      await writable.abort(error).catch(() => undefined);
    }
    const { failures } = background.trace;
    if (failures.length > 0) objects.onBackgroundFailure({ key: blobKey(digest), failures });
  }
  context.waitUntil(send());
  return {
    status: 206,
    headers: {
      ...headers,
      'Content-Type': `multipart/byteranges; boundary=${boundary}`,
      'Content-Length': String(length),
    },
    body: readable,
  };
}

async function write(writable: WritableStream<Uint8Array>, bytes: Uint8Array): Promise<void> {
  const writer = writable.getWriter();
  await writer.write(bytes);
  writer.releaseLock();
}

/** @throws {RegistryError} BLOB_UNKNOWN, UNAVAILABLE */
async function open(
  link: Cached<BlobLink>,
  range: ByteRange | undefined,
  context: RequestContext,
  { stores }: Stores,
): Promise<Hit<StoredObject>> {
  const { digest, size } = link.value;
  const key = blobKey(digest);
  const expected = range === undefined ? size : lengthOf(range);
  const hit = await stores.read(
    context,
    MUTABILITY.blob,
    async (store, signal) => {
      const object = await store.get(key, { signal, ...(range !== undefined && { range }) });
      if (object === undefined || object.size === expected) return object;
      await object.body.cancel();
      throw new StoreError(store.number, `has ${object.size} bytes of ${key}, and not ${expected}.`);
    },
    link.store,
  );
  if (hit !== undefined) return hit;
  context.trace.failures.push(`CORRUPT: ${key} is linked but not stored.`);
  throw blobUnknown(digest);
}

function lengthOf({ start, end }: ByteRange): number {
  return end - start + 1;
}

function contentRange({ start, end }: ByteRange, size: number): string {
  return `bytes ${start}-${end}/${size}`;
}
