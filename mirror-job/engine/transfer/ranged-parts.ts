/**
 * A large blob over several connections: most registries' storage sends one connection far less than the way
 * takes. Ranges of a part's size are fetched ahead, and handed on in order, because a hash needs them so.
 */
import type { Buffer, Buffers } from './buffer-pool.ts';
import type { Environment, Limits } from '../environment.ts';
import { createLimit } from '../support/limit.ts';
import type { Pace } from './pace.ts';
import { cutIntoParts, type Part } from './part.ts';
import { BREAKS, PROGRESS, counted, isFinal, resumed } from './resume.ts';
import { BlobAbsentError, SourceError, type RangedSource, type Source } from '../source.ts';
import { partSizeFor } from './upload.ts';
import type { Expected } from './verify.ts';

/** Ranges that are asked for or wait for their turn, for each connection: one slow answer must not stop the others. */
const AHEAD = 1.5;

/** Whether a blob of this size is asked for in ranges. */
export function isRanged(source: Source, size: number, limits: Limits): source is RangedSource {
  return source.range !== undefined && size > limits.partBytes && size >= limits.rangesFromBytes;
}

/** How many ranges that are. */
export function countRanges(size: number, limits: Limits): number {
  return Math.ceil(size / partSizeFor(size, limits.partBytes));
}

type RangesEnvironment = Pick<Environment, 'limits' | 'signal'> & { readonly buffers: Buffers };

/**
 * A blob's parts in order, not verified, each byte asked for once. A source that answers the first range with the
 * whole blob is read on as it is; one that refuses ranges is asked for one stream, from where they ended.
 * @param pace how fast they have to arrive, for `limits.rangesAtOnce` connections
 * @param count told of bytes as they arrive
 * @throws {BlobAbsentError} when the source lacks the blob
 * @throws {SourceError} when it breaks off again and again, or sends something else
 */
export async function* rangedParts(
  environment: RangesEnvironment,
  source: RangedSource,
  blob: Expected,
  pace: Pace,
  count: (bytes: number) => void,
): AsyncGenerator<Part> {
  const { buffers, limits, signal } = environment;
  const partBytes = partSizeFor(blob.size, limits.partBytes);
  const lengthAt = (start: number): number => Math.min(partBytes, blob.size - start);
  const inOneStream = (from: number, first?: AsyncIterable<Uint8Array>): AsyncGenerator<Part> => {
    const body = resumed(source, blob, signal, { from, first, pace: pace.alone() });
    return cutIntoParts(counted(body, count), partBytes, buffers);
  };

  // Memory first, then the request: an answer that nobody reads is a connection that the source may close.
  const buffer = await buffers.take(partBytes);
  const fetch = new RangeFetch(source, blob, signal, pace, count);
  let first: AsyncIterable<Uint8Array>;
  try {
    const answer = await fetch.open(0, lengthAt(0));
    if (answer === 'refused' || answer.isWhole) {
      buffer.release();
      yield* inOneStream(0, answer === 'refused' ? undefined : answer.body);
      return;
    }
    first = answer.body;
  } catch (error) {
    buffer.release();
    throw error;
  }

  const connection = createLimit(limits.rangesAtOnce);
  const ahead: Promise<Part | 'refused'>[] = [];
  let next = partBytes;
  const begin = (task: () => Promise<Part | 'refused'>): void => {
    const part = connection(task);
    // Each is awaited in its turn; until then its failure is nobody's.
    part.catch(() => undefined);
    ahead.push(part);
  };
  begin(() => fetch.part(buffer, 0, lengthAt(0), first));
  try {
    for (let start = 0; start < blob.size; start += partBytes) {
      while (next < blob.size && ahead.length < limits.rangesAtOnce * AHEAD) {
        const from = next;
        next += partBytes;
        // Buffers are asked for in the order of the parts, and given so: whichever blob holds some holds its earliest,
        // which will be filled, hashed and written, so that many blobs in a small pool never wait for each other.
        begin(async () => fetch.part(await buffers.take(partBytes), from, lengthAt(from)));
      }
      const part = await ahead.shift();
      if (part === undefined) return;
      if (part === 'refused') {
        await discard(fetch, ahead);
        yield* inOneStream(start);
        return;
      }
      yield part;
    }
  } finally {
    await discard(fetch, ahead);
  }
}

async function discard(fetch: RangeFetch, ahead: Promise<Part | 'refused'>[]): Promise<void> {
  fetch.stop();
  for (const result of await Promise.allSettled(ahead.splice(0))) {
    if (result.status === 'fulfilled' && result.value !== 'refused') result.value.buffer.release();
  }
}

/** The ranges of one blob. */
class RangeFetch {
  readonly #source: RangedSource;
  readonly #blob: Expected;
  readonly #signal: AbortSignal;
  readonly #pace: Pace;
  readonly #count: (bytes: number) => void;
  #isStopped = false;

  constructor(
    source: RangedSource,
    blob: Expected,
    signal: AbortSignal,
    pace: Pace,
    count: (bytes: number) => void,
  ) {
    this.#source = source;
    this.#blob = blob;
    this.#signal = signal;
    this.#pace = pace;
    this.#count = count;
  }

  /** Nobody wants the rest: what is on its way ends with its next bytes. */
  stop(): void {
    this.#isStopped = true;
  }

  /** @throws {BlobAbsentError} and {SourceError} */
  async open(start: number, end: number) {
    const { digest, size } = this.#blob;
    const answer = await this.#pace.wait((timed) => this.#source.range(digest, size, start, end, timed));
    if (answer === undefined) throw new BlobAbsentError(`${this.#source.name} has no blob ${digest}.`);
    return answer;
  }

  /**
   * Fills a buffer, which it gives back itself where it fails or is refused. A range that breaks goes on where it broke.
   * @param first the answer, where it is at hand
   */
  async part(
    buffer: Buffer,
    start: number,
    length: number,
    first?: AsyncIterable<Uint8Array>,
  ): Promise<Part | 'refused'> {
    let isFilled = false;
    try {
      let body = first;
      let filled = 0;
      let breaks = 0;
      while (filled < length) {
        this.#throwIfStopped();
        const before = filled;
        try {
          if (body === undefined) {
            const answer = await this.open(start + filled, start + length);
            if (answer === 'refused') return answer;
            if (answer.isWhole) {
              answer.discard();
              return 'refused';
            }
            body = answer.body;
          }
          for await (const chunk of this.#pace.watch(body)) {
            this.#throwIfStopped();
            if (filled + chunk.length > length)
              throw this.#problem(`sent more than the range that was asked for`);
            buffer.bytes.set(chunk, filled);
            filled += chunk.length;
            this.#count(chunk.length);
          }
          // Some registries send less than was asked for; nearly nothing each time would be asked for without end.
          if (filled < length && filled - before < PROGRESS)
            throw this.#problem('sent hardly any of the range that was asked for');
        } catch (error) {
          this.#throwIfStopped();
          breaks = filled - before >= PROGRESS ? 1 : breaks + 1;
          if (isFinal(error) || breaks > BREAKS || filled === length) throw error;
        }
        body = undefined;
      }
      isFilled = true;
      return { buffer, length };
    } finally {
      if (!isFilled) buffer.release();
    }
  }

  #throwIfStopped(): void {
    this.#signal.throwIfAborted();
    if (this.#isStopped) throw this.#problem('is not read any further');
  }

  #problem(what: string): SourceError {
    return new SourceError(`${this.#source.name}: blob ${this.#blob.digest}: the registry ${what}.`);
  }
}
