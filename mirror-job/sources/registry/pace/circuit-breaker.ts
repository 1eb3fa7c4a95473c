/**
 * Gives a registry up for the rest of a run after several failures in a row. A repository is given up too, after as many
 * failures that may be its own: the registry's other repositories go on.
 */

const FAILURES_TO_OPEN = 5;

/**
 * Whose a failure is: the registry's, which refuses everybody, cannot be reached or does not answer; or maybe one
 * repository's.
 */
export type FailedParty = 'registry' | 'repository';

export interface OpenCircuit {
  readonly failedParty: FailedParty;
  /** The number of failures in a row. */
  readonly failures: number;
}

export class CircuitBreaker {
  #registryFailures = 0;
  #generation = 0;
  /** By path. */
  readonly #repositoryFailures = new Map<string, number>();
  /** The repositories that have failed since the registry's last answer. */
  readonly #failedRepositories = new Set<string>();
  #openUntilMs = 0;

  /**
   * The number of failures that were counted. A request notes it when it is sent: requests that are on their way when one
   * fails mostly fail for the same reason, and count as one failure. Otherwise a registry that is away for a few seconds
   * would be given up because of the requests of that moment.
   */
  get generation(): number {
    return this.#generation;
  }

  /** The registry has answered a request for a repository, with whatever status. */
  recordAnswer(path: string): void {
    this.#registryFailures = 0;
    this.#failedRepositories.clear();
    this.#repositoryFailures.delete(path);
  }

  /** @param generation when the request was sent; undefined for a request that was not: that does not count */
  recordFailure(path: string, failedParty: FailedParty, generation: number | undefined): void {
    if (generation !== this.#generation) return;
    this.#generation += 1;
    if (failedParty === 'repository') {
      this.#repositoryFailures.set(path, (this.#repositoryFailures.get(path) ?? 0) + 1);
      // If several repositories fail with no answer in between, the failure is the registry's.
      this.#failedRepositories.add(path);
    } else this.#registryFailures += 1;
  }

  /** @returns what is given up for the rest of the run: the registry or the repository; undefined for neither */
  openFor(path: string): OpenCircuit | undefined {
    const ofRepository = this.#repositoryFailures.get(path) ?? 0;
    const ofRegistry = this.#registryFailures + this.#failedRepositories.size;
    if (ofRegistry >= FAILURES_TO_OPEN) return { failedParty: 'registry', failures: ofRegistry };
    return ofRepository >= FAILURES_TO_OPEN
      ? { failedParty: 'repository', failures: ofRepository }
      : undefined;
  }

  /** The registry wants no request before this time, in milliseconds of the clock. */
  get openUntilMs(): number {
    return this.#openUntilMs;
  }

  openUntil(timeMs: number): void {
    this.#openUntilMs = timeMs;
  }
}
