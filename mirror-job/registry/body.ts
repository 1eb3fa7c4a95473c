/** Reading bodies with a bound on silence, and on length where there is one. */
import { SourceError } from '../engine/source.ts';
import type { Answer } from './answer.ts';

/** A body that broke off, or fell silent: another try may bring all of it. */
export class BrokenBodyError extends SourceError {}

/** Silence is measured in these parts of its bound: it is at most one longer. */
const TICKS = 8;

/**
 * A body's chunks, each good until the next one is asked for; more than `timeout` milliseconds without one is an error.
 * @param where names the upstream, for the error's sentence
 * @throws {BrokenBodyError}
 */
export async function* readBody(answer: Answer, timeout: number, where: string): AsyncGenerator<Uint8Array> {
  const chunks = answer.body[Symbol.asyncIterator]();
  /** How many ticks the registry has been waited for; undefined while it is not the registry. */
  let ticks: number | undefined;
  let isSilent = false;
  // One timer for all chunks, which are many. Ticks and no clock: the system's can be set, and Node's other one loads
  // more than a run that finds nothing new has time for.
  const timer = setInterval(() => {
    if (ticks === undefined) return;
    ticks += 1;
    // The first may have come at once.
    isSilent = ticks > TICKS;
    if (isSilent) answer.discard();
  }, timeout / TICKS);
  try {
    for (;;) {
      ticks = 0;
      const { done, value } = await chunks.next();
      ticks = undefined;
      if (done === true) break;
      yield value;
      // Left to the collector, it would see tens of megabytes of them before it looks.
      const { buffer } = value;
      if (buffer instanceof ArrayBuffer && buffer.byteLength === value.length) buffer.transfer(0);
    }
  } catch (error) {
    throw new BrokenBodyError(
      isSilent
        ? `${where} sent nothing for ${timeout / 1000} s in the middle of a body.`
        : `${where} closed the connection in the middle of a body.`,
      { cause: error },
    );
  } finally {
    clearInterval(timer);
    // Also when the reader goes away early: the connection must not be held.
    answer.discard();
  }
}

/**
 * A whole body, if it is at most `limit` bytes long.
 * @throws {BrokenBodyError} when it breaks off
 * @throws {SourceError} when it is longer
 */
export async function readWhole(
  answer: Answer,
  limit: number,
  timeout: number,
  where: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of readBody(answer, timeout, where)) {
    length += chunk.length;
    if (length > limit)
      throw new SourceError(`${where} sent more than ${limit} bytes, the most that is read here.`);
    chunks.push(new Uint8Array(chunk));
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
