/**
 * A capacity that the upstreams of a run share: slots, or bytes of memory. A slow upstream keeps what it has got for hours,
 * so a part stays free for each other upstream that still has work (docs/decisions/0080-fair-shares.md).
 */
import { Queue } from './queue.ts';
import type { Source } from '../source.ts';

/** Whoever competes for a share: the name of an upstream, or a word that no upstream is called. */
export type Party = string;

/** All sources that are no upstream, such as layouts on a disk. */
const LOCAL: Party = 'local';

/** For whom a source's work is done: all repositories of an upstream compete as one. */
export function partyOf({ upstream }: Pick<Source, 'upstream'>): Party {
  return upstream?.name ?? LOCAL;
}

interface Standing {
  /** How many pieces of work it still has. */
  work: number;
  held: number;
  readonly waiting: Queue<{ readonly size: number; readonly go: () => void }>;
}

export class FairShare {
  readonly #total: number;
  readonly #least: number;
  readonly #standings = new Map<Party, Standing>();
  #used = 0;

  /**
   * @param total what may be out at once
   * @param least the smallest useful share: a slot, or a part of a blob
   */
  constructor(total: number, least = 1) {
    this.#total = total;
    this.#least = least;
  }

  /** How much is out. */
  get used(): number {
    return this.#used;
  }

  /** A piece of work begins, or is going to: from now on a share is kept for its party. */
  join(party: Party): void {
    this.#standingOf(party).work += 1;
  }

  /** That piece of work is done. */
  leave(party: Party): void {
    const standing = this.#standingOf(party);
    standing.work -= 1;
    this.#forgetIdle(party, standing);
    this.#wake();
  }

  /** Waits for its turn. More than the total is granted when nothing else is out, so that nobody waits for ever. */
  take(party: Party, size: number): Promise<void> {
    return new Promise((go) => {
      this.#standingOf(party).waiting.add({ size, go });
      this.#wake();
    });
  }

  give(party: Party, size: number): void {
    const standing = this.#standingOf(party);
    standing.held -= size;
    this.#used -= size;
    this.#forgetIdle(party, standing);
    this.#wake();
  }

  #standingOf(party: Party): Standing {
    const known = this.#standings.get(party);
    if (known !== undefined) return known;
    const standing = { work: 0, held: 0, waiting: new Queue<{ size: number; go: () => void }>() };
    this.#standings.set(party, standing);
    return standing;
  }

  #forgetIdle(party: Party, { work, held, waiting }: Standing): void {
    if (work === 0 && held === 0 && waiting.first === undefined) this.#standings.delete(party);
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

  /** The party that is served next: of those that may be, the one that holds least. */
  #next(): Standing | undefined {
    const all = [...this.#standings.values()];
    const waiting = all.filter((one) => one.waiting.first !== undefined);
    if (waiting.length === 0) return undefined;
    const busy = all.filter(({ work }) => work > 0);
    const own = Math.max(this.#least, Math.floor(this.#total / 2 / Math.max(busy.length, 1)));
    const keptFor = ({ work, held }: Standing): number => (work > 0 ? Math.max(0, own - held) : 0);
    const kept = busy.reduce((sum, one) => sum + keptFor(one), 0);
    const free = this.#total - this.#used;
    /** Whether somebody needs more room than there is: then only what is kept for a party is given. */
    let isGathering = false;
    for (const standing of waiting.toSorted((one, other) => one.held - other.held)) {
      const size = standing.waiting.first?.size ?? 0;
      if (this.#used === 0) return standing;
      if (size > free) {
        isGathering = true;
        continue;
      }
      if (standing.held + size <= own) return standing;
      const forOthers = Math.min(kept - keptFor(standing), this.#total / 2);
      if (!isGathering && free - size >= forOthers) return standing;
    }
    return undefined;
  }
}
