/**
 * A capacity that the upstreams of a run share: slots, or bytes of memory. A slow upstream holds its share for hours, so a
 * part stays free for each other upstream that still has work (docs/decisions/0080-fair-shares.md).
 */
import { Queue } from './queue.ts';

/** A competitor for a share: the name of an upstream, or a word that is no upstream's name. */
export type Party = string;

interface PartyState {
  /** The number of pieces of work that it still has. */
  work: number;
  held: number;
  readonly waiting: Queue<{ readonly size: number; readonly go: () => void }>;
}

export class FairShare {
  readonly #total: number;
  readonly #least: number;
  readonly #parties = new Map<Party, PartyState>();
  #used = 0;

  /**
   * @param total the most that may be held at once
   * @param least the smallest useful share: a slot, or a part of a blob
   */
  constructor(total: number, least = 1) {
    this.#total = total;
    this.#least = least;
  }

  /** The amount that is held. */
  get used(): number {
    return this.#used;
  }

  /** A piece of work begins or is going to begin. From now on a share is reserved for its party. */
  join(party: Party): void {
    this.#stateOf(party).work += 1;
  }

  /** A piece of work is done. */
  leave(party: Party): void {
    const state = this.#stateOf(party);
    state.work -= 1;
    this.#forgetIdle(party, state);
    this.#wake();
  }

  /** Waits for its turn. More than the total is granted if nothing else is held, so that nobody waits for ever. */
  take(party: Party, size: number): Promise<void> {
    return new Promise((go) => {
      this.#stateOf(party).waiting.add({ size, go });
      this.#wake();
    });
  }

  give(party: Party, size: number): void {
    const state = this.#stateOf(party);
    state.held -= size;
    this.#used -= size;
    this.#forgetIdle(party, state);
    this.#wake();
  }

  #stateOf(party: Party): PartyState {
    const present = this.#parties.get(party);
    if (present !== undefined) return present;
    const state = { work: 0, held: 0, waiting: new Queue<{ size: number; go: () => void }>() };
    this.#parties.set(party, state);
    return state;
  }

  #forgetIdle(party: Party, { work, held, waiting }: PartyState): void {
    if (work === 0 && held === 0 && waiting.first === undefined) this.#parties.delete(party);
  }

  #wake(): void {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const request = next.waiting.take();
      if (request === undefined) return;
      next.held += request.size;
      this.#used += request.size;
      request.go();
    }
  }

  /** @returns the party to serve next: of those that may be served, the one that holds least */
  #next(): PartyState | undefined {
    const all = [...this.#parties.values()];
    const waiting = all.filter((one) => one.waiting.first !== undefined);
    if (waiting.length === 0) return undefined;
    const busy = all.filter(({ work }) => work > 0);
    const own = Math.max(this.#least, Math.floor(this.#total / 2 / Math.max(busy.length, 1)));
    const reservedFor = ({ work, held }: PartyState): number => (work > 0 ? Math.max(0, own - held) : 0);
    const reserved = busy.reduce((sum, one) => sum + reservedFor(one), 0);
    const free = this.#total - this.#used;
    /** Whether a party waits for more than is free. Then each party gets only its own share. */
    let isGathering = false;
    for (const state of waiting.toSorted((one, other) => one.held - other.held)) {
      const size = state.waiting.first?.size ?? 0;
      if (this.#used === 0) return state;
      if (size > free) {
        isGathering = true;
        continue;
      }
      if (state.held + size <= own) return state;
      const forOthers = Math.min(reserved - reservedFor(state), this.#total / 2);
      if (!isGathering && free - size >= forOthers) return state;
    }
    return undefined;
  }
}
