import type { MemoryBudget } from './memory-budget.ts';

/** Bounds the memory of what is remembered. */
export interface Bound<Value> {
  readonly memoryBudget: Pick<MemoryBudget, 'keep'>;
  /** About how many bytes a value and its entry take. */
  readonly weigh: (value: Value) => number;
}

/**
 * Begins each piece of work once. Everybody who needs its result awaits the same promise, while the work runs and after it
 * (docs/decisions/0134-a-cache-of-promises.md).
 */
export class AsyncCache<Key, Value> {
  readonly #promises = new Map<Key, Promise<Value>>();
  readonly #bound: Bound<Value> | undefined;

  /** @param bound without it, every result is remembered */
  constructor(bound?: Bound<Value>) {
    this.#bound = bound;
  }

  /** Work that failed is forgotten, so that the next caller tries again. */
  get(key: Key, start: () => Promise<Value>): Promise<Value> {
    const running = this.#promises.get(key);
    if (running !== undefined) return running;
    const begun = start();
    this.#promises.set(key, begun);
    const forget = (): void => {
      if (this.#promises.get(key) === begun) this.#promises.delete(key);
    };
    begun.then((value) => this.#bound?.memoryBudget.keep(this.#bound.weigh(value), forget), forget);
    return begun;
  }

  /** @returns work that was begun, unless it failed or was forgotten */
  peek(key: Key): Promise<Value> | undefined {
    return this.#promises.get(key);
  }

  /** The next caller begins the work again. */
  forget(key: Key): void {
    this.#promises.delete(key);
  }
}
