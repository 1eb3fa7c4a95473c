/**
 * Work on a key that is done one piece after the other, in the order in which it was asked for. Work on other keys
 * does not wait for it.
 */
export class KeyQueue {
  /** The last piece of each key that has work left. A key without work takes no memory. */
  readonly #last = new Map<string, Promise<void>>();

  /**
   * Begins at once where nothing is under way for the key. The work may wait for work on other keys that does not wait
   * for this one; work on the same key would wait for ever.
   * @throws what the work throws, to its own caller alone
   */
  run<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(key);
    const result = before === undefined ? work() : before.then(work);
    const ended = result.then(ignore, ignore);
    this.#last.set(key, ended);
    void ended.then(() => this.#forget(key, ended));
    return result;
  }

  #forget(key: string, ended: Promise<void>): void {
    if (this.#last.get(key) === ended) this.#last.delete(key);
  }

  /** How many keys have work left. */
  get size(): number {
    return this.#last.size;
  }
}

function ignore(): void {}
