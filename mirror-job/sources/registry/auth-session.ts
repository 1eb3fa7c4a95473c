/**
 * Meeting a registry's challenge. Credentials go to the registry and to the token realm that it names over
 * https, and nowhere else.
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
import { SHORTEST_LIFETIME, TokenRefusals } from './token-refusals.ts';
import { THROTTLING_STATUSES, RETRYABLE_STATUSES } from './statuses.ts';

/** A token is renewed so many milliseconds before it expires: a request takes its time on the way. */
const RENEWAL_MARGIN_MS = 10_000;
/** https://www.rfc-editor.org/rfc/rfc9110#section-5.5 */
const SENDABLE = /^[\t\x20-\x7e\x80-\xff]+$/;
/** Tokens are a few kilobytes. */
const MAX_ANSWER_BYTES = 1024 * 1024;

type Bearer = Challenge & { readonly scheme: 'bearer' };

interface Token {
  readonly header: string;
  readonly expires: number;
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
  /** Known from the first 401 on, so that later requests need none. */
  #challenge: Challenge | undefined;
  readonly #scopes = new Scopes();
  /** Tokens by the set of their scopes. */
  readonly #tokens = new Map<string, Promise<Token | undefined>>();
  readonly #refusals: TokenRefusals;
  #login: LoginGuard | undefined;

  /** What a realm gave in the place of the configured identity token: it may have ended the older one. */
  #refreshed: { readonly of: string; readonly token: string } | undefined;

  /** @param secrets is told every secret before it is sent */
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
   * Sends a request with `header`. Where that is the login itself, what comes of it is noted, and one that is refused is not
   * sent again and again.
   * @param tell what an answer says of the login; undefined: nothing
   * @throws {CredentialRefusedError} where it was refused before, and nothing was sent
   */
  async guard(
    header: string | undefined,
    { name: space }: ProtectionSpace,
    sendWith: (header: string | undefined) => Promise<HttpResponse>,
    tell: (answer: HttpResponse) => LoginVerdict | undefined,
  ): Promise<HttpResponse> {
    const credential = header?.startsWith('Basic ') === true ? await this.credential() : undefined;
    if (credential === undefined || isIdentityToken(credential)) return sendWith(header);
    // What is told is of this one, also if it is renewed meanwhile.
    const login = this.#loginOf(credential);
    const basic = this.#secrets.basic(credential);
    const sendAndNote = async (): Promise<HttpResponse> => {
      const answer = await sendWith(basic);
      const told = tell(answer);
      if (told === 'accepted') login.accept();
      if (told === 'unclear') login.deny(space);
      if (told === 'refused') {
        const error = new CredentialRefusedError(
          `${this.#host} answered ${answer.status} to the credentials ${credential.from}.${this.remedy}`,
        );
        login.deny(space, { error, isFinal: false });
      }
      return answer;
    };
    return login.attempt(space, sendAndNote, () => this.#isWrongPassword(basic));
  }

  #loginOf(credential: Credential): LoginGuard {
    const known = this.#login;
    if (known?.isOf(credential) === true) return known;
    const login = new LoginGuard(this.#host, credential, this.remedy);
    this.#login = login;
    return login;
  }

  /** Asked where no repository is concerned: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#determining-support */
  async #isWrongPassword(basic: string): Promise<boolean | undefined> {
    const url = new URL(`${this.#options.insecure ? 'http' : 'https'}://${this.#host}/v2/`);
    const answer = await send(this.#options, url, 'GET', { Authorization: basic });
    answer.discard();
    return RETRYABLE_STATUSES.has(answer.status) ? undefined : answer.status === 401;
  }

  /**
   * The header for a request, as far as it is known.
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
   * @param sent the header that was refused, if one was sent
   * @param isAnswer whether that header was fetched to answer an earlier refusal of this very request
   * @returns what a second try with `header` brings: `wider` when the 401 names a scope that was not asked for yet
   * @throws {SourceError} when the credential cannot be had
   */
  async learn(
    wwwAuthenticate: string | null,
    space: ProtectionSpace,
    sent: string | undefined,
    isAnswer: boolean,
  ): Promise<'nothing' | 'another' | 'wider'> {
    const [first, ...others] = parseChallenges(wwwAuthenticate ?? '');
    const isInVain = first?.scheme === 'basic' && !(await this.#hasPassword());
    const challenge = (isInVain ? others.find(({ scheme }) => scheme === 'bearer') : undefined) ?? first;
    if (challenge === undefined) return 'nothing';
    if (challenge.scheme === 'basic') {
      const basic = await this.#basic();
      if (basic === undefined || sent === basic) return 'nothing';
    }
    this.#challenge = challenge;
    if (challenge.scheme === 'bearer' && this.#scopes.widen(space, challenge.scope)) return 'wider';
    const key = keyOf(this.#scopes.of(space));
    return sent !== undefined && this.#refusals.isInVain(key, sent, isAnswer) ? 'nothing' : 'another';
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

  /** One request for a token however many requests wait for it. */
  async #token(challenge: Bearer, scopes: readonly string[]): Promise<string | undefined> {
    const key = keyOf(scopes);
    for (let known = this.#tokens.get(key); known !== undefined; known = this.#tokens.get(key)) {
      const token = await known;
      if (token === undefined || this.#isGood(token, key)) return token?.header;
      // Whoever finds it stale first asks for another, and the rest wait for that one.
      if (this.#tokens.get(key) === known) this.#tokens.delete(key);
    }
    const requested = this.#request(challenge, scopes);
    this.#tokens.set(key, requested);
    // A refusal stands all the same: the login knows where it was refused.
    requested.catch(() => this.#tokens.delete(key));
    const token = await requested;
    if (token !== undefined) this.#refusals.forget(key, token.header);
    return token?.header;
  }

  #isGood(token: Token, key: string): boolean {
    return (
      !this.#refusals.isRefused(key, token.header) &&
      token.expires - RENEWAL_MARGIN_MS > this.#options.clock.now().getTime()
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

  /** Asked for a token that is good for nothing: whether the realm knows the login at all. */
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
    const begun = this.#options.clock.now().getTime();
    const where = `${this.#host} asks for a token from ${url.host}, which`;
    // A redirect is not followed: it could carry the credential to a host that the registry has not named.
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
    const expires = begun + lifetimeOf(body['expires_in']) * 1000;
    return { header: `Bearer ${this.#secrets.add(token)}`, expires };
  }

  #keepRefreshed(body: JsonObject, credential: Credential | undefined): void {
    const token = body['refresh_token'];
    if (!isIdentityToken(credential) || !isFilled(token)) return;
    this.#refreshed = { of: credential.identityToken, token: this.#secrets.add(token) };
  }

  /** @throws {ConnectionError} when it breaks off: the realm is asked again */
  async #read(response: HttpResponse, where: string): Promise<Uint8Array> {
    try {
      return await readWhole(response, MAX_ANSWER_BYTES, this.#options.timeoutMs, where);
    } catch (error) {
      throw error instanceof BrokenBodyError ? new ConnectionError(error.message, { cause: error }) : error;
    }
  }

  /** An identity token goes into a body, as OAuth2 has it; a password, or nothing, into a header. */
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

/** An identity token that has ended is an "invalid_grant", which is a 400. */
function isRefusal(status: number, credential: Credential | undefined): boolean {
  return status === 401 || status === 403 || (status === 400 && isIdentityToken(credential));
}

function isIdentityToken(credential: Credential | undefined): credential is Credential & IdentityToken {
  return credential !== undefined && 'identityToken' in credential;
}

function isFilled(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/**
 * @param told a number, which some servers write as a text
 * @returns seconds
 */
function lifetimeOf(told: unknown): number {
  const seconds = typeof told === 'number' || isFilled(told) ? Number(told) : Number.NaN;
  return seconds > SHORTEST_LIFETIME ? seconds : SHORTEST_LIFETIME;
}

/** The key is the same for the same set of scopes, in any order. */
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
