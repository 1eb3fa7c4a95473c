/**
 * Meeting a registry's challenge. Credentials go to the registry and to the token realm that it names over
 * https, and nowhere else.
 * https://distribution.github.io/distribution/spec/auth/token/
 */
import { toBase64 } from '../../core/base64.ts';
import { isObject, parseJson, type JsonObject } from '../../core/json.ts';
import { SourceError } from '../engine/source.ts';
import { discard, readWhole } from './body.ts';
import { parseChallenge, type Challenge } from './challenge.ts';
import { ConnectionError } from './connection-error.ts';
import { RETRIED, type Credential, type RegistryOptions } from './registry-options.ts';
import { send } from './send.ts';

/** By the specification, a token that does not say how long it lives does so for 60 seconds. */
const DEFAULT_LIFETIME = 60;
/** A token is renewed so many milliseconds before it expires: a request takes its time on the way. */
const MARGIN = 10_000;
/** Tokens are a few kilobytes. */
const MAX_ANSWER = 1024 * 1024;

type Bearer = Challenge & { readonly scheme: 'bearer' };

interface Token {
  readonly header: string;
  readonly expires: number;
}

export class Authorization {
  readonly #host: string;
  readonly #options: RegistryOptions;
  readonly #credential: Credential | undefined;
  /** Known from the first 401 on, so that later requests need none. */
  #challenge: Challenge | undefined;
  readonly #tokens = new Map<string, Promise<Token | undefined>>();
  /** By scope: the header that a registry has answered with 401, whatever its lifetime said. */
  readonly #refused = new Map<string, string>();

  constructor(host: string, options: RegistryOptions, credential: Credential | undefined) {
    this.#host = host;
    this.#options = options;
    this.#credential = credential;
  }

  get hasCredential(): boolean {
    return this.#credential !== undefined;
  }

  /**
   * The header for a request that pulls from `path`, as far as is known.
   * @throws {ConnectionError} when the token's realm cannot answer just now
   * @throws {SourceError} when it never will
   */
  async header(path: string): Promise<string | undefined> {
    const challenge = this.#challenge;
    if (challenge === undefined) return undefined;
    if (challenge.scheme === 'basic') return this.#basic();
    return this.#token(challenge, scopeOf(path));
  }

  /**
   * Takes note of what a 401 asks for.
   * @param sent the header that was refused, if one was sent
   * @returns whether asking again with `header` can help
   */
  learn(wwwAuthenticate: string | null, path: string, sent: string | undefined): boolean {
    const challenge = wwwAuthenticate === null ? undefined : parseChallenge(wwwAuthenticate);
    if (challenge === undefined) return false;
    if (challenge.scheme === 'basic' && (this.#credential === undefined || sent === this.#basic())) {
      return false;
    }
    this.#challenge = challenge;
    if (sent !== undefined) this.#refused.set(scopeOf(path), sent);
    return true;
  }

  #basic(): string | undefined {
    if (this.#credential === undefined) return undefined;
    const { username, password } = this.#credential;
    return `Basic ${toBase64(new TextEncoder().encode(`${username}:${password}`))}`;
  }

  /** One request for a token however many requests wait for it. */
  async #token(challenge: Bearer, scope: string): Promise<string | undefined> {
    for (let known = this.#tokens.get(scope); known !== undefined; known = this.#tokens.get(scope)) {
      const token = await known;
      if (token === undefined || this.#isGood(token, scope)) return token?.header;
      // Whoever finds it stale first asks for another, and the rest wait for that one.
      if (this.#tokens.get(scope) === known) this.#tokens.delete(scope);
    }
    const requested = this.#request(challenge, scope);
    this.#tokens.set(scope, requested);
    requested.catch(() => this.#tokens.delete(scope));
    return (await requested)?.header;
  }
  #isGood(token: Token, scope: string): boolean {
    return (
      token.header !== this.#refused.get(scope) &&
      token.expires - MARGIN > this.#options.clock.now().getTime()
    );
  }

  /** @returns undefined when callers without credentials get no token for this: the registry itself then says no */
  async #request(challenge: Bearer, scope: string): Promise<Token | undefined> {
    const url = this.#realm(challenge.realm);
    if (challenge.service !== undefined) url.searchParams.set('service', challenge.service);
    url.searchParams.set('scope', scope);
    const basic = this.#basic();
    const begun = this.#options.clock.now().getTime();
    const where = `${this.#host} asks for a token from ${url.host}, which`;
    const headers = basic === undefined ? {} : { Authorization: basic };
    // A redirect is not followed: it could carry the credential to a host that the registry has not named.
    const response = await send(this.#options, url, 'GET', headers);
    const { status } = response;
    if (status !== 200) {
      discard(response);
      if (RETRIED.has(status)) {
        throw new ConnectionError(`${where} answered ${status}.`, {
          retryAfter: response.headers.get('Retry-After'),
        });
      }
      if (status !== 401 && status !== 403) {
        throw new SourceError(`${where} answered ${status} without one.`);
      }
      if (basic === undefined) return undefined;
      throw new SourceError(`${where} answered ${status} to the credentials configured for this upstream.`);
    }
    const body = parseTokens(await readWhole(response, MAX_ANSWER, this.#options.timeout, where));
    const token = body['token'] ?? body['access_token'];
    if (typeof token !== 'string') throw new SourceError(`${where} answered 200 without one.`);
    const lifetime = typeof body['expires_in'] === 'number' ? body['expires_in'] : DEFAULT_LIFETIME;
    return { header: `Bearer ${token}`, expires: begun + lifetime * 1000 };
  }

  #realm(text: string): URL {
    const url = URL.parse(text);
    if (
      url === null ||
      (url.protocol !== 'https:' && !(url.protocol === 'http:' && this.#options.insecure))
    ) {
      throw new SourceError(
        `${this.#host} asks for a token from "${text.slice(0, 200)}", which is not an https address. Nothing was sent there.`,
      );
    }
    return url;
  }
}

function scopeOf(path: string): string {
  return `repository:${path}:pull`;
}

function parseTokens(bytes: Uint8Array): JsonObject {
  try {
    const json = parseJson(bytes);
    return isObject(json) ? json : {};
  } catch {
    return {};
  }
}
