/**
 * Meeting a registry's challenge. Credentials go to the registry and to the token realm that it names over
 * https, and nowhere else.
 * https://distribution.github.io/distribution/spec/auth/token/
 */
import { toBase64 } from '../../core/base64.ts';
import { isObject } from '../../core/json.ts';
import { SourceError } from '../engine/source.ts';
import { parseChallenge, type Challenge } from './challenge.ts';
import type { Credential, RegistryOptions } from './registry-options.ts';

/** By the specification, a token that does not say how long it lives does so for 60 seconds. */
const DEFAULT_LIFETIME = 60;
/** A token is renewed so many milliseconds before it expires: a request takes its time on the way. */
const MARGIN = 10_000;

interface Token {
  readonly header: string;
  readonly expires: number;
}

export class Authorization {
  readonly #host: string;
  readonly #options: Pick<RegistryOptions, 'fetch' | 'clock' | 'insecure'>;
  readonly #credential: Credential | undefined;
  /** Known from the first 401 on, so that later requests need none. */
  #challenge: Challenge | undefined;
  readonly #tokens = new Map<string, Promise<Token>>();

  constructor(
    host: string,
    options: Pick<RegistryOptions, 'fetch' | 'clock' | 'insecure'>,
    credential: Credential | undefined,
  ) {
    this.#host = host;
    this.#options = options;
    this.#credential = credential;
  }

  get hasCredential(): boolean {
    return this.#credential !== undefined;
  }

  /** The header for a request that pulls from `path`, as far as is known. @throws {SourceError} */
  async header(path: string, signal: AbortSignal): Promise<string | undefined> {
    const challenge = this.#challenge;
    if (challenge === undefined) return undefined;
    if (challenge.scheme === 'basic') return this.#basic();
    return this.#token(challenge, `repository:${path}:pull`, signal);
  }

  /**
   * Takes note of what a 401 asks for.
   * @returns whether asking again with `header` can help
   */
  learn(wwwAuthenticate: string | null, path: string): boolean {
    const challenge = wwwAuthenticate === null ? undefined : parseChallenge(wwwAuthenticate);
    if (challenge === undefined) return false;
    if (challenge.scheme === 'basic' && this.#credential === undefined) return false;
    this.#challenge = challenge;
    // The token that was sent, if any, is no longer good.
    if (challenge.scheme === 'bearer') this.#tokens.delete(`repository:${path}:pull`);
    return true;
  }

  #basic(): string | undefined {
    if (this.#credential === undefined) return undefined;
    const { username, password } = this.#credential;
    return `Basic ${toBase64(new TextEncoder().encode(`${username}:${password}`))}`;
  }

  async #token(
    challenge: Challenge & { scheme: 'bearer' },
    scope: string,
    signal: AbortSignal,
  ): Promise<string> {
    const cached = this.#tokens.get(scope);
    if (cached !== undefined) {
      const token = await cached;
      if (token.expires - MARGIN > this.#options.clock.now().getTime()) return token.header;
    }
    const requested = this.#request(challenge, scope, signal);
    this.#tokens.set(scope, requested);
    requested.catch(() => this.#tokens.delete(scope));
    return (await requested).header;
  }

  async #request(
    challenge: Challenge & { scheme: 'bearer' },
    scope: string,
    signal: AbortSignal,
  ): Promise<Token> {
    const url = this.#realm(challenge.realm);
    if (challenge.service !== undefined) url.searchParams.set('service', challenge.service);
    url.searchParams.set('scope', scope);
    const basic = this.#basic();
    const { fetch, clock } = this.#options;
    const begun = clock.now().getTime();
    let response: Response;
    try {
      response = await fetch(url.href, {
        method: 'GET',
        // A redirect could carry the credential to a host that the registry has not named.
        redirect: 'manual',
        signal,
        headers: basic === undefined ? {} : { Authorization: basic },
      });
    } catch (error) {
      signal.throwIfAborted();
      throw new SourceError(`${this.#host} asks for a token from ${url.host}, which does not answer.`, {
        cause: error,
      });
    }
    const body: unknown = await response.json().catch(() => undefined);
    const token = isObject(body) ? (body['token'] ?? body['access_token']) : undefined;
    if (response.status !== 200 || !isObject(body) || typeof token !== 'string') {
      throw new SourceError(
        `${this.#host} asks for a token from ${url.host}, which answered ${response.status}${response.status === 401 || response.status === 403 ? ' to the credentials configured for this upstream' : ' without one'}.`,
      );
    }
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
