/**
 * Fetches a large blob over several connections, because the storage of most registries sends one connection far less
 * than the network can carry. Ranges of a part's size are fetched ahead and passed on in order, as a hash needs them.
 */
import type { Buffers, PooledBuffer } from './buffer-pool.ts';
import type { Limits } from '../runtime.ts';
import { createLimit } from '../support/limit.ts';
import type { Pace } from './pace.ts';
import { cutIntoParts, type Part } from './part.ts';
import { counted, isFinal, MAX_BREAKS, PROGRESS_BYTES, resumed } from './resume.ts';
import { BlobAbsentError, SourceError, type RangedSource, type Source } from '../source.ts';
import { partSizeFor } from './upload.ts';
import type { Expected } from './verify.ts';

/** The ranges per connection that are being fetched or wait for their turn, so that one slow answer does not stop the others. */
const AHEAD = 1.5;

/** @returns whether a blob of this size is fetched in ranges */
export function isRanged(source: Source, size: number, limits: Limits): source is RangedSource {
  return source.range !== undefined && size > limits.partBytes && size >= limits.rangesFromBytes;
}

/** @returns the number of ranges of a blob of this size */
export function countRanges(size: number, limits: Limits): number {
  return Math.ceil(size / partSizeFor(size, limits.partBytes));
}

interface RangesEnvironment {
  readonly limits: Limits;
  readonly signal: AbortSignal;
  readonly buffers: Buffers;
}

/**
 * Fetches a blob's parts in order, not verified. Each byte is asked for once. If a source answers the first range with
 * the whole blob, that answer is read on. If it refuses ranges, the rest is fetched as one stream.
 * @param pace for `limits.rangesAtOnce` connections
 * @param count called with the number of bytes as they arrive
 * @throws {BlobAbsentError} if the source lacks the blob
 * @throws {SourceError} if it breaks off again and again, or sends something else
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

  // The memory is taken before the request is sent, because the source may close a connection whose answer nobody reads.
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
    // Each part is awaited in its turn, and until then nobody handles its failure.
    part.catch(() => undefined);
    ahead.push(part);
  };
  begin(() => fetch.part(buffer, 0, lengthAt(0), first));
  try {
    for (let start = 0; start < blob.size; start += partBytes) {
      while (next < blob.size && ahead.length < limits.rangesAtOnce * AHEAD) {
        const from = next;
        next += partBytes;
        // Buffers are asked for and granted in the order of the parts. So the buffers that a blob holds are those of its
        // earliest parts, which can be filled, hashed and written, and many blobs in a small pool never deadlock.
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

  /** Ends each fetch at its next bytes, because nobody wants the rest. */
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
   * Fills a buffer, and releases it if the range fails or is refused. A range that breaks is continued where it broke.
   * @param first the answer, if there is one already
   */
  async part(
    buffer: PooledBuffer,
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
          // Some registries send less than was asked for. If each answer had hardly any bytes, this would never end.
          if (filled < length && filled - before < PROGRESS_BYTES)
            throw this.#problem('sent hardly any of the range that was asked for');
        } catch (error) {
          this.#throwIfStopped();
          breaks = filled - before >= PROGRESS_BYTES ? 1 : breaks + 1;
          if (isFinal(error) || breaks > MAX_BREAKS || filled === length) throw error;
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
