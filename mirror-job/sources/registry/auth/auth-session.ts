/**
 * One account of a registry: its answers to the registry's challenges, and the tokens that it got. Credentials go to the
 * registry and to the token realm that it names over https, and nowhere else.
 */
import { parseChallenges, type Challenge } from './challenge.ts';
import { CredentialRefusedError } from './credential-refused-error.ts';
import type { HttpResponse } from '../http-client.ts';
import { LoginGuard } from './login-guard.ts';
import type { Credential, CredentialProvider, IdentityToken } from '../registry-options.ts';
import type { ProtectionSpace } from '../registry-request.ts';
import { Scopes } from './scopes.ts';
import type { Secrets } from '../secrets.ts';
import { send } from '../send.ts';
import { RETRYABLE_STATUSES } from '../response/statuses.ts';
import { TokenRealm, type BearerChallenge, type SessionOptions, type Token } from './token-realm.ts';
import { TokenRefusals } from './token-refusals.ts';

/** A token is renewed this long before it expires, because a request takes its time on the way. */
const RENEWAL_MARGIN_MS = 10_000;

/** The verdict of a response on the login that was sent. */
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
  readonly #realm: TokenRealm;
  #login: LoginGuard | undefined;

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
    this.#realm = new TokenRealm(host, options, secrets);
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
    const response = await send(this.#options, url, 'GET', { Authorization: basic });
    response.discard();
    return RETRYABLE_STATUSES.has(response.status) ? undefined : response.status === 401;
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
  async #token(challenge: BearerChallenge, scopes: readonly string[]): Promise<string | undefined> {
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
  async #request(challenge: BearerChallenge, scopes: readonly string[]): Promise<Token | undefined> {
    const credential = await this.credential();
    if (credential === undefined) return this.#realm.requestToken(challenge, scopes, undefined, '');
    const login = this.#loginOf(credential);
    const key = keyOf(scopes);
    const request = async (): Promise<Token | undefined> => {
      try {
        const token = await this.#realm.requestToken(challenge, scopes, credential, this.remedy);
        login.accept();
        return token;
      } catch (error) {
        if (error instanceof CredentialRefusedError) login.deny(key, { error, isFinal: true });
        throw error;
      }
    };
    return login.attempt(key, request, () => this.#realm.isWrongLogin(challenge, credential));
  }
}

function isIdentityToken(credential: Credential): credential is Credential & IdentityToken {
  return 'identityToken' in credential;
}

/** The same key for the same set of scopes, in any order. */
function keyOf(scopes: readonly string[]): string {
  return scopes.toSorted().join(' ');
}
