/**
 * Decides when an upstream is asked, how many requests it gets at once, and when it gets no more. An answer to one
 * request holds for all of them. docs/bad-upstreams.md describes the result.
 */
import { formatUpstream, hostOf, type Upstream } from '../../../core/reference.ts';
import { SourceError, type RequestCounts } from '../../engine/source.ts';
import type { Answer } from './answer.ts';
import { ConnectionError } from './connection-error.ts';
import { Failures, type Failure } from './failures.ts';
import { TOO_MUCH, RETRIED, type RegistryOptions, type RetryPolicy } from './registry-options.ts';
import { kindOf, type RegistryRequest } from './registry-request.ts';
import { parseRetryAfter } from './retry-after.ts';
import { Throttle } from './throttle.ts';
import { RequestWindow, type Outcome } from './window.ts';

/** The state of one request, over all its attempts. */
export class Course {
  /** The count of failures when the request was sent first; undefined before that. */
  volley: number | undefined;
  /** The wait that the last answer asked for by Retry-After, in milliseconds; 0 when it asked for none. */
  asked = 0;
  /** Whether that wait is longer than `maxDelay`: then nobody waits for it. */
  isTooLong = false;
  /** Whether the request was refused and all requests of its kind wait, so that this one need not wait by itself. */
  isHeldBack = false;
}

type Send = () => Promise<Answer>;

export class Manners {
  readonly #upstream: Upstream;
  readonly #base: string;
  readonly #options: RegistryOptions;
  readonly #isElsewhere: (answer: Answer) => boolean;
  readonly #window: RequestWindow;
  readonly #throttles: Readonly<Record<keyof RequestCounts, Throttle>>;
  readonly #failures = new Failures();
  readonly #firsts = new Map<'all' | 'manifestGets', Promise<void>>();
  /** The upstream wants no request before this time, which is too far away to wait for. Milliseconds of the clock. */
  #closedUntil = 0;

  /** @param isElsewhere whether an answer came from another host, to which the registry redirects */
  constructor(upstream: Upstream, options: RegistryOptions, isElsewhere: (answer: Answer) => boolean) {
    this.#upstream = upstream;
    this.#base = `${options.insecure ? 'http' : 'https'}://${hostOf(upstream)}`;
    this.#options = options;
    this.#isElsewhere = isElsewhere;
    this.#window = new RequestWindow(options.concurrency, options.clock, options.signal);
    const throttle = (what: string): Throttle => new Throttle(what, options.clock, options.signal);
    this.#throttles = {
      heads: throttle('HEADs'),
      manifestGets: throttle('manifest GETs'),
      blobGets: throttle('blob GETs'),
      lists: throttle('requests for lists'),
    };
  }

  /**
   * Sends a request as soon as it may be sent.
   * @throws {SourceError} when the upstream is not to be asked any more; and what `send` throws
   */
  async ask(request: RegistryRequest, course: Course, send: Send): Promise<Answer> {
    this.#refuseGivenUp(request);
    return this.#afterFirst(request, () => this.#inTurn(request, course, send));
  }

  /** Takes note that the registry has answered. */
  answered({ path }: RegistryRequest): void {
    this.#failures.end(path);
  }

  /** Waits before a request is sent again. @throws the signal's reason */
  async pauseBefore(attempt: number, course: Course): Promise<void> {
    // `ask` does the waiting that all requests of this kind share.
    if (course.isHeldBack) return;
    const { clock, retry, signal } = this.#options;
    await clock.sleep(Math.max(course.asked, delayBefore(attempt, retry)), signal);
  }

  /** Whether an answer is the failure of the registry or of the repository. */
  whoseIs(response: Answer): Failure {
    return this.#isRefusal(response) ? 'registry' : 'repository';
  }

  /** Takes note that a request has failed for good. */
  failed({ path }: RegistryRequest, whose: Failure, course: Course): void {
    this.#failures.add(path, whose, course.volley);
  }

  /** Sends the request when no other of its kind is on its way, if the registry refuses requests of this kind. */
  async #inTurn(request: RegistryRequest, course: Course, send: Send): Promise<Answer> {
    const throttle = this.#throttles[kindOf(request)];
    const end = await throttle.enter(request.path);
    course.isHeldBack = false;
    let how: Parameters<typeof end>[0] = 'failed';
    const refused = (status: number, by: string): void => {
      const { retry } = this.#options;
      const attempt = Math.min(throttle.refusals + 1, Math.max(retry.attempts - 1, 1));
      // Nobody waits longer than maxDelay: the registry is closed until then instead.
      const wait = course.isTooLong ? 0 : Math.max(course.asked, delayBefore(attempt, retry));
      how = { status, by, wait };
    };
    try {
      this.#refuseGivenUp(request);
      const response = await this.#inWindow(request, course, send);
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
      course.isHeldBack = hasToWait && typeof how === 'object';
    }
  }

  /** Only the registry itself counts: a host that it redirects to may be busy while the registry is not. */
  #isRefusal(response: Answer): boolean {
    return TOO_MUCH.has(response.status) && !this.#isElsewhere(response);
  }

  /** The request holds a place in the window from its sending until its answer begins. */
  async #inWindow(request: RegistryRequest, course: Course, send: Send): Promise<Answer> {
    const leave = await this.#window.enter();
    let how: Outcome = 'failed';
    const { volley } = this.#failures;
    course.volley ??= volley;
    try {
      // The decision may have fallen while this request waited for its turn.
      this.#refuseGivenUp(request);
      const response = await send();
      how = TOO_MUCH.has(response.status) ? 'refused' : 'answered';
      if (RETRIED.has(response.status)) {
        this.#heed(course, response.headers.get('Retry-After'), this.#isElsewhere(response));
      }
      return response;
    } catch (error) {
      if (error instanceof ConnectionError) {
        if (error.isLate) how = 'refused';
        // This failure is counted at once, because a silent registry costs a long wait, which each request must not
        // repeat.
        if (error.isSilent) this.#failures.add(request.path, 'registry', volley);
        this.#heed(course, error.retryAfter, false);
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
  #heed(course: Course, retryAfter: string | null, isElsewhere: boolean): void {
    const { clock, retry } = this.#options;
    course.asked = parseRetryAfter(retryAfter, clock.now()) ?? 0;
    course.isTooLong = course.asked > retry.maxDelay;
    if (!course.isTooLong) this.#window.pause(course.asked);
    else if (!isElsewhere) this.#closedUntil = clock.now().getTime() + course.asked;
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
    const refused = this.#throttles[kindOf(request)].givenUp(path);
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
  async #afterFirst(request: RegistryRequest, task: Send): Promise<Answer> {
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
function delayBefore(attempt: number, { delay, maxDelay }: RetryPolicy): number {
  return Math.min(delay * 2 ** (attempt - 1) * (0.75 + Math.random() / 2), maxDelay);
}
