import type { Keeper } from './memory-budget.ts';

/** Bounds what a memo remembers. */
export interface Bound<Value> {
  readonly retention: Keeper;
  /** About how many bytes a value and its entry take. */
  readonly weigh: (value: Value) => number;
}

/** Work that is begun once and awaited by all who need it. */
export class SingleFlight<Key, Value> {
  readonly #started = new Map<Key, Promise<Value>>();
  readonly #bound: Bound<Value> | undefined;

  /** @param bound without it, all is remembered */
  constructor(bound?: Bound<Value>) {
    this.#bound = bound;
  }

  /** What failed is forgotten, so that the next who needs it tries again. */
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

  /** What was begun, and is neither failed nor forgotten. */
  peek(key: Key): Promise<Value> | undefined {
    return this.#started.get(key);
  }

  /** Who needs it from now on begins anew. */
  forget(key: Key): void {
    this.#started.delete(key);
  }
}
