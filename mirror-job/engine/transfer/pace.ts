/**
 * Measures how fast a blob arrives. The rest of it has to arrive within the time that a whole run may take. A slower blob
 * would be begun by each run and never be mirrored (docs/decisions/0082-a-floor-of-progress.md).
 */
import type { Clock } from '../runtime.ts';
import { SourceError, type Timed } from '../source.ts';

/** The waiting after which a pace is judged, which is longer than a registry's restart. */
const PERIOD_MS = 10 * 60_000;

/**
 * The most that one wait counts. A source that is silent for longer is mostly given up anyway. If the clock says more,
 * somebody set it, or the machine slept.
 */
const LONGEST_WAIT_MS = 60_000;

/** The source is too slow. Asking again does not help, because it would go on as slowly. */
export class TooSlowError extends SourceError {
  override readonly name = 'TooSlowError';
}

export interface PaceOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** The longest time that the rest may take. */
  readonly longestMs: number;
  /** The number of connections that wait at the same time; 1 by default. */
  readonly connections?: number;
}

export class Pace {
  readonly #options: PaceOptions;
  readonly #periodMs: number;
  /** The source and the blob, for error messages. */
  readonly #what: string;
  /** The time that all connections have waited in this period. */
  #waitedMs = 0;
  /** The bytes that have arrived in this period. */
  #bytes = 0;
  /** The bytes that have not arrived yet. */
  #restBytes: number;

  constructor(what: string, size: number, options: PaceOptions) {
    this.#what = what;
    this.#restBytes = size;
    this.#options = options;
    this.#periodMs = PERIOD_MS * (options.connections ?? 1);
  }

  /** @returns the pace of the rest, if one connection goes on alone */
  alone(): Pace {
    return new Pace(this.#what, this.#restBytes, { ...this.#options, connections: 1 });
  }

  /**
   * Asks the source and waits for it. Only these waits count, because a slow store is not the source's fault. If the
   * source times its requests, only those times count, because the job may hold requests back.
   */
  async wait<Value>(ask: (timed: Timed) => Promise<Value>): Promise<Value> {
    const begun = this.#options.clock.now().getTime();
    let requests: number | undefined;
    const timed: Timed = async (send) => {
      const sent = this.#options.clock.now().getTime();
      try {
        return await send();
      } finally {
        requests = (requests ?? 0) + this.#since(sent);
      }
    };
    try {
      return await ask(timed);
    } finally {
      this.#waitedMs += requests ?? this.#since(begun);
    }
  }

  #since(begun: number): number {
    return Math.min(Math.max(this.#options.clock.now().getTime() - begun, 0), LONGEST_WAIT_MS);
  }

  /** Counts bytes that have arrived. @throws {TooSlowError} */
  add(bytes: number): void {
    this.#bytes += bytes;
    this.#restBytes -= bytes;
    if (this.#waitedMs < this.#periodMs) return;
    const arrived = this.#bytes;
    const needed = ((this.#restBytes + arrived) * PERIOD_MS) / this.#options.longestMs;
    this.#waitedMs = 0;
    this.#bytes = 0;
    if (arrived >= needed) return;
    throw new TooSlowError(
      `${this.#what} comes too slowly: ${arrived} bytes in ${PERIOD_MS / 60_000} minutes. At this pace the other ${this.#restBytes} bytes would take longer than a run may take (maxDuration).`,
    );
  }

  /** Passes a stream on and measures its pace. Ends the stream early if its reader does. */
  async *watch(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const chunks = body[Symbol.asyncIterator]();
    let isDone = false;
    try {
      for (;;) {
        const { done, value } = await this.wait(() => chunks.next());
        isDone = done === true;
        if (done === true) return;
        this.add(value.length);
        yield value;
      }
    } catch (error) {
      isDone ||= !(error instanceof TooSlowError);
      throw error;
    } finally {
      if (!isDone) await chunks.return?.();
    }
  }
}
