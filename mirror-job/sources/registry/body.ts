/** Reading bodies with a bound on silence, on slowness, and on length where there is one. */
import { PROGRESS_BYTES } from '../../engine/transfer/resume.ts';
import { SourceError, TooLongError } from '../../engine/source.ts';
import type { Answer } from './answer.ts';
import type { Slots } from './held-slot.ts';

/** A body that broke off, fell silent, or only dripped: another try may bring all of it. */
export class BrokenBodyError extends SourceError {}

/** Silence is measured in these parts of its bound: it is at most one longer. */
const TICKS = 8;

/**
 * So many times that bound a body may take for `PROGRESS_BYTES` bytes. A byte now and then is never silence, and would keep
 * a buffer, and in the end the whole run, for years. By default this is half a kilobyte a second.
 */
const DRIPPING = 4;

/**
 * A body's chunks, each good until the next one is asked for; more than `timeout` milliseconds without one is an error,
 * and so is hardly anything in `DRIPPING` times as long. Only the time that the registry is waited for counts.
 * @param where names the upstream, for the error's sentence
 * @throws {BrokenBodyError}
 */
export async function* readBody(answer: Answer, timeout: number, where: string): AsyncGenerator<Uint8Array> {
  const chunks = answer.body[Symbol.asyncIterator]();
  /** How many ticks the registry has been waited for; undefined while it is not the registry. */
  let ticks: number | undefined;
  /** The same since it last made progress, and how many bytes it has sent since. */
  let slowTicks = 0;
  let bytes = 0;
  let isSilent = false;
  let isDripping = false;
  // One timer for all chunks, which are many. Ticks and no clock: the system's can be set, and Node's other one loads
  // more than a run that finds nothing new has time for.
  const timer = setInterval(() => {
    if (ticks === undefined) return;
    ticks += 1;
    slowTicks += 1;
    // The first may have come at once.
    isSilent = ticks > TICKS;
    isDripping = slowTicks > TICKS * DRIPPING;
    if (isSilent || isDripping) answer.discard();
  }, timeout / TICKS);
  try {
    for (;;) {
      ticks = 0;
      const { done, value } = await chunks.next();
      ticks = undefined;
      if (done === true) break;
      bytes += value.length;
      if (bytes >= PROGRESS_BYTES) {
        bytes = 0;
        slowTicks = 0;
      }
      yield value;
      // Left to the collector, it would see tens of megabytes of them before it looks.
      const { buffer } = value;
      if (buffer instanceof ArrayBuffer && buffer.byteLength === value.length) buffer.transfer(0);
    }
  } catch (error) {
    const what = isSilent
      ? `sent nothing for ${timeout / 1000} s`
      : isDripping
        ? `sent hardly anything for ${(DRIPPING * timeout) / 1000} s`
        : 'closed the connection';
    throw new BrokenBodyError(`${where} ${what} in the middle of a body.`, { cause: error });
  } finally {
    clearInterval(timer);
    // Also when the reader goes away early: the connection must not be held.
    answer.discard();
  }
}

/** Bytes: hardly any manifest or list is longer. */
const LARGE = 256 * 1024;

/**
 * A whole body, if it is at most `limit` bytes long.
 * @param large slots for bodies that are longer than most, so that only some of them are in memory at once; left out
 *   where `limit` is small
 * @throws {BrokenBodyError} when it breaks off
 * @throws {TooLongError} when it is longer
 */
export async function readWhole(
  answer: Answer,
  limit: number,
  timeout: number,
  where: string,
  large?: Slots,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let isLarge = false;
  try {
    for await (const chunk of readBody(answer, timeout, where)) {
      length += chunk.length;
      if (length > limit)
        throw new TooLongError(
          `${where} sent more than ${limit} bytes, which is the most that Lifeboat reads.`,
          limit,
        );
      chunks.push(new Uint8Array(chunk));
      if (large === undefined || isLarge || length <= LARGE) continue;
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
  let left = bytes;
  for await (const chunk of body) {
    if (left >= chunk.length) left -= chunk.length;
    else {
      yield left === 0 ? chunk : chunk.subarray(left);
      left = 0;
    }
  }
}
