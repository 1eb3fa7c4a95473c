/** How many bytes the requests of an isolate may hold for one purpose at the same time. First come, first served. */
import { RegistryError } from '../../core/error.ts';
import type { Clock } from './edge-runtime.ts';
import { waitForOther } from './other-request.ts';

interface Grant {
  readonly bytes: number;
  /**
   * When the request is over, so that its bytes are free even if the runtime dropped it before it released them.
   * Milliseconds since 1970.
   */
  readonly expires: number;
}

interface Waiting {
  readonly grant: Grant;
  wake: () => void;
}

export type Release = () => void;

/** The release of a request that took nothing. */
export const NOTHING_TAKEN: Release = () => {};

export class ByteBudget {
  readonly #limitBytes: number;
  readonly #clock: Clock;
  readonly #grants = new Set<Grant>();
  readonly #queue = new Set<Waiting>();
  #heldBytes = 0;

  /** @param limitBytes a request for more gets the whole budget */
  constructor(limitBytes: number, clock: Clock) {
    this.#limitBytes = limitBytes;
    this.#clock = clock;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * @param deadlineMs when the request no longer needs the bytes
   * @returns releases the bytes; a second call does nothing
   * @throws {RegistryError} UNAVAILABLE when other requests hold the bytes until the deadline
   */
  async take(bytes: number, deadlineMs: number): Promise<Release> {
    const grant = { bytes: Math.min(bytes, this.#limitBytes), expires: deadlineMs };
    this.#releaseExpired();
    if (this.#queue.size === 0 && this.#fits(grant)) this.#give(grant);
    else await this.#wait(grant);
    return () => this.#release(grant);
  }

  async #wait(grant: Grant): Promise<void> {
    const { now, startTimer } = this.#clock;
    const waiting: Waiting = { grant, wake: () => {} };
    this.#queue.add(waiting);
    while (!this.#grants.has(grant) && grant.expires > now()) {
      // The runtime may have dropped the requests that hold the bytes, and then nobody wakes this one when a grant expires.
      const nextExpiry = Math.min(grant.expires, ...Array.from(this.#grants, ({ expires }) => expires));
      await waitForOther<void>(nextExpiry - now(), startTimer, (wake) => {
        waiting.wake = wake;
        return () => {};
      });
      this.#releaseExpired();
    }
    if (this.#grants.has(grant)) return;
    this.#queue.delete(waiting);
    // This request may have blocked smaller ones behind it.
    this.#serve();
    throw new RegistryError('UNAVAILABLE', 'The edge has no room for this object at the moment.');
  }

  #fits({ bytes }: Grant): boolean {
    return this.#heldBytes + bytes <= this.#limitBytes;
  }

  #give(grant: Grant): void {
    this.#grants.add(grant);
    this.#heldBytes += grant.bytes;
  }

  #release(grant: Grant): void {
    if (!this.#grants.delete(grant)) return;
    this.#heldBytes -= grant.bytes;
    this.#serve();
  }

  #releaseExpired(): void {
    for (const grant of this.#grants) if (grant.expires <= this.#clock.now()) this.#release(grant);
  }

  #serve(): void {
    for (const waiting of this.#queue) {
      const isTooLate = waiting.grant.expires <= this.#clock.now();
      if (!isTooLate && !this.#fits(waiting.grant)) return;
      this.#queue.delete(waiting);
      if (!isTooLate) this.#give(waiting.grant);
      waiting.wake();
    }
  }
}
