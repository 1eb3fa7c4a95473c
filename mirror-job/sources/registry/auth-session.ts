/**
 * One account of a registry: its answers to the registry's challenges, and the tokens that it got. Credentials go to the
 * registry and to the token realm that it names over https, and nowhere else.
 * https://distribution.github.io/distribution/spec/auth/token/ and, for identity tokens, …/auth/oauth/
 */
import { isObject, parseJson, type JsonObject } from '../../../core/json.ts';
import { SourceError } from '../../engine/source.ts';
import type { HttpResponse } from './http-client.ts';
import { BrokenBodyError, readWhole } from './body.ts';
import { parseChallenges, type Challenge } from './challenge.ts';
import { ConnectionError } from './connection-error.ts';
import { encodingNote } from './content-encoding.ts';
import { CredentialRefusedError } from './credential-refused-error.ts';
import { LoginGuard } from './login-guard.ts';
import type { CredentialProvider, Credential, IdentityToken, RegistryOptions } from './registry-options.ts';
import type { ProtectionSpace } from './registry-request.ts';
import { Scopes } from './scopes.ts';
import type { Secrets } from './secrets.ts';
import { send } from './send.ts';
import { SHORTEST_LIFETIME_SECONDS, TokenRefusals } from './token-refusals.ts';
import { THROTTLING_STATUSES, RETRYABLE_STATUSES } from './statuses.ts';

/** A token is renewed this long before it expires, because a request takes its time on the way. */
const RENEWAL_MARGIN_MS = 10_000;
/** https://www.rfc-editor.org/rfc/rfc9110#section-5.5 */
const SENDABLE = /^[\t\x20-\x7e\x80-\xff]+$/;
/** Tokens are a few kilobytes. */
const MAX_ANSWER_BYTES = 1024 * 1024;

type Bearer = Challenge & { readonly scheme: 'bearer' };

interface Token {
  readonly header: string;
  readonly expiresMs: number;
}

/** The part of the registry's options that a session needs. */
export type SessionOptions = Pick<
  RegistryOptions,
  'httpClient' | 'clock' | 'signal' | 'insecure' | 'timeoutMs'
>;

/** What a response says of the login that was sent. */
export type LoginVerdict = 'accepted' | 'refused' | 'unclear';

export class AuthSession {
  readonly #host: string;
  readonly #options: SessionOptions;
  readonly #account: CredentialProvider | undefined;
  readonly #secrets: Secrets;
  /** The challenge of the last 401. Later requests answer it at once, without another 401. */
  #challenge: Challenge | undefined;
  readonly #scopes = new Scopes();
  /** Tokens by the set of their scopes. */
  readonly #tokens = new Map<string, Promise<Token | undefined>>();
  readonly #refusals: TokenRefusals;
  #login: LoginGuard | undefined;

  /** The identity token that a realm sent to replace the configured one, which the realm may have ended. */
  #refreshed: { readonly of: string; readonly token: string } | undefined;

  /**
   * @param account undefined for requests without a credential
   * @param secrets is told every secret before it is sent
   */
  constructor(
    host: string,
    options: SessionOptions,
    account: CredentialProvider | undefined,
    secrets: Secrets,
  ) {
    this.#host = host;
    this.#options = options;
    this.#account = account;
    this.#secrets = secrets;
    this.#refusals = new TokenRefusals(options.clock);
  }

  /** The advice for a refused credential, with a space before it; empty where there is none. */
  get remedy(): string {
    const remedy = this.#account?.remedy;
    return remedy === undefined ? '' : ` ${remedy}`;
  }

  /**
   * The account's credential at this moment; undefined for callers without one.
   * @throws {SourceError} when it cannot be had
   */
  async credential(): Promise<Credential | undefined> {
    return this.#account?.();
  }

  /**
   * Sends a request with `header`. If that is the login itself, the outcome is noted, and a login that is refused is not sent
   * again and again.
   * @param judge says what a response means for the login; undefined: nothing
   * @throws {CredentialRefusedError} when the login was refused before; then nothing is sent
   */
  async guard(
    header: string | undefined,
    { name: space }: ProtectionSpace,
    sendWith: (header: string | undefined) => Promise<HttpResponse>,
    judge: (response: HttpResponse) => LoginVerdict | undefined,
  ): Promise<HttpResponse> {
    const credential = header?.startsWith('Basic ') === true ? await this.credential() : undefined;
    if (credential === undefined || isIdentityToken(credential)) return sendWith(header);
    // The outcome concerns this login, even if it is renewed meanwhile.
    const login = this.#loginOf(credential);
    const basic = this.#secrets.basic(credential);
    const sendAndNote = async (): Promise<HttpResponse> => {
      const response = await sendWith(basic);
      const verdict = judge(response);
      if (verdict === 'accepted') login.accept();
      if (verdict === 'unclear') login.deny(space);
      if (verdict === 'refused') {
        const error = new CredentialRefusedError(
          `${this.#host} answered ${response.status} to the credentials ${credential.from}.${this.remedy}`,
        );
        login.deny(space, { error, isFinal: false });
      }
      return response;
    };
    return login.attempt(space, sendAndNote, () => this.#isWrongPassword(basic));
  }

  #loginOf(credential: Credential): LoginGuard {
    const current = this.#login;
    if (current?.isOf(credential) === true) return current;
    const login = new LoginGuard(this.#host, credential, this.remedy);
    this.#login = login;
    return login;
  }

  /** Asks for a resource that belongs to no repository: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#determining-support */
  async #isWrongPassword(basic: string): Promise<boolean | undefined> {
    const url = new URL(`${this.#options.insecure ? 'http' : 'https'}://${this.#host}/v2/`);
    const answer = await send(this.#options, url, 'GET', { Authorization: basic });
    answer.discard();
    return RETRYABLE_STATUSES.has(answer.status) ? undefined : answer.status === 401;
  }

  /**
   * The header for a request; undefined before the first challenge, and without a credential or a token.
   * @throws {ConnectionError} when the token's realm cannot answer just now
   * @throws {CredentialRefusedError} when the realm refuses this account
   * @throws {SourceError} when the realm will never answer, or the credential cannot be had
   */
  async header(space: ProtectionSpace): Promise<string | undefined> {
    const challenge = this.#challenge;
    if (challenge === undefined) return undefined;
    if (challenge.scheme === 'basic') return this.#basic();
    return this.#token(challenge, this.#scopes.of(space));
  }

  /**
   * Takes note of what a 401 asks for.
   * @param header the header that was refused, if the request had one
   * @param isAnswer whether that header was fetched to answer an earlier refusal of this very request
   * @returns what a second attempt with `header()` brings: `wider` when the 401 names a scope that was not asked for yet
   * @throws {SourceError} when the credential cannot be had
   */
  async learn(
    wwwAuthenticate: string | null,
    space: ProtectionSpace,
    header: string | undefined,
    isAnswer: boolean,
  ): Promise<'nothing' | 'another' | 'wider'> {
    const [first, ...others] = parseChallenges(wwwAuthenticate ?? '');
    const isInVain = first?.scheme === 'basic' && !(await this.#hasPassword());
    const challenge = (isInVain ? others.find(({ scheme }) => scheme === 'bearer') : undefined) ?? first;
    if (challenge === undefined) return 'nothing';
    if (challenge.scheme === 'basic') {
      const basic = await this.#basic();
      if (basic === undefined || header === basic) return 'nothing';
    }
    this.#challenge = challenge;
    if (challenge.scheme === 'bearer' && this.#scopes.widen(space, challenge.scope)) return 'wider';
    const key = keyOf(this.#scopes.of(space));
    return header !== undefined && this.#refusals.isInVain(key, header, isAnswer) ? 'nothing' : 'another';
  }

  async #hasPassword(): Promise<boolean> {
    const credential = await this.credential();
    return credential !== undefined && 'password' in credential;
  }

  async #basic(): Promise<string | undefined> {
    const credential = await this.credential();
    if (credential === undefined) return undefined;
    if (!('password' in credential)) {
      throw new CredentialRefusedError(
        `${this.#host} asks for a user and a password, and the credentials ${credential.from} are an identity token.`,
      );
    }
    return this.#secrets.basic(credential);
  }

  /** Requests a token once, however many requests wait for it. */
  async #token(challenge: Bearer, scopes: readonly string[]): Promise<string | undefined> {
    const key = keyOf(scopes);
    for (let cached = this.#tokens.get(key); cached !== undefined; cached = this.#tokens.get(key)) {
      const token = await cached;
      if (token === undefined || this.#isGood(token, key)) return token?.header;
      // The first request that finds the token stale requests another, and the others wait for that one.
      if (this.#tokens.get(key) === cached) this.#tokens.delete(key);
    }
    const requested = this.#request(challenge, scopes);
    this.#tokens.set(key, requested);
    // A refusal is remembered all the same, by the login guard.
    requested.catch(() => this.#tokens.delete(key));
    const token = await requested;
    if (token !== undefined) this.#refusals.forget(key, token.header);
    return token?.header;
  }

  #isGood(token: Token, key: string): boolean {
    return (
      !this.#refusals.isRefused(key, token.header) &&
      token.expiresMs - RENEWAL_MARGIN_MS > this.#options.clock.now().getTime()
    );
  }

  /** @returns undefined when callers without credentials get no token for this: the registry itself then says no */
  async #request(challenge: Bearer, scopes: readonly string[]): Promise<Token | undefined> {
    const credential = await this.credential();
    if (credential === undefined) return this.#requestToken(challenge, scopes, undefined);
    const login = this.#loginOf(credential);
    return login.attempt(
      keyOf(scopes),
      () => this.#requestToken(challenge, scopes, { credential, login }),
      () => this.#isWrongLogin(challenge, credential),
    );
  }

  /** Whether the realm does not know the login at all: it is asked for a token without any scope. */
  async #isWrongLogin({ realm, service }: Bearer, credential: Credential): Promise<boolean | undefined> {
    const url = this.#realm(realm);
    const answer = await this.#ask(url, service, [], credential);
    if (answer.status === 200) {
      this.#keepRefreshed(parseTokens(await this.#read(answer, url.host)), credential);
      return false;
    }
    answer.discard();
    return RETRYABLE_STATUSES.has(answer.status) ? undefined : answer.status === 401 || answer.status === 403;
  }

  async #requestToken(
    { realm, service }: Bearer,
    scopes: readonly string[],
    account: { readonly credential: Credential; readonly login: LoginGuard } | undefined,
  ): Promise<Token | undefined> {
    const credential = account?.credential;
    const url = this.#realm(realm);
    const begunMs = this.#options.clock.now().getTime();
    const where = `${this.#host} asks for a token from ${url.host}, which`;
    // A redirect is not followed, because it could carry the credential to a host that the registry has not named.
    const response = await this.#ask(url, service, scopes, credential);
    const { status } = response;
    if (status !== 200) {
      response.discard();
      if (RETRYABLE_STATUSES.has(status)) {
        throw new ConnectionError(`${where} answered ${status}.`, {
          retryAfter: response.headers.get('Retry-After'),
          ...(THROTTLING_STATUSES.has(status) && { refusal: { status, by: url.host } }),
        });
      }
      if (!isRefusal(status, credential)) {
        // Some realms answer a wrong login with a status that does not say so.
        const sent = credential === undefined ? '' : ` The credentials ${credential.from} were sent.`;
        throw new SourceError(`${where} answered ${status} without a token.${sent}${sent && this.remedy}`);
      }
      if (account === undefined) return undefined;
      const error = new CredentialRefusedError(
        `${where} answered ${status} to the credentials ${account.credential.from}.${this.remedy}`,
      );
      account.login.deny(keyOf(scopes), { error, isFinal: true });
      throw error;
    }
    const body = parseTokens(await this.#read(response, where));
    const token = [body['token'], body['access_token']].find(isFilled);
    if (token === undefined)
      throw new SourceError(`${where} answered 200 without a token.${encodingNote(response)}`);
    if (!SENDABLE.test(token)) {
      throw new SourceError(
        `${where} answered 200 with a token that cannot be sent: it has characters that no header may have.`,
      );
    }
    this.#keepRefreshed(body, credential);
    account?.login.accept();
    const expiresMs = begunMs + lifetimeSecondsOf(body['expires_in']) * 1000;
    return { header: `Bearer ${this.#secrets.add(token)}`, expiresMs };
  }

  #keepRefreshed(body: JsonObject, credential: Credential | undefined): void {
    const token = body['refresh_token'];
    if (!isIdentityToken(credential) || !isFilled(token)) return;
    this.#refreshed = { of: credential.identityToken, token: this.#secrets.add(token) };
  }

  /** @throws {ConnectionError} when the body breaks off, so that the realm is asked again */
  async #read(response: HttpResponse, where: string): Promise<Uint8Array> {
    try {
      return await readWhole(response, MAX_ANSWER_BYTES, this.#options.timeoutMs, where);
    } catch (error) {
      throw error instanceof BrokenBodyError ? new ConnectionError(error.message, { cause: error }) : error;
    }
  }

  /** Sends an identity token in a body, as OAuth2 does, and a password in a header. */
  async #ask(
    realm: URL,
    service: string | undefined,
    scopes: readonly string[],
    credential: Credential | undefined,
  ): Promise<HttpResponse> {
    if (isIdentityToken(credential)) {
      const refreshed = this.#refreshed?.of === credential.identityToken ? this.#refreshed.token : undefined;
      const body = new URLSearchParams({
        grant_type: 'refresh_token',
        ...(service !== undefined && { service }),
        ...(scopes.length > 0 && { scope: scopes.join(' ') }),
        client_id: 'lifeboat',
        refresh_token: refreshed ?? this.#secrets.add(credential.identityToken),
      });
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
      return send(this.#options, realm, 'POST', headers, body.toString());
    }
    const url = new URL(realm);
    if (service !== undefined) url.searchParams.set('service', service);
    if (scopes.length > 0) url.searchParams.delete('scope');
    for (const scope of scopes) url.searchParams.append('scope', scope);
    const headers: Record<string, string> =
      credential === undefined ? {} : { Authorization: this.#secrets.basic(credential) };
    return send(this.#options, url, 'GET', headers);
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

/** Realms answer 400 ("invalid_grant") to an identity token that has ended. */
function isRefusal(status: number, credential: Credential | undefined): boolean {
  return status === 401 || status === 403 || (status === 400 && isIdentityToken(credential));
}

function isIdentityToken(credential: Credential | undefined): credential is Credential & IdentityToken {
  return credential !== undefined && 'identityToken' in credential;
}

function isFilled(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** @param expiresIn a number, which some servers write as a text */
function lifetimeSecondsOf(expiresIn: unknown): number {
  const seconds = typeof expiresIn === 'number' || isFilled(expiresIn) ? Number(expiresIn) : Number.NaN;
  return seconds > SHORTEST_LIFETIME_SECONDS ? seconds : SHORTEST_LIFETIME_SECONDS;
}

/** The same key for the same set of scopes, in any order. */
function keyOf(scopes: readonly string[]): string {
  return scopes.toSorted().join(' ');
}

function parseTokens(bytes: Uint8Array): JsonObject {
  try {
    const json = parseJson(bytes);
    return isObject(json) ? json : {};
  } catch {
    return {};
  }
}
