/**
 * Decides when an upstream is asked, how many requests it gets at once, and when it gets no more. An answer to one
 * request holds for all of them. docs/bad-upstreams.md describes the result.
 */
import { formatUpstream, hostOf, type Upstream } from '../../../core/reference.ts';
import { SourceError, type RequestCounts } from '../../engine/source.ts';
import type { HttpResponse } from './http-client.ts';
import { ConnectionError } from './connection-error.ts';
import { CircuitBreaker, type Failure } from './circuit-breaker.ts';
import {
  THROTTLING_STATUSES,
  RETRYABLE_STATUSES,
  type RegistryOptions,
  type RetryPolicy,
} from './registry-options.ts';
import { kindOf, type RegistryRequest } from './registry-request.ts';
import { parseRetryAfter } from './retry-after.ts';
import { Backoff } from './backoff.ts';
import { RequestWindow, type Outcome } from './window.ts';

/** The state of one request, over all its attempts. */
export class RequestState {
  /** The count of failures when the request was sent first; undefined before that. */
  generation: number | undefined;
  /** The wait that the last answer asked for by Retry-After, in milliseconds; 0 when it asked for none. */
  asked = 0;
  /** Whether that wait is longer than `maxDelayMs`: then nobody waits for it. */
  isTooLong = false;
  /** Whether the request was refused and all requests of its kind wait, so that this one need not wait by itself. */
  isHeldBack = false;
}

type Send = () => Promise<HttpResponse>;

export class Manners {
  readonly #upstream: Upstream;
  readonly #base: string;
  readonly #options: RegistryOptions;
  readonly #isElsewhere: (answer: HttpResponse) => boolean;
  readonly #window: RequestWindow;
  readonly #backoffs: Readonly<Record<keyof RequestCounts, Backoff>>;
  readonly #failures = new CircuitBreaker();
  readonly #firsts = new Map<'all' | 'manifestGets', Promise<void>>();
  /** The upstream wants no request before this time, which is too far away to wait for. Milliseconds of the clock. */
  #closedUntil = 0;

  /** @param isElsewhere whether an answer came from another host, to which the registry redirects */
  constructor(upstream: Upstream, options: RegistryOptions, isElsewhere: (answer: HttpResponse) => boolean) {
    this.#upstream = upstream;
    this.#base = `${options.insecure ? 'http' : 'https'}://${hostOf(upstream)}`;
    this.#options = options;
    this.#isElsewhere = isElsewhere;
    this.#window = new RequestWindow(options.concurrency, options.clock, options.signal);
    const backoff = (what: string): Backoff => new Backoff(what, options.clock, options.signal);
    this.#backoffs = {
      heads: backoff('HEADs'),
      manifestGets: backoff('manifest GETs'),
      blobGets: backoff('blob GETs'),
      lists: backoff('requests for lists'),
    };
  }

  /**
   * Sends a request as soon as it may be sent.
   * @throws {SourceError} when the upstream is not to be asked any more; and what `send` throws
   */
  async ask(request: RegistryRequest, state: RequestState, send: Send): Promise<HttpResponse> {
    this.#refuseGivenUp(request);
    return this.#afterFirst(request, () => this.#inTurn(request, state, send));
  }

  /** Takes note that the registry has answered. */
  answered({ path }: RegistryRequest): void {
    this.#failures.end(path);
  }

  /** Waits before a request is sent again. @throws the signal's reason */
  async pauseBefore(attempt: number, state: RequestState): Promise<void> {
    // `ask` does the waiting that all requests of this kind share.
    if (state.isHeldBack) return;
    const { clock, retry, signal } = this.#options;
    await clock.sleep(Math.max(state.asked, delayBefore(attempt, retry)), signal);
  }

  /** Whether an answer is the failure of the registry or of the repository. */
  whoseIs(response: HttpResponse): Failure {
    return this.#isRefusal(response) ? 'registry' : 'repository';
  }

  /** Takes note that a request has failed for good. */
  failed({ path }: RegistryRequest, whose: Failure, state: RequestState): void {
    this.#failures.add(path, whose, state.generation);
  }

  /** Sends the request when no other of its kind is on its way, if the registry refuses requests of this kind. */
  async #inTurn(request: RegistryRequest, state: RequestState, send: Send): Promise<HttpResponse> {
    const backoff = this.#backoffs[kindOf(request)];
    const end = await backoff.enter(request.path);
    state.isHeldBack = false;
    let how: Parameters<typeof end>[0] = 'failed';
    const refused = (status: number, by: string): void => {
      const { retry } = this.#options;
      const attempt = Math.min(backoff.refusals + 1, Math.max(retry.attempts - 1, 1));
      // Nobody waits longer than maxDelayMs: the registry is closed until then instead.
      const wait = state.isTooLong ? 0 : Math.max(state.asked, delayBefore(attempt, retry));
      how = { status, by, wait };
    };
    try {
      this.#refuseGivenUp(request);
      const response = await this.#inWindow(request, state, send);
      how = 'answered';
      if (this.#isRefusal(response)) refused(response.status, formatUpstream(this.#upstream));
      return response;
    } catch (error) {
      if (error instanceof ConnectionError && error.refusal !== undefined) {
        refused(error.refusal.status, error.refusal.by);
      }
      throw error;
    } finally {
      const hasToWait = end(how);
      state.isHeldBack = hasToWait && typeof how === 'object';
    }
  }

  /** Only the registry itself counts: a host that it redirects to may be busy while the registry is not. */
  #isRefusal(response: HttpResponse): boolean {
    return THROTTLING_STATUSES.has(response.status) && !this.#isElsewhere(response);
  }

  /** The request holds a place in the window from its sending until its answer begins. */
  async #inWindow(request: RegistryRequest, state: RequestState, send: Send): Promise<HttpResponse> {
    const leave = await this.#window.enter();
    let how: Outcome = 'failed';
    const { generation } = this.#failures;
    state.generation ??= generation;
    try {
      // The decision may have fallen while this request waited for its turn.
      this.#refuseGivenUp(request);
      const response = await send();
      how = THROTTLING_STATUSES.has(response.status) ? 'refused' : 'answered';
      if (RETRYABLE_STATUSES.has(response.status)) {
        this.#heed(state, response.headers.get('Retry-After'), this.#isElsewhere(response));
      }
      return response;
    } catch (error) {
      if (error instanceof ConnectionError) {
        if (error.isLate) how = 'refused';
        // This failure is counted at once, because a silent registry costs a long wait, which each request must not
        // repeat.
        if (error.isSilent) this.#failures.add(request.path, 'registry', generation);
        this.#heed(state, error.retryAfter, false);
      }
      throw error;
    } finally {
      leave(how);
    }
  }

  /**
   * Called at once, before the next request can be sent, because an answer to one request holds for all.
   * @param isElsewhere whether the answer came from a host that the registry redirects to, which cannot close the
   *   registry
   */
  #heed(state: RequestState, retryAfter: string | null, isElsewhere: boolean): void {
    const { clock, retry } = this.#options;
    state.asked = parseRetryAfter(retryAfter, clock.now()) ?? 0;
    state.isTooLong = state.asked > retry.maxDelayMs;
    if (!state.isTooLong) this.#window.pause(state.asked);
    else if (!isElsewhere) this.#closedUntil = clock.now().getTime() + state.asked;
  }

  #refuseGivenUp(request: RegistryRequest): void {
    const { path } = request;
    const givenUp = this.#failures.givenUp(path);
    if (givenUp !== undefined) {
      const who = givenUp.whose === 'registry' ? this.#base : this.#nameOf(path);
      throw new SourceError(
        `${who} failed ${givenUp.after} times in a row; it is not asked again in this run.`,
      );
    }
    const refused = this.#backoffs[kindOf(request)].givenUp(path);
    if (refused !== undefined) throw new SourceError(refused);
    if (this.#closedUntil > this.#options.clock.now().getTime()) {
      const until = new Date(this.#closedUntil).toISOString();
      throw new SourceError(
        `${this.#nameOf(path)}: the registry allows no request until ${until} (Retry-After), and is not asked before that time.`,
      );
    }
  }

  /**
   * The first request goes alone: if it is met with a challenge, that spares all others a refusal. The first GET of a
   * manifest goes alone too, because quotas count those.
   */
  async #afterFirst(request: RegistryRequest, task: Send): Promise<HttpResponse> {
    const kinds =
      kindOf(request) === 'manifestGets' ? (['all', 'manifestGets'] as const) : (['all'] as const);
    for (const kind of kinds) {
      const first = this.#firsts.get(kind);
      if (first === undefined) {
        const asked = task();
        const done = asked.then(
          () => undefined,
          () => undefined,
        );
        for (const one of kinds) if (!this.#firsts.has(one)) this.#firsts.set(one, done);
        return asked;
      }
      await first;
    }
    return task();
  }

  #nameOf(path: string): string {
    return `${formatUpstream(this.#upstream)}/${path}`;
  }
}

/** Milliseconds. The delay doubles with each attempt, and jitter spreads the runs. */
function delayBefore(attempt: number, { delayMs, maxDelayMs }: RetryPolicy): number {
  return Math.min(delayMs * 2 ** (attempt - 1) * (0.75 + Math.random() / 2), maxDelayMs);
}
