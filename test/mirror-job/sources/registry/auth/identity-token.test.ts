/** An identity token is an OAuth2 refresh token. It goes to the realm alone, in a body, and gets access tokens there. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseTag } from '../../../../../core/reference.ts';
import type { CredentialProvider } from '../../../../../mirror-job/sources/registry/registry-options.ts';
import { RegistrySource } from '../../../../../mirror-job/sources/registry/registry-source.ts';
import { close, listen } from '../../../../support/http-server.ts';
import {
  SERVICE,
  startTokenServer,
  type TokenServer,
  type TokenServerOptions,
} from '../../../../support/token-server.ts';
import { fakeHttpClient } from '../fake-http-client.ts';
import { registryAt, TestClock } from '../../../support/harness.ts';

const DIGEST = `sha256:${'0'.repeat(64)}`;
const USER = { username: 'user', password: 'password' };
const one = parseTag('one');

let tokens: TokenServer;
let registry: Server;
let host = '';
/** The Authorization headers that the registry got. */
let asked: (string | undefined)[] = [];
let challenge = '';

beforeEach(async () => {
  asked = [];
  registry = createServer(({ headers }, response) => {
    asked.push(headers.authorization);
    if (isGood(headers)) response.writeHead(200, { 'docker-content-digest': DIGEST }).end();
    else response.writeHead(401, { 'www-authenticate': challenge }).end();
  });
  host = `127.0.0.1:${await listen(registry)}`;
});
afterEach(async () => {
  await Promise.all([close(registry), tokens.stop()]);
});

function isGood({ authorization }: IncomingHttpHeaders): boolean {
  return tokens.issued.some((token) => authorization === `Bearer ${token}`);
}

async function start(options: Omit<TokenServerOptions, 'user'> = {}, identityToken = 'identity-1') {
  tokens = await startTokenServer({ user: USER, identityToken: 'identity-1', ...options });
  challenge = `Bearer realm="${tokens.realm}",service="${SERVICE}"`;
  const clock = new TestClock();
  const account: CredentialProvider = async () => ({ identityToken, from: 'of config.json' });
  const client = await registryAt(host, { accounts: [account], clock });
  return { clock, from: new RegistrySource(client, 'team/app') };
}

test('an identity token goes to the realm in one POST, and the registry sees only the access token', async () => {
  const { from } = await start();
  expect(await from.resolve(one)).toEqual({ digest: DIGEST });
  expect(tokens.requests).toEqual([
    {
      method: 'POST',
      parameters: {
        grant_type: 'refresh_token',
        service: SERVICE,
        scope: 'repository:team/app:pull',
        client_id: 'lifeboat',
        refresh_token: 'identity-1',
      },
    },
  ]);
  expect(asked).toEqual([undefined, `Bearer ${tokens.issued[0]}`]);
});

test('a new identity token in the response replaces the old one', async () => {
  const { from, clock } = await start({ nextIdentityToken: 'identity-2' });
  await from.resolve(one);
  clock.advance(300_000);
  expect(await from.resolve(one)).toEqual({ digest: DIGEST });
  expect(tokens.requests.map(({ parameters }) => parameters['refresh_token'])).toEqual([
    'identity-1',
    'identity-2',
  ]);
});

test('the error for an identity token that has ended says which file has the token, and does not show it', async () => {
  const { from } = await start({}, 'identity-0');
  await expect(from.resolve(one)).rejects.toThrow(
    expect.objectContaining({
      message: `${host} asks for a token from ${new URL(tokens.realm).host}, which answered 400 to the credentials of config.json.`,
    }),
  );
});

test('an identity token is not sent to a registry that wants a password', async () => {
  const { from } = await start();
  challenge = 'Basic realm="registry"';
  await expect(from.resolve(one)).rejects.toThrow(
    `${host} asks for a user and a password, and the credentials of config.json are an identity token.`,
  );
  expect(asked).toEqual([undefined]);
});

test('an identity token that its helper has renewed is sent in place of the old one', async () => {
  let identityToken = 'first';
  const sent: string[] = [];
  const client = await registryAt('registry.test', {
    accounts: [async () => ({ identityToken, from: 'of a helper' })],
    insecure: false,
    httpClient: fakeHttpClient((url, _headers, body) => {
      if (!url.includes('/token')) {
        const ask = 'Bearer realm="https://registry.test/token"';
        return new Response(null, { status: 401, headers: { 'www-authenticate': ask } });
      }
      sent.push(new URLSearchParams(body).get('refresh_token') ?? '');
      return Response.json({ token: 'x', refresh_token: `after ${identityToken}` });
    }),
  });
  const resolve = (path: string) => new RegistrySource(client, path).resolve(one).catch(() => undefined);
  await resolve('a/1');
  await resolve('a/2');
  identityToken = 'second';
  await resolve('a/3');
  // Each configured token is sent once. From then on, the realm's new token is sent.
  expect([...new Set(sent)]).toEqual(['first', 'after first', 'second', 'after second']);
});
