/** A connection that breaks in the middle of a blob goes on where it broke: hash and upload keep what they have. */
import { TooSlowError, type Pace } from './pace.ts';
import { SkippedError } from '../skipped-error.ts';
import { BlobAbsentError, type Source, type Timed } from '../source.ts';
import type { Expected } from './verify.ts';

/** How often a body may break without progress in between, which gives all of them back. */
export const BREAKS = 3;
/**
 * Bytes. Fewer are no progress: a body that breaks, falls silent or waits after each few of them takes as long for each
 * as that is borne, and a large layer would take days.
 */
export const PROGRESS = 64 * 1024;

/** Where a stream begins that was begun in another way, and how fast it has to be. */
export interface ResumeOptions {
  /** Bytes that are there already. */
  readonly from?: number;
  /** What follows them, where it is at hand. */
  readonly first?: AsyncIterable<Uint8Array> | undefined;
  /** Left out where the source is no upstream. */
  readonly pace?: Pace;
}

/**
 * @throws {BlobAbsentError} when the source lacks the blob
 * @throws {SourceError} when it breaks off again and again
 */
export async function* resumed(
  source: Pick<Source, 'name' | 'blob'>,
  blob: Expected,
  signal: AbortSignal,
  { from = 0, first, pace }: ResumeOptions = {},
): AsyncGenerator<Uint8Array> {
  let offset = from;
  let given = first;
  let breaks = 0;
  /** A request that fails has been tried several times already; a body has not. */
  let isBegun = offset > 0 || first !== undefined;
  for (;;) {
    signal.throwIfAborted();
    const before = offset;
    try {
      const ask = (timed?: Timed) => source.blob(blob.digest, blob.size, offset, timed);
      const body = given ?? (await (pace?.wait(ask) ?? ask()));
      given = undefined;
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
      breaks = offset - before >= PROGRESS ? 1 : breaks + 1;
      if (!isBegun || offset >= blob.size || breaks > BREAKS) throw error;
    }
  }
}

/** Whether asking on is in vain: the blob is not there, is not to be asked for, or comes too slowly. */
export function isFinal(error: unknown): boolean {
  return error instanceof BlobAbsentError || error instanceof SkippedError || error instanceof TooSlowError;
}

/** Passes a stream on, and tells how many bytes came. */
export async function* counted(
  body: AsyncIterable<Uint8Array>,
  count: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    count(chunk.length);
    yield chunk;
  }
}
