/**
 * Decides how many requests one upstream gets at once, and when it gets none. The window grows while responses come fast, and is
 * halved when the upstream refuses a request or is late. TCP shares a line by the same rule.
 */
import type { Clock } from '../../../engine/runtime.ts';

/** How a request ended. Only the first two say how much the upstream can bear. */
export type Outcome = 'answered' | 'refused' | 'failed';

/** Ends a request's stay in the window. To be called once, when its response has begun or will not come. */
export type Leave = (how: Outcome) => void;

/** The requests of a node or two that pull. One refusal halves it. */
const START_REQUESTS = 24;
/** A response is fast if it took at most twice as long as the fastest one, plus this. */
const SLACK_MS = 50;

export class RequestWindow {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #ceiling: number;
  #size: number;
  #running = 0;
  #entered = 0;
  /** The number of the last request that filled the window. */
  #lastFull = 0;
  readonly #waiting: (() => void)[] = [];
  /** Until the first refusal, the window grows by one per response; afterwards, by one per round. */
  #isUntried = true;
  /** Counts the halvings. Requests that were sent before the last one say nothing new, so that a burst halves the window once. */
  #epoch = 0;
  #fastestMs = Number.POSITIVE_INFINITY;
  /** The time at which a pause ends, by the job's clock. */
  #resumesAtMs = 0;
  #pause: Promise<void> | undefined;

  /** @param ceiling the largest size of the window; at least 1 */
  constructor(ceiling: number, clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
    this.#ceiling = ceiling;
    this.#size = Math.min(START_REQUESTS, ceiling);
  }

  /** How many requests may wait for their response now. */
  get size(): number {
    return Math.floor(this.#size);
  }

  /**
   * Waits for a pause to end and for room, in the order of the calls.
   * @throws the signal's reason
   */
  async enter(): Promise<Leave> {
    for (;;) {
      try {
        await this.#untilResumed();
        this.#signal.throwIfAborted();
      } catch (error) {
        // A request that leaves passes its room on.
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
    const begunMs = this.#clock.now().getTime();
    return (how) => {
      this.#running -= 1;
      if (epoch === this.#epoch) {
        if (how === 'refused') this.#shrink();
        else if (how === 'answered')
          this.#grow(this.#clock.now().getTime() - begunMs, this.#lastFull >= entry);
      }
      this.#wake();
    };
  }

  /** No request enters for this long, because the Retry-After of one response holds for all. */
  pause(durationMs: number): void {
    this.#resumesAtMs = Math.max(this.#resumesAtMs, this.#clock.now().getTime() + durationMs);
  }

  async #untilResumed(): Promise<void> {
    for (;;) {
      const leftMs = this.#resumesAtMs - this.#clock.now().getTime();
      if (leftMs <= 0) return;
      this.#pause ??= this.#clock.sleep(leftMs, this.#signal).finally(() => {
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

  /** A window that is not full says nothing about a larger one. */
  #grow(tookMs: number, wasFull: boolean): void {
    const isFast = tookMs <= 2 * this.#fastestMs + SLACK_MS;
    this.#fastestMs = Math.min(this.#fastestMs, tookMs);
    if (!wasFull || !isFast) return;
    this.#size = Math.min(this.#ceiling, this.#size + (this.#isUntried ? 1 : 1 / this.#size));
  }

  #wake(): void {
    for (let room = this.size - this.#running; room > 0; room -= 1) this.#waiting.shift()?.();
  }
}
