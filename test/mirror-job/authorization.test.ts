/** Credentials go to the registry and the realm that it names, and are asked for as seldom as can be. */
import { afterEach, expect, test } from 'vitest';
import { parseDigest } from '../../core/digest.ts';
import { parseTag } from '../../core/reference.ts';
import type { Account, RegistryOptions } from '../../mirror-job/registry/registry-options.ts';
import { RegistrySource } from '../../mirror-job/registry/registry-source.ts';
import { addImage, addLayer, tagAs } from '../support/builder.ts';
import { digestOfBlob, emptyRepository, type Corpus } from '../support/content.ts';
import type { Misbehaviour } from '../support/misbehaviour.ts';
import { basicHeader, type Auth } from '../support/registry-auth.ts';
import { startRogueRegistry, type RogueRegistry } from '../support/rogue-registry.ts';
import { fakeFetch } from './fake-fetch.ts';
import { registryAt, sourceAt, TestClock } from './harness.ts';

const registries: RogueRegistry[] = [];
afterEach(async () => {
  await Promise.all(registries.splice(0).map((registry) => registry.stop()));
});

const app = emptyRepository();
const layer = await addLayer(app, 'layer');
const image = addImage(app, { layers: [layer] });
tagAs(app, image, 'one');
const corpus: Corpus = {
  repositories: new Map([
    ['team/app', app],
    ['team/other', app],
  ]),
};
const credential = { username: 'user', password: 'pass:word' };
const account: Account = async () => ({ ...credential, from: 'configured for this upstream' });
const basic = basicHeader(credential);
const one = parseTag('one');

async function start(auth: Auth, misbehave?: (path: string) => Misbehaviour | undefined) {
  const registry = await startRogueRegistry({
    corpus,
    auth,
    ...(misbehave !== undefined && { misbehave: ({ path }) => misbehave(path) }),
  });
  registries.push(registry);
  return registry;
}

async function source(registry: RogueRegistry, options: Partial<RegistryOptions> = {}, path = 'team/app') {
  return sourceAt(registry.host, path, options);
}

/** `<method> <kind> <what Authorization said>`, in order. */
function asked(registry: RogueRegistry): string[] {
  return registry.requests.map(
    ({ method, kind, headers }) => `${method} ${kind} ${headers.authorization ?? '-'}`,
  );
}

test('Basic: one refusal, then the credentials with each request', async () => {
  const registry = await start({ kind: 'basic', ...credential });
  const from = await source(registry, { accounts: [account] });
  await from.resolve(one);
  await from.resolve(one);
  expect(asked(registry)).toEqual(['HEAD manifest -', `HEAD manifest ${basic}`, `HEAD manifest ${basic}`]);
});

test('Basic: credentials that are refused are not sent again, and the sentence says whose they are', async () => {
  const registry = await start({ kind: 'basic', username: 'user', password: 'another' });
  const from = await source(registry, { accounts: [account] });
  await expect(from.manifest(one)).rejects.toThrow(
    `${registry.host}/team/app: the registry answered 401 to GET manifests/one: "authentication required". The credentials configured for this upstream do not allow it.`,
  );
  await expect(from.manifest(one)).rejects.toThrow(
    `${registry.host} answered 401 to the credentials configured for this upstream.`,
  );
  expect(asked(registry)).toEqual(['GET manifest -', `GET manifest ${basic}`]);
});

test.each([
  ['Basic', { kind: 'basic', username: 'user', password: 'another' } as const],
  ['Bearer', { kind: 'bearer', credentials: { username: 'user', password: 'another' } } as const],
])('%s: a wrong password is tried in three repositories, however many there are', async (_name, auth) => {
  const registry = await start(auth);
  const client = await registryAt(registry.host, { accounts: [account] });
  const paths = Array.from({ length: 40 }, (_, index) => `team/app${index}`);
  const results = await Promise.allSettled(
    paths.map((path) => new RegistrySource(client, path).manifest(one)),
  );
  expect(results.every(({ status }) => status === 'rejected')).toBe(true);
  const last = results.at(-1);
  expect(last?.status === 'rejected' && String(last.reason)).toContain(
    `${registry.host} refuses the credentials configured for this upstream everywhere; they are not sent again in this run.`,
  );
  // And once where no repository is concerned.
  expect(asked(registry).filter((line) => line.endsWith(basic))).toHaveLength(4);
});

/** A registry, or its realm, that knows who asks and lets them read only what begins with "yes". */
function choosy(kind: 'basic' | 'bearer', sent: string[] = []): RegistryOptions['fetch'] {
  return fakeFetch((text, headers) => {
    const url = new URL(text);
    const isLogin = headers['Authorization'] === basic;
    if (isLogin) sent.push(`${url.pathname} ${url.searchParams.get('scope') ?? ''}`.trim());
    if (url.pathname === '/token') {
      const scope = url.searchParams.get('scope') ?? '';
      if (!isLogin) return new Response(null, { status: 401 });
      return scope.includes(':no/') ? new Response(null, { status: 403 }) : Response.json({ token: scope });
    }
    const ask = kind === 'basic' ? 'Basic realm="r"' : 'Bearer realm="https://registry.test/token"';
    const refusal = new Response(null, { status: 401, headers: { 'www-authenticate': ask } });
    const isAllowed =
      kind === 'basic' ? isLogin && !url.pathname.includes('/no/') : headers['Authorization'] !== undefined;
    if (!isAllowed) return refusal;
    return new Response(null, { status: 200, headers: { 'docker-content-digest': image.digest } });
  });
}

test.each(['basic', 'bearer'] as const)(
  '%s: a good login goes on after any number of repositories that it may not read',
  async (kind) => {
    const sent: string[] = [];
    const client = await registryAt('registry.test', {
      accounts: [account],
      insecure: false,
      fetch: choosy(kind, sent),
    });
    const at = (path: string) => new RegistrySource(client, path);
    for (const path of ['no/1', 'no/2', 'no/3', 'no/4']) {
      await expect(at(path).resolve(one)).rejects.toThrow(/answered 40[13]/);
    }
    expect(await at('yes/1').resolve(one)).toEqual({ digest: image.digest });
    await expect(at('no/1').resolve(one)).rejects.toThrow(/answered 40[13]/);
    expect(await at('yes/2').resolve(one)).toEqual({ digest: image.digest });
    expect(sent.filter((line) => line === (kind === 'basic' ? '/v2/' : '/token'))).toHaveLength(1);
  },
);

test('Basic: a list that is refused takes nothing from tags that are named', async () => {
  const from = await sourceAt('registry.test', 'yes/1', {
    accounts: [account],
    insecure: false,
    fetch: fakeFetch((url, headers) => {
      const isAllowed = headers['Authorization'] === basic && !url.includes('tags/list');
      return isAllowed
        ? new Response(null, { status: 200, headers: { 'docker-content-digest': image.digest } })
        : new Response(null, { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } });
    }),
  });
  await expect(from.tags()).rejects.toThrow('answered 401');
  expect(await from.resolve(one)).toEqual({ digest: image.digest });
});

test.each(['basic', 'bearer'] as const)(
  '%s: a renewed login is sent where the old one was refused',
  async (kind) => {
    let password = 'old';
    const client = await registryAt('registry.test', {
      accounts: [async () => ({ username: 'user', password, from: 'of a helper' })],
      insecure: false,
      fetch: choosy(kind),
    });
    for (const path of ['yes/1', 'yes/2', 'yes/3', 'yes/4']) {
      await expect(new RegistrySource(client, path).resolve(one)).rejects.toThrow(/answered 401|refuses the/);
    }
    ({ password } = credential);
    for (const path of ['yes/1', 'yes/4', 'yes/5']) {
      expect(await new RegistrySource(client, path).resolve(one)).toEqual({ digest: image.digest });
    }
  },
);

test('a login is tried alone also where the first answer needed none', async () => {
  const sent: string[] = [];
  const client = await registryAt('registry.test', {
    accounts: [async () => ({ username: 'user', password: 'wrong', from: 'of the test' })],
    insecure: false,
    fetch: fakeFetch((url, headers) => {
      if (url.includes('/public/')) {
        return new Response(null, { status: 200, headers: { 'docker-content-digest': image.digest } });
      }
      if (headers['Authorization'] !== undefined) sent.push(url);
      return new Response(null, { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } });
    }),
  });
  await new RegistrySource(client, 'public/1').resolve(one);
  const paths = Array.from({ length: 40 }, (_, index) => `private/${index}`);
  await Promise.allSettled(paths.map((path) => new RegistrySource(client, path).resolve(one)));
  expect(sent).toHaveLength(4);
});

test('Basic: an account whose answers come by redirect is accepted', async () => {
  const client = await registryAt('registry.test', {
    accounts: [account],
    insecure: false,
    fetch: fakeFetch((text, headers) => {
      const url = new URL(text);
      if (url.host === 'storage.test') {
        return new Response(null, { status: 200, headers: { 'docker-content-digest': image.digest } });
      }
      // Nor does it say more where no repository is concerned.
      if (headers['Authorization'] !== basic || /\/no\/|\/v2\/$/.test(url.pathname)) {
        return new Response(null, { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } });
      }
      return new Response(null, { status: 307, headers: { location: 'https://storage.test/blob' } });
    }),
  });
  const at = (path: string) => new RegistrySource(client, path);
  expect(await at('yes/1').resolve(one)).toEqual({ digest: image.digest });
  for (const path of ['no/1', 'no/2', 'no/3'])
    await expect(at(path).resolve(one)).rejects.toThrow('answered 401');
  expect(await at('yes/3').resolve(one)).toEqual({ digest: image.digest });
});

const refusal = () => new Response(null, { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } });

test('whether a login is wrong is not told by a registry that is busy', async () => {
  let sent = 0;
  let probes = 0;
  const client = await registryAt('registry.test', {
    accounts: [account],
    insecure: false,
    fetch: fakeFetch((url, headers) => {
      if (headers['Authorization'] !== undefined) sent += 1;
      if (!url.endsWith('/v2/')) return refusal();
      probes += 1;
      return probes === 1 ? new Response(null, { status: 503 }) : refusal();
    }),
  });
  const paths = Array.from({ length: 50 }, (_, index) => `team/app${index}`);
  await Promise.allSettled(paths.map((path) => new RegistrySource(client, path).resolve(one)));
  // Three that are refused, twice the question, and one in between that goes out alone.
  expect([sent, probes]).toEqual([6, 2]);
});

test('a realm that trips over a token for nothing does not keep a good login from its repositories', async () => {
  const open = new Set<string>();
  const client = await registryAt('registry.test', {
    accounts: [account],
    insecure: false,
    fetch: async (url, request) => {
      const isPart = url.searchParams.get('scope');
      const answer = await (
        isPart === null && url.pathname === '/token'
          ? fakeFetch(() => new Response('broken', { status: 500 }))
          : choosy('bearer')
      )(url, request);
      open.add(url.href);
      return { ...answer, discard: () => open.delete(url.href) };
    },
  });
  const at = (path: string) => new RegistrySource(client, path).resolve(one);
  for (const path of ['no/1', 'no/2', 'no/3', 'no/4']) await expect(at(path)).rejects.toThrow('answered 403');
  for (const path of ['yes/1', 'yes/2']) expect(await at(path)).toEqual({ digest: image.digest });
  // What nobody reads holds no connection.
  expect([...open]).toEqual([]);
});

test('what becomes of a login is not held against the one that renews it', async () => {
  let password = 'old';
  const client = await registryAt('registry.test', {
    accounts: [async () => ({ username: 'user', password, from: 'of a helper' })],
    insecure: false,
    fetch: fakeFetch(async (url, headers) => {
      const isGood = headers['Authorization'] === basic;
      // The helper renews it while the old one is asked about.
      if (url.endsWith('/v2/') && !isGood) {
        ({ password } = credential);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return isGood
        ? new Response(null, { status: 200, headers: { 'docker-content-digest': image.digest } })
        : refusal();
    }),
  });
  const at = (path: string) => new RegistrySource(client, path).resolve(one);
  for (const path of ['a/1', 'a/2', 'a/3']) await expect(at(path)).rejects.toThrow('answered 401');
  const old = at('a/4').catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await at('a/5')).toEqual({ digest: image.digest });
  await old;
  expect(await at('a/1')).toEqual({ digest: image.digest });
});

test('a password that is answered with 403 everywhere is asked about too, and one place stays open', async () => {
  let sent = 0;
  const client = await registryAt('registry.test', {
    accounts: [account],
    insecure: false,
    fetch: fakeFetch((url, headers) => {
      if (headers['Authorization'] === undefined) return refusal();
      sent += 1;
      return url.endsWith('/v2/') ? refusal() : new Response(null, { status: 403 });
    }),
  });
  const same = new RegistrySource(client, 'team/app');
  for (let times = 0; times < 3; times += 1) await expect(same.resolve(one)).rejects.toThrow('answered 403');
  const paths = Array.from({ length: 50 }, (_, index) => `team/app${index}`);
  await Promise.allSettled(paths.map((path) => new RegistrySource(client, path).resolve(one)));
  expect(sent).toBe(6);
});

test('an identity token that was renewed by its helper is the one that is sent', async () => {
  let identityToken = 'first';
  const sent: string[] = [];
  const client = await registryAt('registry.test', {
    accounts: [async () => ({ identityToken, from: 'of a helper' })],
    insecure: false,
    fetch: fakeFetch((url, _headers, body) => {
      if (!url.includes('/token')) {
        const challenge = { 'www-authenticate': 'Bearer realm="https://registry.test/token"' };
        return new Response(null, { status: 401, headers: challenge });
      }
      sent.push(new URLSearchParams(body).get('refresh_token') ?? '');
      return Response.json({ token: 'x', refresh_token: `after ${identityToken}` });
    }),
  });
  const ask = (path: string) => new RegistrySource(client, path).resolve(one).catch(() => undefined);
  await ask('a/1');
  await ask('a/2');
  identityToken = 'second';
  await ask('a/3');
  // Each is sent once; what the realm gave for it, from then on.
  expect([...new Set(sent)]).toEqual(['first', 'after first', 'second', 'after second']);
});

test('a realm that never answers is waited for once by all who need it', async () => {
  const registry = await start({ kind: 'bearer', credentials: credential }, (path) =>
    path === '/token' ? { kind: 'hang' } : undefined,
  );
  const client = await registryAt(registry.host, { accounts: [account], timeout: 200 });
  const paths = Array.from({ length: 20 }, (_, index) => `team/app${index}`);
  const results = await Promise.allSettled(
    paths.map((path) => new RegistrySource(client, path).resolve(one)),
  );
  expect(results.every(({ status }) => status === 'rejected')).toBe(true);
  // Five silences in a row, and not twenty times two.
  expect(registry.requests.filter(({ kind }) => kind === 'token').length).toBeLessThanOrEqual(5);
});

test('Basic: an account that reads one repository goes on where another one refuses it', async () => {
  const registry = await start({ kind: 'basic', ...credential }, (path) =>
    path.includes('team/other') ? { kind: 'status', status: 401 } : undefined,
  );
  const client = await registryAt(registry.host, { accounts: [account] });
  const readable = new RegistrySource(client, 'team/app');
  const other = new RegistrySource(client, 'team/other');
  await readable.resolve(one);
  for (let times = 0; times < 4; times += 1) {
    await expect(other.resolve(one)).rejects.toThrow('answered 401');
  }
  expect(await readable.resolve(one)).toEqual({ digest: image.digest });
});

test('Bearer: one token a repository, however many ask at once', async () => {
  const registry = await start({ kind: 'bearer', credentials: credential, expiresIn: 300 });
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

test('Bearer: another repository of the registry has a token of its own, and anybody may have one', async () => {
  const registry = await start({ kind: 'bearer', field: 'access_token' });
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
  ['says so, ten seconds before', 300, [289_999, 1]],
  ['says nothing, after a minute less ten seconds', undefined, [49_999, 1]],
])('Bearer: a token is renewed when its lifetime %s', async (_name, expiresIn, [almost = 0, rest = 0]) => {
  const registry = await start({ kind: 'bearer', ...(expiresIn !== undefined && { expiresIn }) });
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

test('Bearer: a token that is refused before its time is renewed, once for all', async () => {
  const registry = await start({ kind: 'bearer', expiresIn: 300 });
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

test('Bearer: credentials that the realm refuses', async () => {
  const credentials = { username: 'user', password: 'another' };
  const registry = await start({ kind: 'bearer', credentials });
  await expect((await source(registry, { accounts: [account] })).manifest(one)).rejects.toThrow(
    `${registry.host} asks for a token from ${registry.host}, which answered 401 to the credentials configured for this upstream.`,
  );
});

test('Bearer: credentials that the realm refuses are not sent again for the same repository', async () => {
  const credentials = { username: 'user', password: 'another' };
  const registry = await start({ kind: 'bearer', credentials });
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

test('Bearer: without credentials, a realm that refuses leaves the word to the registry', async () => {
  const registry = await start({ kind: 'bearer', credentials: credential });
  const from = await source(registry);
  await expect(from.manifest(one)).rejects.toThrow(
    `${registry.host}/team/app: the registry answered 401 to GET manifests/one: "authentication required". If the image is private, configure upstreams["${registry.host}"].credentials.`,
  );
});

test.each<[string, Misbehaviour, string]>([
  ['hangs', { kind: 'hang' }, 'did not answer within 0.3 s.'],
  ['is busy', { kind: 'status', status: 503 }, 'which answered 503.'],
  ['sends a page', { kind: 'html' }, 'which answered 200 without one.'],
  ['redirects', { kind: 'redirect', location: 'http://elsewhere.test/' }, 'which answered 307 without one.'],
  ['falls silent', { kind: 'stall', after: 3 }, 'which sent nothing for 0.3 s in the middle of a body.'],
])('Bearer: a realm that %s', async (_name, misbehaviour, sentence) => {
  const registry = await start({ kind: 'bearer', credentials: credential }, (path) =>
    path === '/token' ? misbehaviour : undefined,
  );
  const from = await source(registry, { accounts: [account] });
  await expect(from.manifest(one)).rejects.toThrow(sentence);
});

test('Bearer: a realm that is busy for a moment is asked again', async () => {
  let busy = true;
  const registry = await start({ kind: 'bearer' }, (path) => {
    if (path !== '/token' || !busy) return undefined;
    busy = false;
    return { kind: 'status', status: 503, headers: { 'retry-after': '3' } };
  });
  const clock = new TestClock();
  const from = await source(registry, { clock });
  expect(await from.resolve(one)).toEqual({ digest: image.digest });
  expect(clock.sleeps).toEqual([3000]);
});

test('no credentials for a realm that is not https, unless the upstream is insecure', async () => {
  const sent: string[] = [];
  const from = await sourceAt('registry.test', 'team/app', {
    accounts: [account],
    insecure: false,
    fetch: fakeFetch((url, headers) => {
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

test('no credentials for the host that a redirect leads to', async () => {
  const registry = await start({ kind: 'basic', ...credential }, (path) =>
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

test('the host that a redirect leads to does not choose where the password goes', async () => {
  const sent: string[] = [];
  const from = await sourceAt('registry.test', 'team/app', {
    accounts: [account],
    insecure: false,
    fetch: fakeFetch((url, headers) => {
      sent.push(`${new URL(url).host} ${headers['Authorization'] ?? '-'}`);
      const { host } = new URL(url);
      if (host === 'storage.test') {
        return new Response(null, {
          status: 401,
          headers: { 'www-authenticate': 'Bearer realm="https://thief.test/token",service="s"' },
        });
      }
      if (host === 'thief.test') return Response.json({ token: 'stolen' });
      if (headers['Authorization'] === undefined) {
        return new Response(null, { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } });
      }
      return new Response(null, { status: 307, headers: { location: 'https://storage.test/blob' } });
    }),
  });
  const blob = parseDigest(layer.digest);
  await expect(from.blob(blob, layer.size, 0)).rejects.toThrow(
    `registry.test/team/app: storage.test, to which the registry redirects, answered 401 to GET blobs/${blob}.`,
  );
  expect(sent).toEqual(['registry.test -', `registry.test ${basic}`, 'storage.test -']);
});

test('no redirect from https to http', async () => {
  const sent: string[] = [];
  const from = await sourceAt('registry.test', 'team/app', {
    insecure: false,
    fetch: fakeFetch((url) => {
      sent.push(url);
      return new Response(null, { status: 307, headers: { location: 'http://registry.test/plain' } });
    }),
  });
  await expect(from.manifest(one)).rejects.toThrow(
    'registry.test/team/app: registry.test redirects to what is no https address; it was not followed.',
  );
  expect(sent).toEqual(['https://registry.test/v2/team/app/manifests/one']);
});

test.each([
  ['everybody may read', { kind: 'bearer' } as const, true],
  ['only callers with a token may read', { kind: 'bearer', credentials: credential } as const, false],
  ['only callers with a password may read', { kind: 'basic', ...credential } as const, false],
])('isPublic, where %s', async (_name, auth, expected) => {
  const registry = await start(auth);
  const from = await source(registry, { accounts: [account] });
  expect(await from.isPublic(one)).toBe(expected);
  registry.misbehave(({ method }) => (method === 'HEAD' ? { kind: 'status', status: 405 } : undefined));
  expect(await from.isPublic(one)).toBe(expected);
  expect(registry.requests.some(({ headers }) => headers.authorization === basic)).toBe(false);
});

test('isPublic, of what is not there: neither public nor private, and nothing of the repository', async () => {
  const registry = await start({ kind: 'bearer' });
  const from = await source(registry, { accounts: [account] });
  const absent = parseDigest(`sha256:${'0'.repeat(64)}`);
  await expect(from.isPublic(absent)).rejects.toThrow(`${registry.host}/team/app has no manifest ${absent}.`);
  expect(await from.isPublic(one)).toBe(true);
});
