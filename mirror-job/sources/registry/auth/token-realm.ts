/**
 * The token servers that a registry's challenges name (their "realm").
 * https://distribution.github.io/distribution/spec/auth/token/ and, for identity tokens, …/auth/oauth/
 */
import { isObject, parseJson, type JsonObject } from '../../../../core/json.ts';
import { SourceError } from '../../../engine/source.ts';
import { BrokenBodyError, readWhole } from '../response/body.ts';
import type { Challenge } from './challenge.ts';
import { ConnectionError } from '../response/connection-error.ts';
import { encodingNote } from '../response/content-encoding.ts';
import { CredentialRefusedError } from './credential-refused-error.ts';
import type { HttpResponse } from '../http-client.ts';
import type { Credential, IdentityToken, RegistryOptions } from '../registry-options.ts';
import type { Secrets } from '../secrets.ts';
import { send } from '../send.ts';
import { RETRYABLE_STATUSES, THROTTLING_STATUSES } from '../response/statuses.ts';
import { SHORTEST_LIFETIME_SECONDS } from './token-refusals.ts';

/** https://www.rfc-editor.org/rfc/rfc9110#section-5.5 */
const SENDABLE = /^[\t\x20-\x7e\x80-\xff]+$/;
/** Tokens are a few kilobytes. */
const MAX_ANSWER_BYTES = 1024 * 1024;

export type BearerChallenge = Challenge & { readonly scheme: 'bearer' };

export interface Token {
  readonly header: string;
  /** By the job's clock. */
  readonly expiresMs: number;
}

/** The part of the registry's options that requests for tokens need. */
export type SessionOptions = Pick<
  RegistryOptions,
  'httpClient' | 'clock' | 'signal' | 'insecure' | 'timeoutMs'
>;

export class TokenRealm {
  readonly #host: string;
  readonly #options: SessionOptions;
  readonly #secrets: Secrets;
  /** The identity token that a realm sent to replace the configured one, which the realm may have ended. */
  #replacement: { readonly of: string; readonly token: string } | undefined;

  /**
   * @param host the registry
   * @param secrets is told every secret before it is sent
   */
  constructor(host: string, options: SessionOptions, secrets: Secrets) {
    this.#host = host;
    this.#options = options;
    this.#secrets = secrets;
  }

  /**
   * @param credential undefined for callers without one
   * @param remedy the advice for a refused credential, with a space before it
   * @returns undefined when the realm refuses a caller without credentials
   * @throws {CredentialRefusedError} when the realm refuses the credential
   * @throws {ConnectionError} when the realm cannot answer just now
   * @throws {SourceError} when the realm answers without a token that can be used
   */
  async requestToken(
    { realm, service }: BearerChallenge,
    scopes: readonly string[],
    credential: Credential | undefined,
    remedy: string,
  ): Promise<Token | undefined> {
    const url = this.#urlOf(realm);
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
        throw new SourceError(`${where} answered ${status} without a token.${sent}${sent && remedy}`);
      }
      if (credential === undefined) return undefined;
      throw new CredentialRefusedError(
        `${where} answered ${status} to the credentials ${credential.from}.${remedy}`,
      );
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
    this.#storeReplacement(body, credential);
    const expiresMs = begunMs + lifetimeSecondsOf(body['expires_in']) * 1000;
    return { header: `Bearer ${this.#secrets.add(token)}`, expiresMs };
  }

  /**
   * Whether the realm does not know the login at all: it is asked for a token without any scope. Undefined when it cannot tell
   * just now.
   */
  async isWrongLogin(
    { realm, service }: BearerChallenge,
    credential: Credential,
  ): Promise<boolean | undefined> {
    const url = this.#urlOf(realm);
    const response = await this.#ask(url, service, [], credential);
    if (response.status === 200) {
      this.#storeReplacement(parseTokens(await this.#read(response, url.host)), credential);
      return false;
    }
    response.discard();
    return RETRYABLE_STATUSES.has(response.status)
      ? undefined
      : response.status === 401 || response.status === 403;
  }

  #storeReplacement(body: JsonObject, credential: Credential | undefined): void {
    const token = body['refresh_token'];
    if (!isIdentityToken(credential) || !isFilled(token)) return;
    this.#replacement = { of: credential.identityToken, token: this.#secrets.add(token) };
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
      const replacement =
        this.#replacement?.of === credential.identityToken ? this.#replacement.token : undefined;
      const body = new URLSearchParams({
        grant_type: 'refresh_token',
        ...(service !== undefined && { service }),
        ...(scopes.length > 0 && { scope: scopes.join(' ') }),
        client_id: 'lifeboat',
        refresh_token: replacement ?? this.#secrets.add(credential.identityToken),
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

  /** @throws {SourceError} for an address to which no credential may go */
  #urlOf(text: string): URL {
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

function parseTokens(bytes: Uint8Array): JsonObject {
  try {
    const json = parseJson(bytes);
    return isObject(json) ? json : {};
  } catch {
    return {};
  }
}
