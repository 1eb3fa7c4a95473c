/** Reads bodies with a bound on silence, on slowness and, for whole bodies, on length. */
import { PROGRESS_BYTES } from '../../../engine/transfer/resume.ts';
import { SourceError, TooLongError } from '../../../engine/source.ts';
import type { HttpResponse } from '../http-client.ts';
import type { Slots } from '../pace/list-slot.ts';

/** A body broke off, fell silent, or came too slowly. Another attempt may bring all of it. */
export class BrokenBodyError extends SourceError {}

/** The silence time-out is checked in eighths, so it fires at most 1/8 late. */
const TICKS = 8;

/**
 * A body may take this many silence time-outs for `PROGRESS_BYTES` bytes. A single byte now and then is never silence, but
 * would hold a buffer, and in the end the whole run, for years. By default the bound is half a kilobyte per second.
 */
const SLOW_TIMEOUTS = 4;

/**
 * A body's chunks. Each one is valid until the next one is requested. An interval of `timeoutMs` without a chunk is an error,
 * and so are fewer than `PROGRESS_BYTES` bytes in `SLOW_TIMEOUTS` such intervals. Only the time spent waiting for the registry
 * counts.
 * @param where names the upstream, for the error's sentence
 * @throws {BrokenBodyError}
 */
export async function* readBody(
  response: HttpResponse,
  timeoutMs: number,
  where: string,
): AsyncGenerator<Uint8Array> {
  const chunks = response.body[Symbol.asyncIterator]();
  /** The number of ticks since the wait for the next chunk began; undefined while the reader has the last one. */
  let ticks: number | undefined;
  /** The ticks, and the bytes, since the body last made progress. */
  let slowTicks = 0;
  let bytes = 0;
  let isSilent = false;
  let isSlow = false;
  // One timer serves all chunks, because there are many. It counts ticks and reads no clock: the system's clock can be set,
  // and Node's monotonic clock would load a module.
  const timer = setInterval(() => {
    if (ticks === undefined) return;
    ticks += 1;
    slowTicks += 1;
    // The first tick may have come at once.
    isSilent = ticks > TICKS;
    isSlow = slowTicks > TICKS * SLOW_TIMEOUTS;
    if (isSilent || isSlow) response.discard();
  }, timeoutMs / TICKS);
  try {
    for (;;) {
      ticks = 0;
      const { done, value } = await chunks.next();
      ticks = undefined;
      if (done === true) {
        // In Workers a body that is dropped ends like a whole one.
        if (isSilent || isSlow) throw new Error('The body was dropped.');
        break;
      }
      bytes += value.length;
      if (bytes >= PROGRESS_BYTES) {
        bytes = 0;
        slowTicks = 0;
      }
      yield value;
    }
  } catch (error) {
    const what = isSilent
      ? `sent nothing for ${timeoutMs / 1000} s`
      : isSlow
        ? `sent hardly anything for ${(SLOW_TIMEOUTS * timeoutMs) / 1000} s`
        : 'closed the connection';
    throw new BrokenBodyError(`${where} ${what} in the middle of a body.`, { cause: error });
  } finally {
    clearInterval(timer);
    // A reader that leaves early must not hold the connection.
    response.discard();
  }
}

/** Hardly any manifest or list is longer. */
const LARGE_BYTES = 256 * 1024;

/**
 * Reads a whole body of at most `maxBytes`.
 * @param large slots for bodies that are longer than most, so that only some of them are in memory at once; left out
 *   when `maxBytes` is small
 * @throws {BrokenBodyError} when it breaks off
 * @throws {TooLongError} when it is longer
 */
export async function readWhole(
  response: HttpResponse,
  maxBytes: number,
  timeoutMs: number,
  where: string,
  large?: Slots,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let isLarge = false;
  try {
    for await (const chunk of readBody(response, timeoutMs, where)) {
      length += chunk.length;
      if (length > maxBytes)
        throw new TooLongError(
          `${where} sent more than ${maxBytes} bytes, which is the most that Lifeboat reads.`,
          maxBytes,
        );
      chunks.push(new Uint8Array(chunk));
      if (large === undefined || isLarge || length <= LARGE_BYTES) continue;
      await large.take('', 1);
      isLarge = true;
    }
    const bytes = new Uint8Array(length);
    let offset = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, offset);
      offset += chunk.length;
    }
    return bytes;
  } finally {
    if (large !== undefined && isLarge) large.give('', 1);
  }
}

/** Drops the first bytes, because some registries send the whole blob whatever range was asked for. */
export async function* skip(body: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  let rest = bytes;
  for await (const chunk of body) {
    if (rest >= chunk.length) rest -= chunk.length;
    else {
      yield rest === 0 ? chunk : chunk.subarray(rest);
      rest = 0;
    }
  }
}
