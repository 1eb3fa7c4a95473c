/** Reading bodies with a bound on silence, and on length where there is one. */
import { SourceError } from '../engine/source.ts';

/**
 * A body's chunks, each good until the next one is asked for; more than `timeout` milliseconds without one is an error.
 * @param where names the upstream, for the error's sentence
 * @throws {SourceError}
 */
export async function* readBody(
  response: Response,
  timeout: number,
  where: string,
): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    for (;;) {
      const stalled = new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          reject(new SourceError(`${where} sent nothing for ${timeout / 1000} s in the middle of a body.`));
        }, timeout);
      });
      const { done, value } = await Promise.race([reader.read(), stalled]);
      clearTimeout(timer);
      if (done) return;
      yield value;
      // Left to the collector, it would see tens of megabytes of them before it looks.
      const { buffer } = value;
      if (buffer instanceof ArrayBuffer && buffer.byteLength === value.length) buffer.transfer(0);
    }
  } catch (error) {
    if (error instanceof SourceError) throw error;
    throw new SourceError(`${where} closed the connection in the middle of a body.`, { cause: error });
  } finally {
    clearTimeout(timer);
    // Also when the reader goes away early: the connection must not be held.
    reader.cancel().catch(() => undefined);
  }
}

/**
 * A whole body, if it is at most `limit` bytes long.
 * @throws {SourceError}
 */
export async function readWhole(
  response: Response,
  limit: number,
  timeout: number,
  where: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of readBody(response, timeout, where)) {
    length += chunk.length;
    if (length > limit)
      throw new SourceError(`${where} sent more than ${limit} bytes, the most that is read here.`);
    chunks.push(chunk.slice());
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

/** Lets go of an answer whose body nobody wants. */
export function discard(response: Response): void {
  response.body?.cancel().catch(() => undefined);
}
