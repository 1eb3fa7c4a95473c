/**
 * Runs a token server that real registries accept.
 * https://distribution.github.io/distribution/spec/auth/jwt/ and …/auth/oauth/
 */
import { randomUUID, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { makeCertificate } from './certificate.ts';
import { close, listen } from './http-server.ts';
import { basicHeader, type Credentials } from './registry-auth.ts';

export const ISSUER = 'a token server of the tests';
export const SERVICE = 'a registry of the tests';

export interface TokenServerOptions {
  /** The user that gets tokens by password. */
  readonly user: Credentials;
  /** The identity token that also gets tokens. */
  readonly identityToken?: string;
  /** A new identity token, which is sent with each access token. */
  readonly nextIdentityToken?: string;
}

export interface TokenServer {
  /** The realm that registries name in their challenges. */
  readonly realm: string;
  /** The certificate with which registries verify tokens, in PEM. */
  readonly certificate: string;
  /** All requests in their order, each with its method and parameters. */
  readonly requests: { readonly method: string; readonly parameters: Record<string, string> }[];
  readonly issued: readonly string[];
  /** Sets the lifetime of later tokens, in seconds. A negative one makes tokens that have expired. */
  endIn(seconds: number): void;
  /** Issues a token without a request. */
  issue(repository: string, ...actions: readonly string[]): string;
  stop(): Promise<void>;
}

export async function startTokenServer(options: TokenServerOptions): Promise<TokenServer> {
  const { privateKey, der, pem } = makeCertificate('token-server.test');
  const requests: TokenServer['requests'] = [];
  const issued: string[] = [];
  const state = { life: 300, identityToken: options.identityToken };

  const issue = (repository: string, ...actions: readonly string[]): string => {
    const now = Math.floor(Date.now() / 1000);
    const token = signed({
      iss: ISSUER,
      sub: options.user.username,
      aud: SERVICE,
      exp: now + state.life,
      nbf: now - 600,
      iat: now - 600,
      jti: randomUUID(),
      access: [{ type: 'repository', name: repository, actions }],
    });
    issued.push(token);
    return token;
  };
  const signed = (claims: object): string => {
    const header = { typ: 'JWT', alg: 'ES256', x5c: [der.toString('base64')] };
    const content = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
    const key = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const;
    return [...content, sign('sha256', Buffer.from(content.join('.')), key).toString('base64url')].join('.');
  };

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const method = incoming.method ?? '';
    const query = new URL(incoming.url ?? '', 'http://token-server.test').searchParams;
    const parameters = Object.fromEntries(
      method === 'POST' ? new URLSearchParams(await text(incoming)) : query,
    );
    requests.push({ method, parameters });
    const isKnown =
      method === 'POST'
        ? state.identityToken !== undefined && parameters['refresh_token'] === state.identityToken
        : incoming.headers.authorization === basicHeader(options.user);
    if (!isKnown) {
      // RFC 6749 has this error for an invalid or expired refresh token.
      const [status, error] = method === 'POST' ? [400, 'invalid_grant'] : [401, 'unauthorized'];
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
      return;
    }
    const [, repository = ''] = /^repository:(.+):pull$/.exec(parameters['scope'] ?? '') ?? [];
    const token = issue(repository, 'pull');
    const next = method === 'POST' ? options.nextIdentityToken : undefined;
    if (next !== undefined) state.identityToken = next;
    const answer = {
      [method === 'POST' ? 'access_token' : 'token']: token,
      // The answer names a longer lifetime than the token has, as when the clocks of registry and token server differ.
      expires_in: Math.max(300, state.life),
      ...(next !== undefined && { refresh_token: next }),
    };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  };
  const server = createServer((incoming, response) => {
    handle(incoming, response).catch(() => response.destroy());
  });
  const port = await listen(server);
  return {
    realm: `http://127.0.0.1:${port}/token`,
    certificate: pem,
    requests,
    issued,
    endIn: (seconds) => {
      state.life = seconds;
    },
    issue,
    stop: async () => close(server),
  };
}
