/**
 * CircuitBreaker in a row, after which a registry is not asked again in this run. Nor is a repository, after as many that it alone
 * may be to blame for: its siblings go on.
 */

/** After so many. */
const GIVE_UP_AFTER = 5;

/**
 * Whose a failure is: the registry's, which refuses everybody, cannot be reached or does not answer; or maybe one
 * repository's.
 */
export type Failure = 'registry' | 'repository';

export class CircuitBreaker {
  #ofRegistry = 0;
  #generation = 0;
  /** By path. */
  readonly #ofRepository = new Map<string, number>();
  /** Repositories that failed since the registry has answered last. */
  readonly #failed = new Set<string>();

  /**
   * To be taken when a request, or a wait, is begun. What is under way when one fails mostly fails for the same reason, and
   * counts with it: else a registry that is away for a few seconds would be given up by the requests of that moment.
   */
  get generation(): number {
    return this.#generation;
  }

  /** The registry has answered. */
  end(path: string): void {
    this.#ofRegistry = 0;
    this.#failed.clear();
    this.#ofRepository.delete(path);
  }

  /** @param generation what it was when that was begun which failed; undefined for what was not */
  add(path: string, what: Failure, generation: number | undefined): void {
    if (generation !== this.#generation) return;
    this.#generation += 1;
    if (what === 'repository') {
      this.#ofRepository.set(path, (this.#ofRepository.get(path) ?? 0) + 1);
      // Several of them, and no answer in between: it is the registry.
      this.#failed.add(path);
    } else this.#ofRegistry += 1;
  }

  /** Whether the registry, or the repository, is to be left alone; and after how many failures. */
  givenUp(path: string): { readonly whose: 'registry' | 'repository'; readonly after: number } | undefined {
    const ofRepository = this.#ofRepository.get(path) ?? 0;
    const ofRegistry = this.#ofRegistry + this.#failed.size;
    if (ofRegistry >= GIVE_UP_AFTER) return { whose: 'registry', after: ofRegistry };
    return ofRepository >= GIVE_UP_AFTER ? { whose: 'repository', after: ofRepository } : undefined;
  }
}
