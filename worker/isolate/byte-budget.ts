/** How many bytes the requests of an isolate may hold for one purpose at the same time. First come, first served. */
import { RegistryError } from '../../core/error.ts';
import type { StartTimer } from '../store/time-limit.ts';
import { waitForOther } from './other-request.ts';

interface Grant {
  readonly bytes: number;
  /** Milliseconds since 1970. Its request is over by then: it gave the bytes back, or the runtime dropped it. */
  readonly expires: number;
}

interface Waiting {
  readonly grant: Grant;
  tell: () => void;
}

export type Release = () => void;

/** Gives back what was never taken. */
export const NOTHING_TAKEN: Release = () => {};

export class ByteBudget {
  readonly #limit: number;
  readonly #now: () => number;
  readonly #startTimer: StartTimer;
  readonly #grants = new Set<Grant>();
  readonly #queue = new Set<Waiting>();
  #held = 0;

  /** @param limit bytes; a request for more than all of them gets all of them */
  constructor(limit: number, options: { readonly now: () => number; readonly startTimer: StartTimer }) {
    this.#limit = limit;
    this.#now = options.now;
    this.#startTimer = options.startTimer;
  }

  /** Bytes. */
  get held(): number {
    return this.#held;
  }

  /**
   * @param deadline when the bytes are needed no longer. Milliseconds since 1970
   * @returns gives the bytes back; may be called again
   * @throws {RegistryError} UNAVAILABLE when others hold the bytes until the deadline
   */
  async take(bytes: number, deadline: number): Promise<Release> {
    const grant = { bytes: Math.min(bytes, this.#limit), expires: deadline };
    this.#takeBackExpired();
    if (this.#queue.size === 0 && this.#fits(grant)) this.#give(grant);
    else await this.#wait(grant);
    return () => this.#takeBack(grant);
  }

  async #wait(grant: Grant): Promise<void> {
    const waiting: Waiting = { grant, tell: () => {} };
    this.#queue.add(waiting);
    while (!this.#grants.has(grant) && grant.expires > this.#now()) {
      // The runtime may have dropped those that hold the bytes, so nobody may tell when a share has expired.
      const next = Math.min(grant.expires, ...Array.from(this.#grants, ({ expires }) => expires));
      await waitForOther<void>(next - this.#now(), this.#startTimer, (tell) => {
        waiting.tell = tell;
        return () => {};
      });
      this.#takeBackExpired();
    }
    if (this.#grants.has(grant)) return;
    this.#queue.delete(waiting);
    // The one that left may have kept smaller ones waiting.
    this.#serve();
    throw new RegistryError('UNAVAILABLE', 'The edge has no room for this object at the moment.');
  }

  #fits({ bytes }: Grant): boolean {
    return this.#held + bytes <= this.#limit;
  }

  #give(grant: Grant): void {
    this.#grants.add(grant);
    this.#held += grant.bytes;
  }

  #takeBack(grant: Grant): void {
    if (!this.#grants.delete(grant)) return;
    this.#held -= grant.bytes;
    this.#serve();
  }

  #takeBackExpired(): void {
    for (const grant of this.#grants) if (grant.expires <= this.#now()) this.#takeBack(grant);
  }

  #serve(): void {
    for (const waiting of this.#queue) {
      const isTooLate = waiting.grant.expires <= this.#now();
      if (!isTooLate && !this.#fits(waiting.grant)) return;
      this.#queue.delete(waiting);
      if (!isTooLate) this.#give(waiting.grant);
      waiting.tell();
    }
  }
}
