import type { Keeper } from './memory-budget.ts';

/** Bounds the memory of what is remembered. */
export interface Bound<Value> {
  readonly retention: Keeper;
  /** About how many bytes a value and its entry take. */
  readonly weigh: (value: Value) => number;
}

/** Begins each piece of work once. Everybody who needs its result awaits the same promise. */
export class SingleFlight<Key, Value> {
  readonly #started = new Map<Key, Promise<Value>>();
  readonly #bound: Bound<Value> | undefined;

  /** @param bound without it, every result is remembered */
  constructor(bound?: Bound<Value>) {
    this.#bound = bound;
  }

  /** Work that failed is forgotten, so that the next caller tries again. */
  get(key: Key, start: () => Promise<Value>): Promise<Value> {
    const running = this.#started.get(key);
    if (running !== undefined) return running;
    const begun = start();
    this.#started.set(key, begun);
    const forget = (): void => {
      if (this.#started.get(key) === begun) this.#started.delete(key);
    };
    begun.then((value) => this.#bound?.retention.keep(this.#bound.weigh(value), forget), forget);
    return begun;
  }

  /** @returns work that was begun, unless it failed or was forgotten */
  peek(key: Key): Promise<Value> | undefined {
    return this.#started.get(key);
  }

  /** The next caller begins the work again. */
  forget(key: Key): void {
    this.#started.delete(key);
  }
}
