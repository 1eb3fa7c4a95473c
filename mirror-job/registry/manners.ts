/**
 * When an upstream is asked, how much at once, and when no more: what one request is told holds for all of them.
 * docs/bad-upstreams.md says what that comes to.
 */
import { formatUpstream, hostOf, type Upstream } from '../../core/reference.ts';
import { SourceError, type RequestCounts } from '../engine/source.ts';
import type { Answer } from './answer.ts';
import { ConnectionError } from './connection-error.ts';
import { Failures, type Failure } from './failures.ts';
import { TOO_MUCH, RETRIED, type RegistryOptions, type RetryPolicy } from './registry-options.ts';
import { kindOf, type RegistryRequest } from './registry-request.ts';
import { parseRetryAfter } from './retry-after.ts';
import { Throttle } from './throttle.ts';
import { RequestWindow, type Outcome } from './window.ts';

/** How it goes with one request, over all its attempts. */
export class Course {
  /** What was counted of failures when it was sent first; undefined before. */
  volley: number | undefined;
  /** What the last answer asked for by Retry-After, in milliseconds; 0 where it did not. */
  asked = 0;
  /** Whether that is more than is borne: then nobody waits for it. */
  isTooLong = false;
  /** Whether it was refused, and all requests of its kind wait, so that this one need not wait by itself. */
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
  /** Until when it wants to be left alone, if that is too long to be waited for. Milliseconds. */
  #closedUntil = 0;

  /** @param isElsewhere whether another host gave an answer, to which the registry redirects */
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
   * Sends a request when it may be sent.
   * @throws {SourceError} where it is not to be asked any more; and what `send` throws
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
    // What all of them wait for is waited for in `ask`.
    if (course.isHeldBack) return;
    const { clock, retry, signal } = this.#options;
    await clock.sleep(Math.max(course.asked, delayBefore(attempt, retry)), signal);
  }

  /** Whose failure an answer is. */
  whoseIs(response: Answer): Failure {
    return this.#isRefusal(response) ? 'registry' : 'repository';
  }

  /** Takes note that a request has failed for good. */
  failed({ path }: RegistryRequest, whose: Failure, course: Course): void {
    this.#failures.add(path, whose, course.volley);
  }

  /** Alone, where the registry refuses requests of this kind. */
  async #inTurn(request: RegistryRequest, course: Course, send: Send): Promise<Answer> {
    const throttle = this.#throttles[kindOf(request)];
    const end = await throttle.enter(request.path);
    course.isHeldBack = false;
    let how: Parameters<typeof end>[0] = 'failed';
    const refused = (status: number, by: string): void => {
      const { retry } = this.#options;
      const attempt = Math.min(throttle.refusals + 1, Math.max(retry.attempts - 1, 1));
      // What is longer than is borne is waited by nobody: the registry is closed until then.
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

  /** By the registry itself: what it redirects to may be busy while it is not. */
  #isRefusal(response: Answer): boolean {
    return TOO_MUCH.has(response.status) && !this.#isElsewhere(response);
  }

  /** A place in the window from when the request is sent until its answer begins. */
  async #inWindow(request: RegistryRequest, course: Course, send: Send): Promise<Answer> {
    const leave = await this.#window.enter();
    let how: Outcome = 'failed';
    const { volley } = this.#failures;
    course.volley ??= volley;
    try {
      // Those who waited for their turn learn what was decided meanwhile.
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
        // Counted at once: that long is not waited several times for each request.
        if (error.isSilent) this.#failures.add(request.path, 'registry', volley);
        this.#heed(course, error.retryAfter, false);
      }
      throw error;
    } finally {
      leave(how);
    }
  }

  /**
   * At once, before the next request can be sent: what one is told holds for all.
   * @param isElsewhere a host that the registry redirects to has said it, which cannot close the registry
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
   * The first request goes alone: the challenge that it may meet spares all the others a refusal. So does the first GET of a
   * manifest, because those are what quotas count.
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

/** Milliseconds: twice as long each time; with jitter, so that runs spread. */
function delayBefore(attempt: number, { delay, maxDelay }: RetryPolicy): number {
  return Math.min(delay * 2 ** (attempt - 1) * (0.75 + Math.random() / 2), maxDelay);
}
