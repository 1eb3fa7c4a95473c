/** Work that is begun once and awaited by all who need it. */
export class Memo<Key, Value> {
  readonly #started = new Map<Key, Promise<Value>>();

  /** What failed is forgotten, so that the next who needs it tries again. */
  get(key: Key, start: () => Promise<Value>): Promise<Value> {
    const running = this.#started.get(key);
    if (running !== undefined) return running;
    const begun = start();
    this.#started.set(key, begun);
    begun.catch(() => this.#started.delete(key));
    return begun;
  }
}
