/** Joins what several requests do at the same time for one key: the first request does it, and the others wait for it. */
import { RegistryError } from '../../core/error.ts';
import type { Clock } from './edge-runtime.ts';
import { waitForOther } from './other-request.ts';
import type { RequestContext } from './request-context.ts';

type Outcome<T> = {
  /** The failures in the leader's trace, for the followers' traces. */
  readonly failures: readonly string[];
} & ({ readonly value: T } | { readonly error: unknown });

interface Flight<T> {
  /** Identifies the request that does the work. It is replaced if it takes too long. */
  leader: object;
  /** When the leader began. */
  startedAtMs: number;
  readonly followers: Set<(outcome: Outcome<T>) => void>;
}

export interface SingleFlightOptions extends Clock {
  /** After this time a follower does the work again, because the runtime may have dropped the leader's request. */
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
  async run(context: RequestContext, key: string, work: () => Promise<T>): Promise<T> {
    const { now, startTimer, patienceMs } = this.#options;
    for (;;) {
      const flight = this.#flights.get(key);
      const ageMs = flight === undefined ? Infinity : now() - flight.startedAtMs;
      if (flight === undefined || ageMs >= patienceMs) return this.#lead(context, key, work);
      const waitsSince = now();
      const outcome = await waitForOther<Outcome<T>>(
        Math.min(patienceMs - ageMs, context.deadlineMs - waitsSince),
        startTimer,
        (tell) => {
          flight.followers.add(tell);
          return () => flight.followers.delete(tell);
        },
      );
      context.trace.storeMs += now() - waitsSince;
      if (outcome !== undefined) {
        context.trace.failures.push(...outcome.failures);
        return valueOf(outcome);
      }
      if (now() >= context.deadlineMs) {
        context.trace.failures.push('Another request asks for the same object, and had no answer in time.');
        throw new RegistryError('UNAVAILABLE', 'No store answers at the moment.');
      }
    }
  }

  async #lead(context: RequestContext, key: string, work: () => Promise<T>): Promise<T> {
    const leader = {};
    const flight = this.#flights.get(key) ?? { leader, startedAtMs: 0, followers: new Set() };
    flight.leader = leader;
    flight.startedAtMs = this.#options.now();
    this.#flights.set(key, flight);
    const outcome = outcomeOf(context, work);
    // The work goes on when the leader's own client has left, because other requests wait for it.
    context.waitUntil(outcome.then((landed) => this.#land(key, flight, leader, landed)));
    return valueOf(await outcome);
  }

  /** The failure of a leader that was replaced is not passed on, because the new leader may succeed. */
  #land(key: string, flight: Flight<T>, leader: object, outcome: Outcome<T>): void {
    if ('error' in outcome && flight.leader !== leader) return;
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
    for (const tell of flight.followers) tell(outcome);
    flight.followers.clear();
  }
}

/** Never rejects. */
async function outcomeOf<T>({ trace }: RequestContext, work: () => Promise<T>): Promise<Outcome<T>> {
  const earlierFailures = trace.failures.length;
  try {
    const value = await work();
    return { value, failures: trace.failures.slice(earlierFailures) };
  } catch (error) {
    return { error, failures: trace.failures.slice(earlierFailures) };
  }
}

function valueOf<T>(outcome: Outcome<T>): T {
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}
