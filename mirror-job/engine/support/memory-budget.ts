/** A part of a budget that is closed when its entries are needed no more. */
export interface BudgetScope extends Pick<MemoryBudget, 'keep'> {
  /** Forgets the entries of this scope. */
  close(): void;
}

interface Entry {
  readonly bytes: number;
  readonly forget: () => void;
  readonly scope: Set<Entry> | undefined;
}

/**
 * Bounds how much a run remembers of its work; the oldest is forgotten first. Everything is in the bucket too. So if
 * something forgotten is needed again, it costs a read of the bucket and no request to an upstream.
 */
export class MemoryBudget {
  readonly #budgetBytes: number;
  /** The oldest first. */
  readonly #entries = new Set<Entry>();
  #used = 0;

  /** @param budgetBytes the most that the entries may have in all */
  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes;
  }

  /** The bytes that are remembered. */
  get used(): number {
    return this.#used;
  }

  /**
   * Keeps an entry, and forgets the oldest ones until all fit. An entry larger than the budget is forgotten at once.
   * @param bytes an estimate of the memory of the entry
   * @param forget called when there is no room for it any more
   */
  keep(bytes: number, forget: () => void): void {
    this.#keep({ bytes, forget, scope: undefined });
  }

  /** Opens a scope for entries that are needed only for a while, such as for a repository. The budget is shared. */
  open(): BudgetScope {
    const scope = new Set<Entry>();
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

  #keep(one: Entry): void {
    this.#entries.add(one);
    one.scope?.add(one);
    this.#used += one.bytes;
    for (const oldest of this.#entries) {
      if (this.#used <= this.#budgetBytes) return;
      this.#drop(oldest);
    }
  }

  #drop(one: Entry): void {
    this.#entries.delete(one);
    one.scope?.delete(one);
    this.#used -= one.bytes;
    one.forget();
  }
}
