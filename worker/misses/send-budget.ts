/** How many messages an isolate may send within a window of time. A window begins with its first message. */

export interface SendBudgetOptions {
  /** The most messages in one window. */
  readonly limit: number;
  readonly windowMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export class SendBudget {
  readonly #options: SendBudgetOptions;
  #startedAtMs = Number.NEGATIVE_INFINITY;
  #count = 0;
  #hasRefused = false;

  constructor(options: SendBudgetOptions) {
    this.#options = options;
  }

  get hasRoom(): boolean {
    const { limit, windowMs, now } = this.#options;
    return this.#count < limit || now() - this.#startedAtMs >= windowMs;
  }

  /** Counts one message. The caller has asked `hasRoom`. */
  take(): void {
    const { windowMs, now } = this.#options;
    if (now() - this.#startedAtMs >= windowMs) {
      this.#startedAtMs = now();
      this.#count = 0;
      this.#hasRefused = false;
    }
    this.#count += 1;
  }

  /** Notes that a message found no room. @returns whether it is the first one of this window */
  refuse(): boolean {
    const isFirst = !this.#hasRefused;
    this.#hasRefused = true;
    return isFirst;
  }
}
