/**
 * Does the work on one key in the order of the calls, one piece after the other. Work on other keys does not wait for
 * it.
 */
export class KeyQueue {
  /** The last piece of work on each key that has work left. A key without work takes no memory. */
  readonly #last = new Map<string, Promise<void>>();

  /**
   * Begins at once when no work on the key is under way. The work may wait for work on other keys that does not wait
   * for this one; if it waited for work on the same key, it would wait for ever.
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

  /** The number of keys that have work left. */
  get size(): number {
    return this.#last.size;
  }
}

function ignore(): void {}
