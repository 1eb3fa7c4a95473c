/** Joins what several requests do at the same time for one key: the first request does it, the others wait for it. */
import { RegistryError } from '../../core/error.ts';
import type { RequestContext } from './request-context.ts';
import type { StartTimer } from '../store/time-limit.ts';
import { waitForOther } from './other-request.ts';

type Outcome<T> = {
  /** What the leader noted in its trace, for the followers' traces. */
  readonly failures: readonly string[];
} & ({ readonly value: T } | { readonly error: unknown });

interface Flight<T> {
  /** The one that leads now. Another one, if this one took too long. */
  leader: object;
  since: number;
  readonly followers: Set<(outcome: Outcome<T>) => void>;
}

export interface SingleFlightOptions {
  readonly now: () => number;
  readonly startTimer: StartTimer;
  /** After so long one of the followers does it again, because the leader's request may have been dropped. Milliseconds. */
  readonly patienceMs: number;
}

export class SingleFlight<T> {
  readonly #options: SingleFlightOptions;
  readonly #flights = new Map<string, Flight<T>>();

  constructor(options: SingleFlightOptions) {
    this.#options = options;
  }

  /**
   * @param work must yield plain data: streams and responses cannot pass from one request to another
   * @throws what the work throws; UNAVAILABLE when the deadline of a follower has passed
   */
  async run(scope: RequestContext, key: string, work: () => Promise<T>): Promise<T> {
    const { now, startTimer, patienceMs } = this.#options;
    for (;;) {
      const flight = this.#flights.get(key);
      const ageMs = flight === undefined ? Infinity : now() - flight.since;
      if (flight === undefined || ageMs >= patienceMs) return this.#lead(scope, key, work);
      const begin = now();
      const outcome = await waitForOther<Outcome<T>>(
        Math.min(patienceMs - ageMs, scope.deadline - begin),
        startTimer,
        (tell) => {
          flight.followers.add(tell);
          return () => flight.followers.delete(tell);
        },
      );
      scope.trace.storeMilliseconds += now() - begin;
      if (outcome !== undefined) {
        scope.trace.failures.push(...outcome.failures);
        return valueOf(outcome);
      }
      if (now() >= scope.deadline) {
        scope.trace.failures.push('Another request asks for the same object, and had no answer in time.');
        throw new RegistryError('UNAVAILABLE', 'No store answers at the moment.');
      }
    }
  }

  async #lead(scope: RequestContext, key: string, work: () => Promise<T>): Promise<T> {
    const leader = {};
    const flight = this.#flights.get(key) ?? { leader, since: 0, followers: new Set() };
    flight.leader = leader;
    flight.since = this.#options.now();
    this.#flights.set(key, flight);
    const outcome = outcomeOf(scope, work);
    // Others wait for it, so it goes on when the leader's own client has left.
    scope.waitUntil(outcome.then((landed) => this.#land(key, flight, leader, landed)));
    return valueOf(await outcome);
  }

  /** The failure of a leader that was replaced is not told, because the new one may succeed. */
  #land(key: string, flight: Flight<T>, leader: object, outcome: Outcome<T>): void {
    if ('error' in outcome && flight.leader !== leader) return;
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
    for (const tell of flight.followers) tell(outcome);
    flight.followers.clear();
  }
}

/** Never rejects. */
async function outcomeOf<T>({ trace }: RequestContext, work: () => Promise<T>): Promise<Outcome<T>> {
  const noted = trace.failures.length;
  try {
    const value = await work();
    return { value, failures: trace.failures.slice(noted) };
  } catch (error) {
    return { error, failures: trace.failures.slice(noted) };
  }
}

function valueOf<T>(outcome: Outcome<T>): T {
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}
