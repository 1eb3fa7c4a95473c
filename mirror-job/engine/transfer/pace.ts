/**
 * How fast a blob comes. Its rest has to arrive within the time that a whole run may take: at a slower pace it would be begun
 * in each run, and never be mirrored (docs/decisions/0082-a-floor-of-progress.md).
 */
import type { Clock } from '../environment.ts';
import { SourceError, type Timed } from '../source.ts';

/** Milliseconds of waiting after which a pace is judged: longer than a registry's restart. */
const PERIOD = 10 * 60_000;

/**
 * The most that one wait counts, in milliseconds. A source that is silent for so long is mostly given up anyway; where the
 * clock says more, it was set, or the machine slept.
 */
const LONGEST_WAIT = 60_000;

/** Asking on is in vain: it would go on as slowly. */
export class TooSlowError extends SourceError {
  override readonly name = 'TooSlowError';
}

export interface PaceOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** The longest that the rest may take, in milliseconds. */
  readonly longest: number;
  /** How many connections wait side by side; one unless said otherwise. */
  readonly connections?: number;
}

export class Pace {
  readonly #options: PaceOptions;
  readonly #period: number;
  /** The source and the blob, for the sentence of an error. */
  readonly #what: string;
  /** Milliseconds that all connections have waited in this period. */
  #waited = 0;
  /** Bytes of this period. */
  #bytes = 0;
  /** Bytes that have not arrived. */
  #left: number;

  constructor(what: string, size: number, options: PaceOptions) {
    this.#what = what;
    this.#left = size;
    this.#options = options;
    this.#period = PERIOD * (options.connections ?? 1);
  }

  /** The pace of what is left, where one connection goes on alone. */
  alone(): Pace {
    return new Pace(this.#what, this.#left, { ...this.#options, connections: 1 });
  }

  /**
   * Asks the source, and waits for it. Only these waits count, because a slow store is not the source's fault. Neither is
   * it that the job holds requests back: of a source that times its requests, only these count.
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
      this.#waited += requests ?? this.#since(begun);
    }
  }

  #since(begun: number): number {
    return Math.min(Math.max(this.#options.clock.now().getTime() - begun, 0), LONGEST_WAIT);
  }

  /** Takes note of bytes that have arrived. @throws {TooSlowError} */
  add(bytes: number): void {
    this.#bytes += bytes;
    this.#left -= bytes;
    if (this.#waited < this.#period) return;
    const arrived = this.#bytes;
    const needed = ((this.#left + arrived) * PERIOD) / this.#options.longest;
    this.#waited = 0;
    this.#bytes = 0;
    if (arrived >= needed) return;
    throw new TooSlowError(
      `${this.#what} comes too slowly: ${arrived} bytes in ${PERIOD / 60_000} minutes. At this pace the other ${this.#left} bytes would take longer than a run may take (maxDuration).`,
    );
  }

  /** Passes a stream on, and watches its pace. Ends the stream early where its reader does. */
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
