/**
 * The authentication of the tests' registry, and its token server.
 * https://distribution.github.io/distribution/spec/auth/token/
 */
import { errorAnswer, jsonAnswer, type Answer } from './corpus-answer.ts';
import type { RegistryRequest } from './registry-request.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export type Auth =
  | ({ readonly kind: 'basic' } & Credentials)
  | {
      readonly kind: 'bearer';
      /** The only user that gets a token. Without credentials everybody gets one. */
      readonly credentials?: Credentials;
      /** The lifetime of a token, in seconds. Without it the answer names none, which means 60. */
      readonly expiresIn?: number;
      /** The field of the answer that has the token. */
      readonly field?: 'token' | 'access_token';
      /** The action that a list of tags needs in place of `pull`. Azure wants `metadata_read`. */
      readonly listAction?: string;
      /** The URL of another token server. */
      readonly realm?: string;
    };

export class AuthServer {
  readonly #auth: Auth;
  readonly #scopes = new Map<string, string>();
  #issued = 0;

  constructor(auth: Auth) {
    this.#auth = auth;
  }

  /** Makes every issued token invalid. */
  revokeTokens(): void {
    this.#scopes.clear();
  }

  /** @returns a challenge, or undefined if the request is allowed */
  challenge(request: RegistryRequest): Answer | undefined {
    const auth = this.#auth;
    const authorization = request.headers.authorization;
    if (auth.kind === 'basic') {
      return authorization === basicHeader(auth) ? undefined : unauthorized('Basic realm="rogue"');
    }
    const action = request.kind === 'tags' ? (auth.listAction ?? 'pull') : 'pull';
    const scope = request.repository === '' ? '' : `repository:${request.repository}:${action}`;
    const token = authorization?.replace(/^Bearer /, '');
    const allowed = token === undefined ? undefined : this.#scopes.get(token);
    if (allowed !== undefined && (scope === '' || allowed.split(' ').includes(scope))) return undefined;
    const realm = auth.realm ?? `http://${request.host}/token`;
    const scopeText = scope === '' ? '' : `,scope="${scope}"`;
    return unauthorized(`Bearer realm="${realm}",service="rogue"${scopeText}`);
  }

  /** Answers a request to the token server. */
  token(request: RegistryRequest): Answer {
    const auth = this.#auth;
    if (auth.kind !== 'bearer') return errorAnswer(404, 'UNSUPPORTED', 'no token server');
    const { credentials, field = 'token', expiresIn } = auth;
    if (credentials !== undefined && request.headers.authorization !== basicHeader(credentials)) {
      return errorAnswer(401, 'UNAUTHORIZED', 'incorrect username or password');
    }
    this.#issued += 1;
    const token = `token-${this.#issued}`;
    this.#scopes.set(token, request.query.getAll('scope').join(' '));
    return jsonAnswer({ [field]: token, ...(expiresIn !== undefined && { expires_in: expiresIn }) });
  }
}

export function basicHeader({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function unauthorized(challenge: string): Answer {
  const answer = errorAnswer(401, 'UNAUTHORIZED', 'authentication required');
  return { ...answer, headers: { ...answer.headers, 'www-authenticate': challenge } };
}
