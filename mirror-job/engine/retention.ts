/**
 * How much a run remembers of what it has done. All of it is in the bucket too, so that what is forgotten costs a
 * read of the bucket where it is needed again, and no request to an upstream.
 */
export class Retention {
  readonly #budget: number;
  /** The oldest first. */
  readonly #kept = new Set<{ readonly bytes: number; readonly forget: () => void }>();
  #used = 0;

  /** @param budget bytes, as estimated by those who keep something */
  constructor(budget: number) {
    this.#budget = budget;
  }

  /** Keeps something, and forgets the oldest until all fits. What is larger than the budget is forgotten at once. */
  keep(bytes: number, forget: () => void): void {
    this.#kept.add({ bytes, forget });
    this.#used += bytes;
    for (const oldest of this.#kept) {
      if (this.#used <= this.#budget) return;
      this.#kept.delete(oldest);
      this.#used -= oldest.bytes;
      oldest.forget();
    }
  }
}
