import { newTrace, type RequestContext } from '../../../worker/isolate/request-context.ts';

/** A clock and timers that a test moves. */
export class Time {
  now = 0;
  readonly #timers = new Map<() => void, number>();

  readonly options = {
    now: () => this.now,
    startTimer: (milliseconds: number, fire: () => void) => {
      this.#timers.set(fire, this.now + milliseconds);
      return () => this.#timers.delete(fire);
    },
  };

  async pass(milliseconds: number): Promise<void> {
    this.now += milliseconds;
    for (const [fire, at] of this.#timers) {
      if (at > this.now) continue;
      this.#timers.delete(fire);
      fire();
    }
    await new Promise((resolve) => setTimeout(resolve, 0));
  }

  scope(deadlineMs = 8000): RequestContext {
    return { deadlineMs: this.now + deadlineMs, waitUntil: () => {}, trace: newTrace() };
  }
}
