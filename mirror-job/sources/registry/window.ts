/**
 * How many requests one upstream is asked at once, and when none at all. The window grows while answers come
 * fast and is halved when the upstream refuses or is late: the same rule by which TCP shares a line.
 */
import type { Clock } from '../../engine/environment.ts';

/** What came of a request: only the first two say anything of how much the upstream can bear. */
export type Outcome = 'answered' | 'refused' | 'failed';

/** Ends a request's stay in the window; to be called once, when its answer has begun or will not come. */
export type Leave = (how: Outcome) => void;

/** As many as a node or two that pull; one refusal halves it. */
const START = 24;
/** An answer is fast if it took at most twice the fastest one, and so much more. Milliseconds. */
const SLACK_MS = 50;

export class RequestWindow {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #ceiling: number;
  #size: number;
  #running = 0;
  #entered = 0;
  /** Which entry was the last to fill the window. */
  #lastFull = 0;
  readonly #waiting: (() => void)[] = [];
  /** Until the first refusal the window grows by one an answer, afterwards by one a round. */
  #isUntried = true;
  /** Counts the refusals that were acted on: a burst that is refused as one halves the window once. */
  #epoch = 0;
  #fastest = Number.POSITIVE_INFINITY;
  /** Milliseconds of the clock. */
  #opens = 0;
  #pause: Promise<void> | undefined;

  /** @param ceiling the most requests that wait for their answer at once; at least 1 */
  constructor(ceiling: number, clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
    this.#ceiling = ceiling;
    this.#size = Math.min(START, ceiling);
  }

  /** How many requests may wait for their answer now. */
  get size(): number {
    return Math.floor(this.#size);
  }

  /**
   * Waits for a pause to end, and for room; in the order of the calls.
   * @throws the signal's reason
   */
  async enter(): Promise<Leave> {
    for (;;) {
      try {
        await this.#untilOpen();
        this.#signal.throwIfAborted();
      } catch (error) {
        // Whoever goes away passes its room on.
        this.#wake();
        throw error;
      }
      if (this.#running < this.size) break;
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
    this.#running += 1;
    this.#entered += 1;
    if (this.#running >= this.size) this.#lastFull = this.#entered;
    const entry = this.#entered;
    const epoch = this.#epoch;
    const begun = this.#clock.now().getTime();
    return (how) => {
      this.#running -= 1;
      if (epoch === this.#epoch) {
        if (how === 'refused') this.#shrink();
        else if (how === 'answered') this.#grow(this.#clock.now().getTime() - begun, this.#lastFull >= entry);
      }
      this.#wake();
    };
  }

  /** Nobody asks for so many milliseconds: what one request is told in Retry-After holds for all. */
  pause(milliseconds: number): void {
    this.#opens = Math.max(this.#opens, this.#clock.now().getTime() + milliseconds);
  }

  async #untilOpen(): Promise<void> {
    for (;;) {
      const left = this.#opens - this.#clock.now().getTime();
      if (left <= 0) return;
      this.#pause ??= this.#clock.sleep(left, this.#signal).finally(() => {
        this.#pause = undefined;
      });
      await this.#pause;
    }
  }

  #shrink(): void {
    this.#size = Math.max(1, this.#size / 2);
    this.#isUntried = false;
    this.#epoch += 1;
  }

  /** A window that nobody fills says nothing of a larger one. */
  #grow(took: number, wasFull: boolean): void {
    const isFast = took <= 2 * this.#fastest + SLACK_MS;
    this.#fastest = Math.min(this.#fastest, took);
    if (!wasFull || !isFast) return;
    this.#size = Math.min(this.#ceiling, this.#size + (this.#isUntried ? 1 : 1 / this.#size));
  }

  #wake(): void {
    for (let room = this.size - this.#running; room > 0; room -= 1) this.#waiting.shift()?.();
  }
}
