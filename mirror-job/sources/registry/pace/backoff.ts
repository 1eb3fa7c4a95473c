/**
 * Slows down when a registry refuses with 429 or 503. From the first refusal on, requests of that kind are sent one at
 * a time, each after a wait, until one is answered. After several refusals in a row no more are sent. Without this,
 * each of hundreds of tags would meet the refusal by itself, and make it worse. Kinds of requests are told apart
 * because quotas tell them apart: Docker Hub answers 429 to a GET of a manifest, but not to a HEAD. As long as only one
 * repository is refused, only that one is given up.
 */
import type { Clock } from '../../../engine/runtime.ts';
import type { RequestCounts } from '../../../engine/source.ts';

/**
 * The number of refusals in a row after which no more requests are sent. It is larger for a 503, which is mostly a
 * restart and worth a longer wait than a quota.
 */
const GIVE_UP_AFTER: Readonly<Record<number, number>> = { 429: 7, 503: 10 };

/**
 * Says how a request ended: answered (with whatever status), refused, or neither. To be called once.
 * @returns whether the next request has to wait. It does not when this refusal comes after the answer to a request that was
 *   sent later
 */
export type EndTurn = (how: 'answered' | 'failed' | Refusal) => boolean;

interface Refusal {
  readonly status: number;
  /** The host that refused, for messages. */
  readonly by: string;
  /** How long the next request waits before it is sent. */
  readonly waitMs: number;
}

export class Backoff {
  readonly #what: string;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  /** The number of refusals in a row. */
  #refusals = 0;
  /** The number of refusals in a row by repository. */
  readonly #byRepository = new Map<string, number>();
  /** Why no more requests are sent to a repository, and to any: for the rest of the run. */
  readonly #givenUpRepositories = new Map<string, string>();
  #allGivenUp: string | undefined;
  /** Counts the changes: the outcome of a request that was sent before the last change says nothing new. */
  #epoch = 0;
  /** The time from which the next request may be sent, in milliseconds of the clock. */
  #resumesAtMs = 0;
  #isAsking = false;
  readonly #waiting: (() => void)[] = [];

  /** @param what the name of these requests, in the plural */
  constructor(what: string, clock: Clock, signal: AbortSignal) {
    this.#what = what;
    this.#clock = clock;
    this.#signal = signal;
  }

  /** The number of refusals in a row so far. */
  get refusals(): number {
    return this.#refusals;
  }

  /**
   * Why no more requests are sent to a repository, in the same sentence for all of them. Undefined while they are sent.
   */
  givenUp(repository: string): string | undefined {
    return this.#allGivenUp ?? this.#givenUpRepositories.get(repository);
  }

  /** Waits for the request's turn while requests are refused. @throws the signal's reason */
  async enter(repository: string): Promise<EndTurn> {
    while (this.#isRefused(repository) && this.#isAsking) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
    const isAlone = this.#isRefused(repository);
    this.#isAsking ||= isAlone;
    const epoch = this.#epoch;
    const end: EndTurn = (how) => {
      if (epoch === this.#epoch) this.#note(how, repository);
      if (isAlone) this.#isAsking = false;
      this.#wake();
      return this.#refusals > 0;
    };
    if (isAlone) {
      try {
        const leftMs = this.#resumesAtMs - this.#clock.now().getTime();
        if (leftMs > 0) await this.#clock.sleep(leftMs, this.#signal);
      } catch (error) {
        end('failed');
        throw error;
      }
    }
    return end;
  }

  #isRefused(repository: string): boolean {
    return this.#refusals > 0 && this.givenUp(repository) === undefined;
  }

  #note(how: Parameters<EndTurn>[0], repository: string): void {
    if (how === 'failed' || (how === 'answered' && this.#refusals === 0)) return;
    this.#epoch += 1;
    if (how === 'answered') {
      this.#refusals = 0;
      this.#byRepository.clear();
      return;
    }
    this.#refusals += 1;
    this.#byRepository.set(repository, (this.#byRepository.get(repository) ?? 0) + 1);
    this.#resumesAtMs = this.#clock.now().getTime() + how.waitMs;
    this.#giveUpIfTooMany(how, repository);
  }

  #giveUpIfTooMany({ status, by }: Refusal, repository: string): void {
    const most = GIVE_UP_AFTER[status] ?? Number.POSITIVE_INFINITY;
    const sentence = (count: number, what: string): string => {
      const why = status === 429 ? ': its rate limit is reached' : '';
      return `${by} answered ${status} to ${count} ${what} in a row${why}. This run sends it no more of these requests; the next run goes on from here.`;
    };
    if (this.#refusals >= most && this.#byRepository.size > 1) {
      this.#allGivenUp = sentence(this.#refusals, this.#what);
      return;
    }
    const ofRepository = this.#byRepository.get(repository) ?? 0;
    if (ofRepository >= most)
      this.#givenUpRepositories.set(repository, sentence(ofRepository, `${this.#what} of ${repository}`));
  }

  /** Wakes one waiting request, or all of them when none has to wait any more. */
  #wake(): void {
    const isRefused = this.#refusals > 0 && this.#allGivenUp === undefined;
    const woken = isRefused ? this.#waiting.splice(0, 1) : this.#waiting.splice(0);
    for (const wake of woken) wake();
  }
}

/** One of each kind of request. */
export type Backoffs = Readonly<Record<keyof RequestCounts, Pick<Backoff, 'enter' | 'givenUp' | 'refusals'>>>;

export function createBackoffs(clock: Clock, signal: AbortSignal): Backoffs {
  return {
    heads: new Backoff('HEADs', clock, signal),
    manifestGets: new Backoff('manifest GETs', clock, signal),
    blobGets: new Backoff('blob GETs', clock, signal),
    lists: new Backoff('requests for lists', clock, signal),
  };
}
