/** One upstream registry: its connection, its accounts and its limits, which all images from it share. */
import { formatUpstream, hostOf, type Upstream } from '../../../core/reference.ts';
import type { Log } from '../../engine/runtime.ts';
import type { ReportingUpstream, RequestCounts, UpstreamReport } from '../../engine/source.ts';
import { FairShare } from '../../engine/support/fair-share.ts';
import { createLimit, type Limit } from '../../engine/support/limit.ts';
import { ServerClock } from '../../engine/support/server-clock.ts';
import { Accounts } from './auth/accounts.ts';
import { AuthSession } from './auth/auth-session.ts';
import { Budget } from './pace/budget.ts';
import type { HttpResponse } from './http-client.ts';
import { RequestState, compose, type Next } from './layer.ts';
import { registryLayers } from './layers.ts';
import { refusalOf } from './refusal.ts';
import { registryAddress } from './registry-address.ts';
import type { RegistryOptions } from './registry-options.ts';
import { NO_REQUESTS, type RegistryRequest } from './registry-request.ts';
import { Secrets } from './secrets.ts';
import { send } from './send.ts';

/** The whole run waits for what upstreams say of the time. */
const ASK_TIME_TIMEOUT_MS = 5000;

/** How many manifests and lists that are longer than most are read at once. */
const LARGE_AT_ONCE = 2;

export class Registry implements ReportingUpstream {
  readonly time = new ServerClock();
  /** Slots for responses that are longer than most, and read whole. */
  readonly large = new FairShare(LARGE_AT_ONCE);
  readonly #upstream: Upstream;
  readonly #address: string;
  readonly #options: RegistryOptions;
  readonly #budget: Budget;
  readonly #turn: Limit = createLimit(1);
  readonly #accounts: Accounts;
  readonly #send: Next;
  #requests: RequestCounts = NO_REQUESTS;

  constructor(upstream: Upstream, options: RegistryOptions) {
    this.#upstream = upstream;
    this.#address = registryAddress(upstream, options.insecure);
    this.#options = options;
    this.#budget = new Budget(formatUpstream(upstream), options.budget);
    const secrets = new Secrets();
    const host = hostOf(upstream);
    const anonymous = new AuthSession(host, options, undefined, secrets);
    const [first = anonymous, ...more] = options.accounts.map(
      (account) => new AuthSession(host, options, account, secrets),
    );
    const accounts = new Accounts(first, more);
    this.#accounts = accounts;
    const layers = registryLayers({
      upstream,
      options,
      accounts,
      anonymous: new Accounts(anonymous, []),
      budget: this.#budget,
      time: this.time,
      count: (kind) => {
        this.#requests = { ...this.#requests, [kind]: this.#requests[kind] + 1 };
      },
      describe: (request, response) =>
        refusalOf(request, response, { upstream, accounts, secrets, timeoutMs: options.timeoutMs }),
    });
    this.#send = compose(layers);
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
   * Runs a task that is going to request manifests. With a budget, tasks run one after the other: spread over many images at
   * once, the budget would be used up by the indexes of all of them, in each run anew, and no image would ever be whole.
   */
  async inTurn<Result>(task: () => Promise<Result>): Promise<Result> {
    return this.#budget.isLimited ? this.#turn(task) : task();
  }

  /** Sends a request without credentials, because the date of any response will do. */
  async askTime(): Promise<void> {
    if (this.time.aheadMs !== undefined) return;
    try {
      const timeoutMs = Math.min(this.#options.timeoutMs, ASK_TIME_TIMEOUT_MS);
      const url = new URL('/v2/', this.#address);
      const response = await send({ ...this.#options, timeoutMs }, url, 'GET', {});
      this.time.note(response.headers.get('Date'), response.headers.get('Age'), Date.now());
      response.discard();
    } catch {
      // The requests for images will report the failure.
    }
  }

  report(): UpstreamReport {
    return {
      name: this.name,
      requests: this.#requests,
      quotas: this.#budget.quotasOf(this.#accounts.all),
      exhausted: this.#budget.exhausted,
    };
  }

  /** The name of one of its repositories in messages. */
  nameOf(path: string): string {
    return `${this.name}/${path}`;
  }

  /**
   * Sends a request with all that it takes, as layers.ts lists it: a token, redirects, and another attempt after a failure
   * that may pass.
   * @param allow the statuses that the caller wants to see; every other one is an error. `any`: all that another attempt
   *   would not change
   * @throws {SourceError} a sentence that names the registry, the request and the response
   * @throws {SkippedError} for a manifest, when the budget is used up
   */
  async request(request: RegistryRequest, allow: readonly number[] | 'any'): Promise<HttpResponse> {
    const url = new URL(`/v2/${request.path}/${request.resource}`, this.#address);
    const { mirrorOf } = this.#options;
    if (mirrorOf !== undefined) url.searchParams.set('ns', formatUpstream(mirrorOf));
    return this.#send({ ...request, allow, state: new RequestState(), url });
  }
}
