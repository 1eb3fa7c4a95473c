/**
 * What happens when a registry refuses: 429, or 503. From the first refusal on, requests of that kind are sent one at a time,
 * each after a wait, until one is answered; after several refusals in a row no more are sent. Hundreds of tags would
 * otherwise each find out by themselves, and make it worse. Kinds are told apart because quotas are: Docker Hub
 * answers 429 to a GET of a manifest, and to a HEAD it does not. As long as only one repository is refused, only that one is
 * given up.
 */
import type { Clock } from '../engine/environment.ts';

/** Refusals in a row. A 503 is mostly a restart, which is waited for longer than a quota. */
const GIVE_UP_AFTER: Readonly<Record<number, number>> = { 429: 7, 503: 10 };

/**
 * How a request ended: answered (with whatever status), refused, or neither. To be called once.
 * @returns whether the next request has to wait here; not where a refusal comes after what was sent later was answered
 */
export type EndTurn = (how: 'answered' | 'failed' | Refusal) => boolean;

interface Refusal {
  readonly status: number;
  /** Who refused it, for the sentence. */
  readonly by: string;
  /** Milliseconds before the next one is sent. */
  readonly wait: number;
}

export class Throttle {
  readonly #what: string;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  /** In a row. */
  #refusals = 0;
  /** The same by repository. */
  readonly #byRepository = new Map<string, number>();
  /** Why no more are sent to a repository, and to any: for the rest of the run. */
  readonly #closed = new Map<string, string>();
  #allClosed: string | undefined;
  /** Counts the changes: what was sent before the last one says nothing new. */
  #epoch = 0;
  /** When the next request may be sent. Milliseconds of the clock. */
  #opens = 0;
  #isAsking = false;
  readonly #waiting: (() => void)[] = [];

  /** @param what it sends, in the plural */
  constructor(what: string, clock: Clock, signal: AbortSignal) {
    this.#what = what;
    this.#clock = clock;
    this.#signal = signal;
  }

  /** In a row, and so far. */
  get refusals(): number {
    return this.#refusals;
  }

  /** Why no more requests are sent to a repository: the same sentence for all of them. Undefined while they are. */
  givenUp(repository: string): string | undefined {
    return this.#allClosed ?? this.#closed.get(repository);
  }

  /** Waits for its turn, where requests are refused. @throws the signal's reason */
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
        const left = this.#opens - this.#clock.now().getTime();
        if (left > 0) await this.#clock.sleep(left, this.#signal);
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
    this.#opens = this.#clock.now().getTime() + how.wait;
    this.#close(how, repository);
  }

  #close({ status, by }: Refusal, repository: string): void {
    const most = GIVE_UP_AFTER[status] ?? Number.POSITIVE_INFINITY;
    const sentence = (count: number, what: string): string => {
      const why = status === 429 ? ': its rate limit is reached' : '';
      return `${by} answered ${status} to ${count} ${what} in a row${why}. This run sends it no more of these requests; the next run goes on from here.`;
    };
    if (this.#refusals >= most && this.#byRepository.size > 1) {
      this.#allClosed = sentence(this.#refusals, this.#what);
      return;
    }
    const ofRepository = this.#byRepository.get(repository) ?? 0;
    if (ofRepository >= most)
      this.#closed.set(repository, sentence(ofRepository, `${this.#what} of ${repository}`));
  }

  /** One, or all of them where nobody has to wait any more. */
  #wake(): void {
    const isRefused = this.#refusals > 0 && this.#allClosed === undefined;
    const woken = isRefused ? this.#waiting.splice(0, 1) : this.#waiting.splice(0);
    for (const wake of woken) wake();
  }
}
