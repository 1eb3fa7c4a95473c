/** One upstream registry: its connection, its authorization and its manners, shared by all images from it. */
import { isObject, parseJson } from '../../core/json.ts';
import { hostOf, type Upstream } from '../../core/reference.ts';
import { createLimit, type Limit } from '../engine/limit.ts';
import { SourceError } from '../engine/source.ts';
import { Accounts } from './accounts.ts';
import { Authorization } from './authorization.ts';
import { discard, readWhole } from './body.ts';
import { ConnectionError } from './connection-error.ts';
import { CredentialRefusedError } from './credential-refused-error.ts';
import { GIVE_UP_AFTER, MAX_REQUESTS, RETRIED, type RegistryOptions } from './registry-options.ts';
import { Secrets } from './secrets.ts';
import { send } from './send.ts';

/** More than any registry needs: to its storage, and that one's own. */
const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** An error's body is read for its message only. */
const MAX_ERROR_BODY = 64 * 1024;

export interface RegistryRequest {
  readonly method: 'GET' | 'HEAD';
  /** The name within the registry, which is also the scope of the token. */
  readonly path: string;
  /** After `/v2/<path>/`, with its query. */
  readonly resource: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Asks as a caller without credentials would. */
  readonly anonymous?: boolean;
}

export class Registry {
  readonly #upstream: Upstream;
  readonly #base: string;
  readonly #options: RegistryOptions;
  readonly #limit: Limit = createLimit(MAX_REQUESTS);
  readonly #secrets = new Secrets();
  readonly #accounts: Accounts;
  readonly #anonymous: Accounts;
  #failures = 0;
  #first: Promise<void> | undefined;

  constructor(upstream: Upstream, options: RegistryOptions) {
    this.#upstream = upstream;
    const host = hostOf(upstream);
    this.#base = `${options.insecure ? 'http' : 'https'}://${host}`;
    this.#options = options;
    const anonymous = new Authorization(host, options, undefined, this.#secrets);
    const [first = anonymous, ...more] = options.accounts.map(
      (account) => new Authorization(host, options, account, this.#secrets),
    );
    this.#accounts = new Accounts(first, more);
    this.#anonymous = new Accounts(anonymous, []);
  }

  get timeout(): number {
    return this.#options.timeout;
  }

  /**
   * Whether requests may carry a credential, so that what they see may be hidden from others.
   * @throws {SourceError} when it cannot be told, because the credential cannot be had
   */
  async isAuthenticated(): Promise<boolean> {
    return this.#accounts.haveCredential();
  }

  /** How messages call a repository of it. */
  nameOf(path: string): string {
    return `${formatUpstream(this.#upstream)}/${path}`;
  }

  /**
   * Sends a request, with whatever it takes: a token, redirects, and another try for what is worth one.
   * @param allow the statuses that the caller wants to see; each other one is an error
   * @throws {SourceError} a sentence that names the registry, what was asked and what was answered
   */
  async request(request: RegistryRequest, allow: readonly number[]): Promise<Response> {
    const { signal, clock, retry } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      signal.throwIfAborted();
      this.#refuseGivenUp();
      let failure: unknown;
      try {
        const response = await this.#limit(() => this.#afterFirst(() => this.#authorized(request)));
        if (allow.includes(response.status)) {
          this.#failures = 0;
          return response;
        }
        failure = await this.#refusal(request, response);
        if (!RETRIED.has(response.status)) {
          this.#failures = 0;
          throw failure;
        }
        if (attempt < retry.attempts) {
          await clock.sleep(delayBefore(attempt, response.headers.get('Retry-After'), this.#options), signal);
          continue;
        }
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ConnectionError)) throw error;
        failure = new SourceError(`${this.nameOf(request.path)}: ${error.message}`, { cause: error.cause });
        if (attempt < retry.attempts) {
          await clock.sleep(delayBefore(attempt, error.retryAfter, this.#options), signal);
          continue;
        }
      }
      this.#failures += 1;
      throw failure;
    }
  }

  #refuseGivenUp(): void {
    if (this.#failures < GIVE_UP_AFTER) return;
    throw new SourceError(
      `${this.#base} failed ${this.#failures} requests in a row, each tried several times; it is not asked again in this run.`,
    );
  }

  /** The first request goes alone: the challenge that it may meet spares all the others a refusal. */
  async #afterFirst(task: () => Promise<Response>): Promise<Response> {
    if (this.#first === undefined) {
      const first = task();
      this.#first = first.then(
        () => undefined,
        () => undefined,
      );
      return first;
    }
    await this.#first;
    return task();
  }

  /** Asks with the account whose turn it is, and with the next one where that can help. */
  async #authorized(request: RegistryRequest): Promise<Response> {
    const accounts = request.anonymous === true ? this.#anonymous : this.#accounts;
    for (;;) {
      const authorization = accounts.turn(request.path);
      try {
        const response = await this.#challenged(request, authorization);
        if (!accounts.passOn(request.path, authorization, response.status)) return response;
        discard(response);
      } catch (error) {
        if (!(error instanceof CredentialRefusedError)) throw error;
        if (!accounts.passOn(request.path, authorization, 401)) throw error;
        if (accounts.isNews(authorization)) {
          this.#options.log.warn(`${error.message} Another account of this upstream is used instead.`);
        }
      }
    }
  }

  async #challenged(request: RegistryRequest, authorization: Authorization): Promise<Response> {
    const sent = await authorization.header(request.path);
    const response = await this.#redirected(request, sent);
    if (response.status !== 401) return response;
    const asked = response.headers.get('WWW-Authenticate');
    if (!(await authorization.learn(asked, request.path, sent))) return response;
    const header = await authorization.header(request.path);
    if (header === undefined) return response;
    discard(response);
    return this.#redirected(request, header);
  }

  /** Redirects are followed here, because a credential must not follow them to another host. */
  async #redirected(request: RegistryRequest, authorization: string | undefined): Promise<Response> {
    const base = new URL(this.#base);
    let url = new URL(`/v2/${request.path}/${request.resource}`, base);
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      const response = await this.#send(request, url, url.host === base.host ? authorization : undefined);
      const location = response.headers.get('Location');
      if (!REDIRECTS.has(response.status) || location === null) return response;
      discard(response);
      const next = URL.parse(location, url.href);
      if (
        next === null ||
        (next.protocol !== 'https:' && !(next.protocol === 'http:' && this.#options.insecure))
      ) {
        throw new SourceError(
          `${this.nameOf(request.path)}: ${url.host} redirects to what is no https address; it was not followed.`,
        );
      }
      url = next;
    }
    throw new SourceError(
      `${this.nameOf(request.path)}: ${request.resource} was redirected more than ${MAX_REDIRECTS} times; the last time to ${url.host}.`,
    );
  }

  async #send(request: RegistryRequest, url: URL, authorization: string | undefined): Promise<Response> {
    return send(this.#options, url, request.method, {
      // What is compressed on the way would not have the length and the digest that its manifest gives.
      'Accept-Encoding': 'identity',
      ...request.headers,
      ...(authorization !== undefined && { Authorization: authorization }),
    });
  }

  async #refusal(request: RegistryRequest, response: Response): Promise<SourceError> {
    const where = `${this.nameOf(request.path)}: the registry answered ${response.status} to ${request.method} ${request.resource}`;
    const said =
      request.method === 'HEAD'
        ? undefined
        : await messageOf(response, this.#options.timeout, (text) => this.#secrets.hide(text));
    if (request.method === 'HEAD') discard(response);
    const hint =
      response.status === 401 || response.status === 403
        ? await this.#whoIsNotAllowed(request)
        : response.status === 429
          ? ' Its rate limit is reached; later runs go on where this one stopped.'
          : '';
    return new SourceError(`${where}${said === undefined ? '.' : `: ${said}`}${hint}`);
  }

  async #whoIsNotAllowed({ path }: RegistryRequest): Promise<string> {
    if (this.#accounts.count > 1) return ' None of the accounts of this upstream is allowed it.';
    const credential = await this.#accounts.turn(path).credential();
    return credential === undefined
      ? ` If the image is private, configure upstreams["${formatUpstream(this.#upstream)}"].credentials.`
      : ` The credentials ${credential.from} do not allow it.`;
  }
}

/** The registry's own words, where it has any: one line, no longer than a sentence. */
async function messageOf(
  response: Response,
  timeout: number,
  hide: (text: string) => string,
): Promise<string | undefined> {
  try {
    const json = parseJson(await readWhole(response, MAX_ERROR_BODY, timeout, 'the error'));
    const errors: unknown = isObject(json) ? json['errors'] : undefined;
    const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
    const message = isObject(first) ? (first['message'] ?? first['code']) : undefined;
    return typeof message === 'string' && message !== ''
      ? `"${hide(message)
          .replaceAll(/[\s\p{Cc}]+/gu, ' ')
          .slice(0, 200)}".`
      : undefined;
  } catch {
    return undefined;
  }
}

/** Milliseconds: what the registry asks for, else twice as long each time; with jitter, so that runs spread. */
function delayBefore(attempt: number, retryAfter: string | null, options: RegistryOptions): number {
  const { delay, maxDelay } = options.retry;
  const asked = retryAfter === null ? undefined : parseRetryAfter(retryAfter, options.clock.now());
  const wait = asked ?? delay * 2 ** (attempt - 1) * (0.75 + Math.random() / 2);
  return Math.min(wait, maxDelay);
}

/** Seconds, or a date. https://www.rfc-editor.org/rfc/rfc9110#name-retry-after */
function parseRetryAfter(text: string, now: Date): number | undefined {
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now.getTime());
}

function formatUpstream(upstream: Upstream): string {
  return upstream.replace(/_(\d+)$/, ':$1');
}
