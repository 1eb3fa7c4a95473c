/**
 * What happens when a registry refuses: 429, or 503. From the first refusal on, requests of that kind are sent one at a time,
 * each after a wait, until one is answered; after several refusals in a row no more are sent. Hundreds of tags would
 * otherwise each find out by themselves, and make it worse. Kinds are told apart because quotas are: Docker Hub
 * answers 429 to a GET of a manifest, and to a HEAD it does not.
 */
import type { Clock } from '../engine/environment.ts';

/** Refusals in a row. A 503 is mostly a restart, which is waited for longer than a quota. */
const GIVE_UP_AFTER: Readonly<Record<number, number>> = { 429: 7, 503: 10 };

/** How a request ended: answered (with whatever status), refused, or neither. To be called once. */
export type EndTurn = (how: 'answered' | 'failed' | Refusal) => void;

interface Refusal {
  readonly status: number;
  /** Who refused it, for the sentence. */
  readonly by: string;
  /** Milliseconds before the next one is sent. */
  readonly wait: number;
}

export class Throttle {
  readonly #what: string;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  /** In a row. */
  #refusals = 0;
  #last: Refusal | undefined;
  /** Counts the changes: what was sent before the last one says nothing new. */
  #epoch = 0;
  /** When the next request may be sent. Milliseconds of the clock. */
  #opens = 0;
  #isAsking = false;
  readonly #waiting: (() => void)[] = [];

  /** @param what it sends, in the plural */
  constructor(what: string, clock: Clock, signal: AbortSignal) {
    this.#what = what;
    this.#clock = clock;
    this.#signal = signal;
  }

  /** In a row, and so far. */
  get refusals(): number {
    return this.#refusals;
  }

  /** Why no more requests are sent: the same sentence for all of them. Undefined while they are. */
  get givenUp(): string | undefined {
    const { status = 0, by = '' } = this.#last ?? {};
    if (this.#refusals < (GIVE_UP_AFTER[status] ?? Number.POSITIVE_INFINITY)) return undefined;
    const why = status === 429 ? ': its rate limit is reached' : '';
    return `${by} answered ${status} to ${this.#refusals} ${this.#what} in a row${why}. This run sends no more ${this.#what} there; the next run goes on from here.`;
  }

  /** Waits for its turn, where requests are refused. @throws the signal's reason */
  async enter(): Promise<EndTurn> {
    while (this.#isRefused && this.#isAsking) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
    const isAlone = this.#isRefused;
    this.#isAsking = isAlone;
    const epoch = this.#epoch;
    const end: EndTurn = (how) => {
      if (epoch === this.#epoch) this.#note(how);
      if (isAlone) this.#isAsking = false;
      this.#wake();
    };
    if (isAlone) {
      try {
        const left = this.#opens - this.#clock.now().getTime();
        if (left > 0) await this.#clock.sleep(left, this.#signal);
      } catch (error) {
        end('failed');
        throw error;
      }
    }
    return end;
  }

  get #isRefused(): boolean {
    return this.#refusals > 0 && this.givenUp === undefined;
  }

  #note(how: Parameters<EndTurn>[0]): void {
    if (how === 'failed' || (how === 'answered' && this.#refusals === 0)) return;
    this.#epoch += 1;
    if (how === 'answered') {
      this.#refusals = 0;
      return;
    }
    this.#refusals += 1;
    this.#last = how;
    this.#opens = this.#clock.now().getTime() + how.wait;
  }

  /** One, or all of them where nobody has to wait any more. */
  #wake(): void {
    const woken = this.#isRefused ? this.#waiting.splice(0, 1) : this.#waiting.splice(0);
    for (const wake of woken) wake();
  }
}
