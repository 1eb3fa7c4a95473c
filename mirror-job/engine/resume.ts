/** A connection that breaks in the middle of a blob goes on where it broke: hash and upload keep what they have. */
import type { Source } from './source.ts';
import { BlobAbsentError } from './source.ts';
import type { Expected } from './verify.ts';

/** How often a body may break without one new byte in between. Progress gives all of them back. */
const BREAKS = 3;

/**
 * @throws {BlobAbsentError} when the source lacks the blob
 * @throws {SourceError} when it breaks off again and again
 */
export async function* resumed(
  source: Source,
  blob: Expected,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let offset = 0;
  let breaks = 0;
  for (;;) {
    signal.throwIfAborted();
    const before = offset;
    try {
      const body = await source.blob(blob.digest, blob.size, offset);
      if (body === undefined) throw new BlobAbsentError(`${source.name} has no blob ${blob.digest}.`);
      for await (const chunk of body) {
        signal.throwIfAborted();
        offset += chunk.length;
        yield chunk;
      }
      return;
    } catch (error) {
      signal.throwIfAborted();
      breaks = offset > before ? 1 : breaks + 1;
      if (offset === 0 || offset >= blob.size || breaks > BREAKS) throw error;
    }
  }
}
