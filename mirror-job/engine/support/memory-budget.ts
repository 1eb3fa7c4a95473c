/** Where a memo accounts for what it remembers. */
export interface Keeper {
  keep(bytes: number, forget: () => void): void;
}

export interface RetentionScope extends Keeper {
  /** Forgets all that was kept here. */
  close(): void;
}

interface Kept {
  readonly bytes: number;
  readonly forget: () => void;
  readonly scope: Set<Kept> | undefined;
}

/**
 * How much a run remembers of what it has done. All of it is in the bucket too, so that what is forgotten costs a
 * read of the bucket where it is needed again, and no request to an upstream.
 */
export class MemoryBudget implements Keeper {
  readonly #budget: number;
  /** The oldest first. */
  readonly #kept = new Set<Kept>();
  #used = 0;

  /** @param budget bytes, as estimated by those who keep something */
  constructor(budget: number) {
    this.#budget = budget;
  }

  /** Bytes that are kept. */
  get used(): number {
    return this.#used;
  }

  /** Keeps something, and forgets the oldest until all fits. What is larger than the budget is forgotten at once. */
  keep(bytes: number, forget: () => void): void {
    this.#keep({ bytes, forget, scope: undefined });
  }

  /** For what is needed only as long as something is worked on, such as a repository. The budget is shared. */
  open(): RetentionScope {
    const scope = new Set<Kept>();
    let isOpen = true;
    return {
      keep: (bytes, forget) => {
        if (isOpen) this.#keep({ bytes, forget, scope });
        else forget();
      },
      close: () => {
        isOpen = false;
        for (const one of scope) this.#drop(one);
      },
    };
  }

  #keep(one: Kept): void {
    this.#kept.add(one);
    one.scope?.add(one);
    this.#used += one.bytes;
    for (const oldest of this.#kept) {
      if (this.#used <= this.#budget) return;
      this.#drop(oldest);
    }
  }

  #drop(one: Kept): void {
    this.#kept.delete(one);
    one.scope?.delete(one);
    this.#used -= one.bytes;
    one.forget();
  }
}
