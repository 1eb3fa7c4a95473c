/** Credentials go to the registry and to the realm that it names. Tokens are requested as seldom as possible. */
import { expect, test } from 'vitest';
import { parseDigest } from '../../../../../core/digest.ts';
import { parseTag } from '../../../../../core/reference.ts';
import type {
  CredentialProvider,
  RegistryOptions,
} from '../../../../../mirror-job/sources/registry/registry-options.ts';
import { RegistrySource } from '../../../../../mirror-job/sources/registry/registry-source.ts';
import { digestOfBlob } from '../../../../support/content.ts';
import type { Misbehaviour } from '../../../../support/misbehaviour.ts';
import type { RogueRegistry } from '../../../../support/rogue-registry.ts';
import { fakeHttpClient } from '../fake-http-client.ts';
import { registryAt, sourceAt, TestClock } from '../../../support/harness.ts';
import { account, basic, credential, image, layer, one, startPrivate } from '../private-registry.ts';

async function source(registry: RogueRegistry, options: Partial<RegistryOptions> = {}, path = 'team/app') {
  return sourceAt(registry.host, path, options);
}

/** `<method> <kind> <Authorization>` of each request, in order. */
function asked(registry: RogueRegistry): string[] {
  return registry.requests.map(
    ({ method, kind, headers }) => `${method} ${kind} ${headers.authorization ?? '-'}`,
  );
}

test('Basic: after one refusal, each request has the credentials', async () => {
  const registry = await startPrivate({ kind: 'basic', ...credential });
  const from = await source(registry, { accounts: [account] });
  await from.resolve(one);
  await from.resolve(one);
  expect(asked(registry)).toEqual(['HEAD manifest -', `HEAD manifest ${basic}`, `HEAD manifest ${basic}`]);
});

test('Basic: credentials that are refused are not sent again, and the error says whose they are', async () => {
  const registry = await startPrivate({ kind: 'basic', username: 'user', password: 'another' });
  const from = await source(registry, { accounts: [account] });
  await expect(from.manifest(one)).rejects.toThrow(
    `${registry.host}/team/app: the registry answered 401 to GET manifests/one: "authentication required". The credentials configured for this upstream do not allow this request.`,
  );
  await expect(from.manifest(one)).rejects.toThrow(
    `${registry.host} answered 401 to the credentials configured for this upstream.`,
  );
  expect(asked(registry)).toEqual(['GET manifest -', `GET manifest ${basic}`]);
});

test('a realm that never answers gets at most five requests for twenty repositories', async () => {
  const registry = await startPrivate({ kind: 'bearer', credentials: credential }, (path) =>
    path === '/token' ? { kind: 'hang' } : undefined,
  );
  const client = await registryAt(registry.host, { accounts: [account], timeoutMs: 200 });
  const paths = Array.from({ length: 20 }, (_, index) => `team/app${index}`);
  const results = await Promise.allSettled(
    paths.map((path) => new RegistrySource(client, path).resolve(one)),
  );
  expect(results.every(({ status }) => status === 'rejected')).toBe(true);
  // Five silences in a row, and not twenty times two.
  expect(registry.requests.filter(({ kind }) => kind === 'token').length).toBeLessThanOrEqual(5);
});

test('Bearer: one token per repository is requested, however many requests need it at once', async () => {
  const registry = await startPrivate({ kind: 'bearer', credentials: credential, expiresIn: 300 });
  const from = await source(registry, { accounts: [account] });
  await Promise.all(Array.from({ length: 6 }, () => from.resolve(one)));
  expect(asked(registry)).toEqual([
    'HEAD manifest -',
    `GET token ${basic}`,
    ...Array.from({ length: 6 }, () => 'HEAD manifest Bearer token-1'),
  ]);
  const token = registry.requests.find(({ kind }) => kind === 'token');
  expect([...(token?.query ?? [])]).toEqual([
    ['service', 'rogue'],
    ['scope', 'repository:team/app:pull'],
  ]);
});

test('Bearer: each repository of a registry has a token of its own, also without credentials', async () => {
  const registry = await startPrivate({ kind: 'bearer', field: 'access_token' });
  const client = await registryAt(registry.host);
  await new RegistrySource(client, 'team/app').resolve(one);
  await new RegistrySource(client, 'team/other').resolve(one);
  expect(asked(registry)).toEqual([
    'HEAD manifest -',
    'GET token -',
    'HEAD manifest Bearer token-1',
    'GET token -',
    'HEAD manifest Bearer token-2',
  ]);
});

test.each([
  ['the answer gives 300 seconds', 300, [289_999, 1]],
  ['the answer gives no lifetime, which means a minute', undefined, [49_999, 1]],
])('Bearer: a token is renewed 10 s early, when %s', async (_name, expiresIn, [almost = 0, rest = 0]) => {
  const registry = await startPrivate({ kind: 'bearer', ...(expiresIn !== undefined && { expiresIn }) });
  const clock = new TestClock();
  const from = await source(registry, { clock });
  await from.resolve(one);
  clock.advance(almost);
  await from.resolve(one);
  clock.advance(rest);
  await Promise.all([from.resolve(one), from.resolve(one), from.resolve(one)]);
  expect(asked(registry).slice(1)).toEqual([
    'GET token -',
    'HEAD manifest Bearer token-1',
    'HEAD manifest Bearer token-1',
    'GET token -',
    'HEAD manifest Bearer token-2',
    'HEAD manifest Bearer token-2',
    'HEAD manifest Bearer token-2',
  ]);
});

/** A registry that accepts only `Bearer good`. @param answer gives the realm's response */
function tokenFrom(answer: () => unknown, sent: string[] = []): RegistryOptions['httpClient'] {
  return fakeHttpClient((text, headers) => {
    const url = new URL(text);
    sent.push(`${url.pathname} ${headers['Authorization'] ?? '-'}`);
    if (url.pathname === '/token') return Response.json(answer());
    if (headers['Authorization'] === 'Bearer good') {
      return new Response(null, { status: 200, headers: { 'docker-content-digest': image.digest } });
    }
    const challenge = { 'www-authenticate': 'Bearer realm="https://registry.test/token",service="s"' };
    return new Response(null, { status: 401, headers: challenge });
  });
}

test.each([
  ['an empty token', { token: '', access_token: 'good' }],
  ['null', { token: null, access_token: 'good' }],
  ['a number', { token: 5, access_token: 'good' }],
  ['another one under access_token', { token: 'good', access_token: 'other' }],
])('Bearer: the first field with a token counts, and %s does not', async (_name, answer) => {
  const httpClient = tokenFrom(() => answer);
  const from = await sourceAt('registry.test', 'team/app', { insecure: false, httpClient });
  expect(await from.resolve(one)).toEqual({ digest: image.digest });
});

test('Bearer: a realm that gives empty tokens gives none', async () => {
  const httpClient = tokenFrom(() => ({ token: '', access_token: '' }));
  const from = await sourceAt('registry.test', 'team/app', { insecure: false, httpClient });
  await expect(from.resolve(one)).rejects.toThrow('which answered 200 without a token.');
});

test.each(['go\nod', 'good\u0000', 'g\u4e2dod'])(
  'Bearer: the error says that %j cannot be sent as a token, and the registry is not blamed',
  async (token) => {
    const sent: string[] = [];
    const httpClient = tokenFrom(() => ({ token, access_token: 'good' }), sent);
    const from = await sourceAt('registry.test', 'team/app', { insecure: false, httpClient });
    await expect(from.resolve(one)).rejects.toThrow(
      'registry.test asks for a token from registry.test, which answered 200 with a token that cannot be sent: it has characters that no header may have.',
    );
    expect(sent).toHaveLength(2);
  },
);

test.each([5, 0, -300, 59, '5', 'soon', null])(
  'Bearer: a token that says it lives for %j seconds is good for a minute less ten seconds',
  async (lifetime) => {
    const sent: string[] = [];
    const httpClient = tokenFrom(() => ({ token: 'good', expires_in: lifetime }), sent);
    const clock = new TestClock();
    const from = await sourceAt('registry.test', 'team/app', { insecure: false, httpClient, clock });
    const tokens = (): number => sent.filter((line) => line.startsWith('/token')).length;
    await from.resolve(one);
    clock.advance(49_999);
    await from.resolve(one);
    expect(tokens()).toBe(1);
    clock.advance(1);
    await from.resolve(one);
    expect(tokens()).toBe(2);
  },
);

test('Bearer: a lifetime that is written as a text counts', async () => {
  const sent: string[] = [];
  const httpClient = tokenFrom(() => ({ token: 'good', expires_in: '300' }), sent);
  const clock = new TestClock();
  const from = await sourceAt('registry.test', 'team/app', { insecure: false, httpClient, clock });
  await from.resolve(one);
  clock.advance(289_999);
  await from.resolve(one);
  expect(sent.filter((line) => line.startsWith('/token'))).toHaveLength(1);
});

test('Bearer: a token that is refused before its time is renewed once for all requests', async () => {
  const registry = await startPrivate({ kind: 'bearer', expiresIn: 300 });
  const from = await source(registry);
  await from.resolve(one);
  registry.revokeTokens();
  registry.requests.length = 0;
  await Promise.all([from.resolve(one), from.resolve(one), from.resolve(one)]);
  expect(asked(registry).toSorted()).toEqual([
    'GET token -',
    ...Array.from({ length: 3 }, () => 'HEAD manifest Bearer token-1'),
    ...Array.from({ length: 3 }, () => 'HEAD manifest Bearer token-2'),
  ]);
});

test.each([
  ['another token', (count: number) => `token-${count}`],
  ['the same token', () => 'token'],
])(
  'Bearer: names that are answered with 401 cost no token each, where the realm gives %s each time',
  async (_name, give) => {
    const seen: string[] = [];
    let given = 0;
    const challenge = { 'www-authenticate': 'Bearer realm="https://registry.test/token",service="s"' };
    const httpClient = fakeHttpClient((text, headers, _body, method) => {
      const { pathname } = new URL(text);
      if (pathname === '/token') {
        seen.push('token');
        given += 1;
        return Response.json({ token: give(given), expires_in: 3600 });
      }
      const isDerived = pathname.includes('/sha256-');
      seen.push(`${method} ${isDerived ? 'derived' : 'one'}`);
      return isDerived || headers['Authorization'] === undefined
        ? new Response(null, { status: 401, headers: challenge })
        : new Response(null, { status: 200, headers: { 'docker-content-digest': image.digest } });
    });
    const clock = new TestClock();
    const from = await sourceAt('registry.test', 'team/app', { insecure: false, httpClient, clock });
    const count = (what: string) => seen.filter((line) => line === what).length;
    const guess = async () => {
      for (let index = 0; index < 30; index += 1) {
        const tag = parseTag(`sha256-${String(index).padStart(64, '0')}.sig`);
        expect(await from.resolve(tag, true)).toBe(undefined);
      }
    };
    await from.resolve(one);
    expect(seen.splice(0)).toEqual(['HEAD one', 'token', 'HEAD one']);
    await guess();
    // The first refusal shows that another token does not help.
    expect([count('HEAD derived'), count('token'), seen.length]).toEqual([31, 1, 32]);
    seen.length = 0;
    for (let index = 0; index < 10; index += 1) await from.resolve(one);
    expect([count('HEAD one'), seen.length]).toEqual([10, 10]);
    seen.length = 0;
    // A minute later, the client tries a new token again, because the old one may be the reason for a refusal.
    clock.advance(60_000);
    await guess();
    expect([count('HEAD derived'), count('token'), seen.length]).toEqual([31, 1, 32]);
  },
);

test('Bearer: the error for credentials that the realm refuses names the realm and says whose they are', async () => {
  const credentials = { username: 'user', password: 'another' };
  const registry = await startPrivate({ kind: 'bearer', credentials });
  await expect((await source(registry, { accounts: [account] })).manifest(one)).rejects.toThrow(
    `${registry.host} asks for a token from ${registry.host}, which answered 401 to the credentials configured for this upstream.`,
  );
});

test('Bearer: credentials that the realm refuses are not sent again for the same repository', async () => {
  const credentials = { username: 'user', password: 'another' };
  const registry = await startPrivate({ kind: 'bearer', credentials });
  const client = await registryAt(registry.host, { accounts: [account] });
  const from = new RegistrySource(client, 'team/app');
  const refused = 'answered 401 to the credentials configured for this upstream.';
  for (let tag = 0; tag < 3; tag += 1) await expect(from.resolve(one)).rejects.toThrow(refused);
  const other = new RegistrySource(client, 'team/other');
  await expect(Promise.all([other.resolve(one), other.resolve(one)])).rejects.toThrow(refused);
  await expect(other.resolve(one)).rejects.toThrow(refused);
  const tokens = registry.requests.filter(({ kind }) => kind === 'token');
  expect(tokens.map(({ query }) => query.get('scope'))).toEqual([
    'repository:team/app:pull',
    'repository:team/other:pull',
  ]);
});

test('Bearer: without credentials, the error is the registry’s refusal and not the realm’s', async () => {
  const registry = await startPrivate({ kind: 'bearer', credentials: credential });
  const from = await source(registry);
  await expect(from.manifest(one)).rejects.toThrow(
    `${registry.host}/team/app: the registry answered 401 to GET manifests/one: "authentication required". If the image is private, configure upstreams["${registry.host}"].credentials.`,
  );
});

test.each<[string, Misbehaviour, string]>([
  ['hangs', { kind: 'hang' }, 'did not answer within 0.3 s.'],
  ['is busy', { kind: 'status', status: 503 }, 'which answered 503.'],
  ['sends a page', { kind: 'html' }, 'which answered 200 without a token.'],
  [
    'redirects',
    { kind: 'redirect', location: 'http://elsewhere.test/' },
    'which answered 307 without a token.',
  ],
  ['falls silent', { kind: 'stall', after: 3 }, 'which sent nothing for 0.3 s in the middle of a body.'],
])('Bearer: the error describes a realm that %s', async (_name, misbehaviour, sentence) => {
  const registry = await startPrivate({ kind: 'bearer', credentials: credential }, (path) =>
    path === '/token' ? misbehaviour : undefined,
  );
  const from = await source(registry, { accounts: [account] });
  await expect(from.manifest(one)).rejects.toThrow(sentence);
});

test('Bearer: a realm that is busy for a moment is asked again', async () => {
  let busy = true;
  const registry = await startPrivate({ kind: 'bearer' }, (path) => {
    if (path !== '/token' || !busy) return undefined;
    busy = false;
    return { kind: 'status', status: 503, headers: { 'retry-after': '3' } };
  });
  const clock = new TestClock();
  const from = await source(registry, { clock });
  expect(await from.resolve(one)).toEqual({ digest: image.digest });
  expect(clock.sleeps).toEqual([3000]);
});

test('credentials are not sent to a realm that is not https, unless the upstream is insecure', async () => {
  const sent: string[] = [];
  const from = await sourceAt('registry.test', 'team/app', {
    accounts: [account],
    insecure: false,
    httpClient: fakeHttpClient((url, headers) => {
      sent.push(`${url} ${headers['Authorization'] ?? '-'}`);
      const challenge = { 'www-authenticate': 'Bearer realm="http://realm.test/token",service="s"' };
      return new Response(null, { status: 401, headers: challenge });
    }),
  });
  await expect(from.manifest(one)).rejects.toThrow(
    'registry.test asks for a token from "http://realm.test/token", which is not an https address. Nothing was sent there.',
  );
  expect(sent).toEqual(['https://registry.test/v2/team/app/manifests/one -']);
});

test('credentials are not sent to the host that a redirect leads to', async () => {
  const registry = await startPrivate({ kind: 'basic', ...credential }, (path) =>
    path.includes('/blobs/') ? { kind: 'redirect-elsewhere' } : undefined,
  );
  const from = await source(registry, { accounts: [account] });
  const body = await from.blob(parseDigest(layer.digest), layer.size, 0);
  if (body === undefined) throw new Error('The layer is there.');
  expect(await digestOfBlob({ size: layer.size, open: () => body })).toBe(layer.digest);
  expect(registry.requests.map(({ host, headers }) => [host, headers.authorization])).toEqual([
    [registry.host, undefined],
    [registry.host, basic],
    [registry.elsewhere, undefined],
  ]);
});

const identityToken: CredentialProvider = async () => ({ identityToken: 'refresh', from: 'of config.json' });

test.each<[string, readonly CredentialProvider[], readonly string[]]>([
  ['a password', [account], [`GET ${basic}`]],
  ['no credential', [], ['token -', 'GET Bearer good']],
  ['an identity token', [identityToken], ['token -', 'GET Bearer good']],
])('a client with %s picks the Basic or the Bearer challenge', async (_name, accounts, expected) => {
  const sent: string[] = [];
  const from = await sourceAt('registry.test', 'team/app', {
    accounts,
    insecure: false,
    httpClient: fakeHttpClient((url, headers) => {
      const { pathname } = new URL(url);
      const authorization = headers['Authorization'];
      sent.push(`${pathname === '/token' ? 'token' : 'GET'} ${authorization ?? '-'}`);
      if (pathname === '/token') return Response.json({ access_token: 'good' });
      if (authorization !== undefined) return new Response('{}', { status: 200 });
      const challenges = 'Basic realm="r", Bearer realm="https://registry.test/token",service="s"';
      return new Response(null, { status: 401, headers: { 'www-authenticate': challenges } });
    }),
  });
  await from.manifest(one);
  expect(sent).toEqual(['GET -', ...expected]);
});

test('a redirect from https to http is not followed', async () => {
  const sent: string[] = [];
  const from = await sourceAt('registry.test', 'team/app', {
    insecure: false,
    httpClient: fakeHttpClient((url) => {
      sent.push(url);
      return new Response(null, { status: 307, headers: { location: 'http://registry.test/plain' } });
    }),
  });
  await expect(from.manifest(one)).rejects.toThrow(
    'registry.test/team/app: registry.test redirects to an address that is not https, so the redirect was not followed.',
  );
  expect(sent).toEqual(['https://registry.test/v2/team/app/manifests/one']);
});
