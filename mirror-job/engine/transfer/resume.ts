/** Continues a blob where its connection broke, so that hash and upload keep the bytes that they have. */
import { TooSlowError, type Pace } from './pace.ts';
import { SkippedError } from '../support/skipped-error.ts';
import { BlobAbsentError, type Source, type Timed } from '../source.ts';
import type { Expected } from './verify.ts';

/** The number of times that a body may break without progress in between. After progress the count begins again. */
export const MAX_BREAKS = 3;
/**
 * Fewer bytes are no progress. A body that breaks, falls silent or waits after every few bytes takes the whole time limit
 * for each of them, and a large layer would take days.
 */
export const PROGRESS_BYTES = 64 * 1024;

/** How to go on with a blob whose first bytes are there already. */
export interface ResumeOptions {
  /** The number of bytes that are there already. */
  readonly from?: number;
  /** An answer with the bytes that follow, if there is one already. */
  readonly first?: AsyncIterable<Uint8Array> | undefined;
  /** Left out if the source is no upstream. */
  readonly pace?: Pace;
}

/**
 * Reads a blob, and asks again from where the answer broke off.
 * @throws {BlobAbsentError} if the source lacks the blob
 * @throws {SourceError} if it breaks off again and again
 */
export async function* resumed(
  source: Pick<Source, 'name' | 'blob'>,
  blob: Expected,
  signal: AbortSignal,
  { from = 0, first, pace }: ResumeOptions = {},
): AsyncGenerator<Uint8Array> {
  let offset = from;
  let answer = first;
  let breaks = 0;
  /** False until there was an answer: a request that fails was tried several times already, unlike a body. */
  let isBegun = offset > 0 || first !== undefined;
  for (;;) {
    signal.throwIfAborted();
    const before = offset;
    try {
      const ask = (timed?: Timed) => source.blob(blob.digest, blob.size, offset, timed);
      const body = answer ?? (await (pace?.wait(ask) ?? ask()));
      answer = undefined;
      if (body === undefined) throw new BlobAbsentError(`${source.name} has no blob ${blob.digest}.`);
      isBegun = true;
      for await (const chunk of pace?.watch(body) ?? body) {
        signal.throwIfAborted();
        offset += chunk.length;
        yield chunk;
      }
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (isFinal(error)) throw error;
      breaks = offset - before >= PROGRESS_BYTES ? 1 : breaks + 1;
      if (!isBegun || offset >= blob.size || breaks > MAX_BREAKS) throw error;
    }
  }
}

/** @returns whether asking again is in vain: the blob is absent, must not be asked for, or arrives too slowly */
export function isFinal(error: unknown): boolean {
  return error instanceof BlobAbsentError || error instanceof SkippedError || error instanceof TooSlowError;
}

/** Passes a stream on, and calls `count` with the number of bytes of each chunk. */
export async function* counted(
  body: AsyncIterable<Uint8Array>,
  count: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    count(chunk.length);
    yield chunk;
  }
}
