/** Reading bodies with a bound on silence, and on length where there is one. */
import { SourceError } from '../engine/source.ts';
import type { Answer } from './answer.ts';

/**
 * A body's chunks, each good until the next one is asked for; more than `timeout` milliseconds without one is an error.
 * @param where names the upstream, for the error's sentence
 * @throws {SourceError}
 */
export async function* readBody(answer: Answer, timeout: number, where: string): AsyncGenerator<Uint8Array> {
  const chunks = answer.body[Symbol.asyncIterator]();
  /** Undefined while it is not the registry that is waited for. Milliseconds. */
  let waitingSince: number | undefined;
  let isSilent = false;
  // One for all chunks, which are many: it goes on where there was one in its time.
  const watch = (): void => {
    const waited = waitingSince === undefined ? 0 : Date.now() - waitingSince;
    isSilent = waited >= timeout;
    if (isSilent) answer.discard();
    else timer = setTimeout(watch, timeout - waited);
  };
  let timer = setTimeout(watch, timeout);
  try {
    for (;;) {
      waitingSince = Date.now();
      const { done, value } = await chunks.next();
      waitingSince = undefined;
      if (done === true) break;
      yield value;
      // Left to the collector, it would see tens of megabytes of them before it looks.
      const { buffer } = value;
      if (buffer instanceof ArrayBuffer && buffer.byteLength === value.length) buffer.transfer(0);
    }
  } catch (error) {
    throw new SourceError(
      isSilent
        ? `${where} sent nothing for ${timeout / 1000} s in the middle of a body.`
        : `${where} closed the connection in the middle of a body.`,
      { cause: error },
    );
  } finally {
    clearTimeout(timer);
    // Also when the reader goes away early: the connection must not be held.
    answer.discard();
  }
}

/**
 * A whole body, if it is at most `limit` bytes long.
 * @throws {SourceError}
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
