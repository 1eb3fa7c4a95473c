/**
 * Requests in a row that failed for good, each of them tried several times: after so many, a registry is not asked again in
 * this run. Nor is a repository, after as many that it alone may be to blame for: its siblings go on.
 */

/** After so many. */
const GIVE_UP_AFTER = 5;

/** Whose a failure is: the registry's, which refuses everybody or does not answer, or maybe one repository's. */
export type Failure = 'registry' | 'silence' | 'repository';

export class Failures {
  #ofRegistry = 0;
  #volley = 0;
  /** By path. */
  readonly #ofRepository = new Map<string, number>();

  /**
   * To be taken when a request is begun. What is under way when one fails mostly fails for the same reason, and counts with
   * it: else a registry that is away for a few seconds would be given up by the requests of that moment.
   */
  get volley(): number {
    return this.#volley;
  }

  /** The registry has answered. */
  end(path: string): void {
    this.#ofRegistry = 0;
    this.#ofRepository.delete(path);
  }

  /** @param volley what it was when the request was begun */
  add(path: string, whose: Failure, volley: number): void {
    if (whose === 'repository') {
      this.#ofRepository.set(path, (this.#ofRepository.get(path) ?? 0) + 1);
      return;
    }
    // Silence has been waited for long enough: not that long again for each volley.
    if (whose === 'registry' && volley !== this.#volley) return;
    this.#ofRegistry += 1;
    this.#volley += 1;
  }

  /** Whether the registry, or the repository, is to be left alone; and after how many failures. */
  givenUp(path: string): { readonly whose: 'registry' | 'repository'; readonly after: number } | undefined {
    const ofRepository = this.#ofRepository.get(path) ?? 0;
    if (this.#ofRegistry >= GIVE_UP_AFTER) return { whose: 'registry', after: this.#ofRegistry };
    return ofRepository >= GIVE_UP_AFTER ? { whose: 'repository', after: ofRepository } : undefined;
  }
}
