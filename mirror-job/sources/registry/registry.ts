/** One upstream registry: its connection, its authorization and its manners, shared by all images from it. */
import { formatUpstream, hostOf, type Upstream } from '../../../core/reference.ts';
import type { Log } from '../../engine/environment.ts';
import { FairShare } from '../../engine/support/fair-share.ts';
import { createLimit, type Limit } from '../../engine/support/limit.ts';
import type { UpstreamReport } from '../../engine/report.ts';
import { ServerClock } from '../../engine/support/server-clock.ts';
import { SkippedError } from '../../engine/skipped-error.ts';
import { SourceError, type ReportingUpstream, type RequestCounts } from '../../engine/source.ts';
import { Accounts } from './accounts.ts';
import type { HttpResponse } from './http-client.ts';
import { AuthSession } from './auth-session.ts';
import { Budget } from './budget.ts';
import { ConnectionError } from './connection-error.ts';
import { CredentialRefusedError } from './credential-refused-error.ts';
import { RedirectError } from './redirect-error.ts';
import type { Failure } from './circuit-breaker.ts';
import { RequestState, Manners } from './manners.ts';
import { refusalOf } from './refusal.ts';
import { RETRYABLE_STATUSES, type RegistryOptions } from './registry-options.ts';
import { NO_REQUESTS, kindOf, protectionSpaceOf, type RegistryRequest } from './registry-request.ts';
import { Secrets } from './secrets.ts';
import { AccountOutOfQuotaError } from './account-out-of-quota-error.ts';
import { send } from './send.ts';

/** More than any registry needs: to its storage, and that one's own. */
const MAX_REDIRECTS = 5;
/** All that is mirrored waits for what upstreams say of the time. Milliseconds. */
const TIME_TIMEOUT_MS = 5000;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** How many manifests and lists that are longer than most are read at once. */
const LARGE_AT_ONCE = 2;

export class Registry implements ReportingUpstream {
  readonly time = new ServerClock();
  /** Slots for answers that are longer than most, and kept whole. */
  readonly large = new FairShare(LARGE_AT_ONCE);
  readonly #upstream: Upstream;
  readonly #base: string;
  readonly #options: RegistryOptions;
  readonly #manners: Manners;

  readonly #budget: Budget;
  readonly #turn: Limit = createLimit(1);
  /** By account: what is left of its quota is asked for once. */
  readonly #probes = new Map<AuthSession, Promise<void>>();
  #requests: RequestCounts = NO_REQUESTS;
  readonly #secrets = new Secrets();
  readonly #accounts: Accounts;
  readonly #anonymous: Accounts;

  /** Answers of hosts that the registry redirects to, and failures to reach such a host. */
  readonly #elsewhere = new WeakMap<HttpResponse | ConnectionError, string>();

  constructor(upstream: Upstream, options: RegistryOptions) {
    this.#upstream = upstream;
    const host = hostOf(upstream);
    this.#base = `${options.insecure ? 'http' : 'https'}://${host}`;
    this.#options = options;
    this.#manners = new Manners(upstream, options, (answer) => this.#elsewhere.has(answer));

    this.#budget = new Budget(formatUpstream(upstream), options.budget);
    const anonymous = new AuthSession(host, options, undefined, this.#secrets);
    const [first = anonymous, ...more] = options.accounts.map(
      (account) => new AuthSession(host, options, account, this.#secrets),
    );
    this.#accounts = new Accounts(first, more);
    this.#anonymous = new Accounts(anonymous, []);
  }

  get name(): string {
    return formatUpstream(this.#upstream);
  }

  get log(): Log {
    return this.#options.log;
  }

  get timeoutMs(): number {
    return this.#options.timeoutMs;
  }

  /**
   * Whether requests may carry a credential, so that what they see may be hidden from others.
   * @throws {SourceError} when it cannot be told, because the credential cannot be had
   */
  async isAuthenticated(): Promise<boolean> {
    return this.#accounts.haveCredential();
  }

  /**
   * Runs what is going to ask for manifests. With a budget, one after the other: spread over many images at once, it
   * would be used up by the indexes of all of them, in each run anew, and none would ever be whole.
   */
  async inTurn<Result>(task: () => Promise<Result>): Promise<Result> {
    return this.#budget.isLimited ? this.#turn(task) : task();
  }

  /** Asks for nothing but an answer: what a registry refuses has a date too. */
  async askTime(): Promise<void> {
    if (this.time.aheadMs !== undefined) return;
    try {
      const timeoutMs = Math.min(this.#options.timeoutMs, TIME_TIMEOUT_MS);
      const answer = await send({ ...this.#options, timeoutMs }, new URL('/v2/', this.#base), 'GET', {});
      this.#noteTime(answer);
      answer.discard();
    } catch {
      // Whoever asks it for images hears of a failure.
    }
  }

  #noteTime({ headers }: HttpResponse): void {
    this.time.note(headers.get('Date'), headers.get('Age'), Date.now());
  }

  report(): UpstreamReport {
    return {
      name: this.name,
      requests: this.#requests,
      quotas: this.#budget.quotasOf(this.#accounts.all),
      exhausted: this.#budget.exhausted,
    };
  }

  /** How messages call a repository of it. */
  nameOf(path: string): string {
    return `${formatUpstream(this.#upstream)}/${path}`;
  }

  /**
   * Sends a request with all that it takes: a token, redirects, and another try after a failure that may pass.
   * @param allow the statuses that the caller wants to see; every other one is an error. `any`: all that another try
   *   would not change
   * @throws {SourceError} a sentence that names the registry, the request and the answer
   * @throws {SkippedError} for a manifest, when the budget is used up
   */
  async request(request: RegistryRequest, allow: readonly number[] | 'any'): Promise<HttpResponse> {
    const { signal, retry } = this.#options;
    const attempts = Math.min(request.attempts ?? retry.attempts, retry.attempts);
    const state = new RequestState();
    for (let attempt = 1; ; attempt += 1) {
      signal.throwIfAborted();
      let failure: SourceError;
      let whose: Failure | undefined;
      try {
        const response = await this.#manners.ask(request, state, () => this.#authorized(request));
        const { status } = response;
        if (allow === 'any' ? !RETRYABLE_STATUSES.has(status) : allow.includes(status)) {
          this.#manners.answered(request);
          return response;
        }
        failure = await this.#refusal(request, response);
        if (!RETRYABLE_STATUSES.has(response.status)) {
          this.#manners.answered(request);
          throw failure;
        }
        whose = this.#manners.whoseIs(response);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ConnectionError)) throw error;
        const SentenceError = this.#elsewhere.has(error) ? RedirectError : SourceError;
        failure = new SentenceError(`${this.nameOf(request.path)}: ${error.message}`, { cause: error.cause });
        // Each silence was counted already.
        whose = error.isSilent ? undefined : 'registry';
      }
      if (attempt === attempts || state.isTooLong) {
        if (whose !== undefined) this.#manners.failed(request, whose, state);
        throw failure;
      }
      await this.#manners.pauseBefore(attempt, state);
    }
  }

  /** Asks with the account whose turn it is, and with the next one where that can help. */
  async #authorized(request: RegistryRequest): Promise<HttpResponse> {
    const accounts = request.anonymous === true ? this.#anonymous : this.#accounts;
    // Some registries refuse every HEAD: the GET that follows decides which account may read.
    const passed = request.method === 'HEAD' ? new Set<AuthSession>() : undefined;
    for (;;) {
      const authorization = accounts.turn(request.path, passed);
      try {
        const response = await this.#spending(request, authorization);
        if (response === undefined) {
          if (accounts.passOn(request.path, authorization, 429)) continue;
          throw new SkippedError(this.#budget.exhaust(authorization, this.#accounts.all));
        }
        // What the storage says is not of the account.
        if (this.#elsewhere.has(response) && response.status >= 400) return response;
        if (response.status === 404 && accounts.isStandIn(request.path, authorization)) {
          response.discard();
          throw new AccountOutOfQuotaError(
            `${this.nameOf(request.path)}: the account that may read this repository has used up its quota, and the registry answers 404 to another account.`,
          );
        }
        if (!accounts.passOn(request.path, authorization, response.status, passed)) return response;
        response.discard();
      } catch (error) {
        if (!(error instanceof CredentialRefusedError)) throw error;
        if (!accounts.passOn(request.path, authorization, 401)) throw error;
        if (accounts.isNews(authorization)) {
          this.#options.log.warn(`${error.message} Another account of this upstream is used instead.`);
        }
      }
    }
  }

  /** @returns undefined where the account's budget does not allow it */
  async #spending(request: RegistryRequest, authorization: AuthSession): Promise<HttpResponse | undefined> {
    // What is asked as anybody is told, and charged, to nobody's account.
    if (request.anonymous === true) return this.#challenged(request, authorization);
    const isHead = request.method === 'HEAD' && request.resource.startsWith('manifests/');
    if (kindOf(request) !== 'manifestGets') {
      const response = await this.#challenged(request, authorization);
      if (isHead) this.#budget.note(authorization, response.headers);
      return response;
    }
    if (this.#budget.isUnknown(authorization)) await this.#probe(request, authorization);
    const spending = this.#budget.spend(authorization);
    if (spending === undefined) return undefined;
    let response: HttpResponse | undefined;
    try {
      response = await this.#challenged(request, authorization);
      return response;
    } finally {
      spending.end(response?.headers);
    }
  }

  /** A HEAD costs nothing and tells what is left. */
  async #probe(request: RegistryRequest, authorization: AuthSession): Promise<void> {
    const known = this.#probes.get(authorization);
    if (known !== undefined) return known;
    const probe = this.#askQuota(request, authorization);
    this.#probes.set(authorization, probe);
    try {
      await probe;
    } finally {
      this.#probes.delete(authorization);
    }
  }

  async #askQuota(request: RegistryRequest, authorization: AuthSession): Promise<void> {
    const response = await this.#challenged({ ...request, method: 'HEAD' }, authorization);
    this.#budget.note(authorization, response.headers);
    response.discard();
  }

  /** Answers a 401 with what it asks for, and once more if the second 401 names a scope that the first did not. */
  async #challenged(request: RegistryRequest, authorization: AuthSession): Promise<HttpResponse> {
    const space = protectionSpaceOf(request);
    let sent = await authorization.header(space);
    for (let refusals = 0; ; refusals += 1) {
      const response = await this.#carried(request, authorization, sent);
      // Another host must not choose where the password goes.
      if (response.status !== 401 || this.#elsewhere.has(response) || refusals === 2) return response;
      const asked = response.headers.get('WWW-Authenticate');
      let header: string | undefined;
      try {
        const brings = await authorization.learn(asked, space, sent, refusals > 0);
        const canHelp = brings === 'wider' || (brings === 'another' && refusals === 0);
        header = canHelp ? await authorization.header(space) : undefined;
      } catch (error) {
        response.discard();
        throw error;
      }
      if (header === undefined) return response;
      response.discard();
      sent = header;
    }
  }

  #carried(
    request: RegistryRequest,
    authorization: AuthSession,
    header: string | undefined,
  ): Promise<HttpResponse> {
    return authorization.carry(
      header,
      protectionSpaceOf(request),
      (sent) => {
        const ask = () => this.#redirected(request, sent);
        return request.timed?.(ask) ?? ask();
      },
      (answer) => {
        if (this.#elsewhere.has(answer) || answer.status < 400 || answer.status === 404) return 'accepted';
        // A refused HEAD does not settle it either, because some registries refuse every HEAD.
        if (answer.status === 401) return request.method === 'HEAD' ? 'unclear' : 'refused';
        return answer.status === 403 ? 'unclear' : undefined;
      },
    );
  }

  /**
   * Redirects are followed here, because a credential must not follow them to another host. It does not come back either
   * when that host redirects to the registry again: then the other host has chosen what is asked with the credential.
   */
  async #redirected(request: RegistryRequest, authorization: string | undefined): Promise<HttpResponse> {
    const base = new URL(this.#base);
    const kind = kindOf(request);
    this.#requests = { ...this.#requests, [kind]: this.#requests[kind] + 1 };
    let url = new URL(`/v2/${request.path}/${request.resource}`, base);
    let isElsewhere = false;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      isElsewhere ||= url.host !== base.host;
      const response = await this.#send(request, url, isElsewhere ? undefined : authorization).catch(
        (error: unknown) => {
          if (isElsewhere && error instanceof ConnectionError) this.#elsewhere.set(error, url.host);
          throw error;
        },
      );
      if (isElsewhere) this.#elsewhere.set(response, url.host);
      else this.#noteTime(response);
      const location = response.headers.get('Location');
      if (!REDIRECTS.has(response.status) || location === null) return response;
      response.discard();
      const next = URL.parse(location, url.href);
      if (
        next === null ||
        (next.protocol !== 'https:' && !(next.protocol === 'http:' && this.#options.insecure))
      ) {
        throw new RedirectError(
          `${this.nameOf(request.path)}: ${url.host} redirects to an address that is not https, so the redirect was not followed.`,
        );
      }
      url = next;
    }
    throw new RedirectError(
      `${this.nameOf(request.path)}: ${request.resource} was redirected more than ${MAX_REDIRECTS} times; the last time to ${url.host}.`,
    );
  }

  async #send(request: RegistryRequest, url: URL, authorization: string | undefined): Promise<HttpResponse> {
    return send(this.#options, url, request.method, {
      // What is compressed on the way would not have the length and the digest that its manifest gives.
      'Accept-Encoding': 'identity',
      ...request.headers,
      ...(authorization !== undefined && { Authorization: authorization }),
    });
  }

  #refusal(request: RegistryRequest, response: HttpResponse): Promise<SourceError> {
    return refusalOf(request, response, {
      upstream: this.#upstream,
      accounts: this.#accounts,
      secrets: this.#secrets,
      timeoutMs: this.#options.timeoutMs,
      elsewhere: this.#elsewhere.get(response),
    });
  }
}
