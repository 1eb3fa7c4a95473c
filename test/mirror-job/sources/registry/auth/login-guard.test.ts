/** A login is sent by one request at a time until it is accepted. A login that is refused everywhere is not sent again. */
import { expect, test } from 'vitest';
import type { RegistryOptions } from '../../../../../mirror-job/sources/registry/registry-options.ts';
import { RegistrySource } from '../../../../../mirror-job/sources/registry/registry-source.ts';
import { fakeHttpClient } from '../fake-http-client.ts';
import { registryAt, sourceAt } from '../../../support/harness.ts';
import { account, basic, credential, image, one, startPrivate } from '../private-registry.ts';

test.each([
  ['Basic', { kind: 'basic', username: 'user', password: 'another' } as const],
  ['Bearer', { kind: 'bearer', credentials: { username: 'user', password: 'another' } } as const],
])('%s: a wrong password is tried in three repositories, however many there are', async (_name, auth) => {
  const registry = await startPrivate(auth);
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
  // The last request is for no repository.
  expect(registry.requests.filter(({ headers }) => headers.authorization === basic)).toHaveLength(4);
});

/** A registry, or its realm, that accepts the login and lets it read only the repositories that begin with "yes". */
function choosy(kind: 'basic' | 'bearer', sent: string[] = []): RegistryOptions['httpClient'] {
  return fakeHttpClient((text, headers) => {
    const url = new URL(text);
    const isLogin = headers['Authorization'] === basic;
    if (isLogin) sent.push(`${url.pathname} ${url.searchParams.get('scope') ?? ''}`.trim());
    if (url.pathname === '/token') {
      const scope = url.searchParams.get('scope') ?? '';
      if (!isLogin) return new Response(null, { status: 401 });
      return scope.includes(':no/') ? new Response(null, { status: 403 }) : Response.json({ token: scope });
    }
    const ask = kind === 'basic' ? 'Basic realm="r"' : 'Bearer realm="https://registry.test/token"';
    const unauthorized = new Response(null, { status: 401, headers: { 'www-authenticate': ask } });
    const isAllowed =
      kind === 'basic' ? isLogin && !url.pathname.includes('/no/') : headers['Authorization'] !== undefined;
    if (!isAllowed) return unauthorized;
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
      httpClient: choosy(kind, sent),
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

test('Basic: a refused list does not keep a login from named tags', async () => {
  const from = await sourceAt('registry.test', 'yes/1', {
    accounts: [account],
    insecure: false,
    httpClient: fakeHttpClient((url, headers) => {
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
      httpClient: choosy(kind),
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

test('a login is tried alone, also when the first request needed no login', async () => {
  const sent: string[] = [];
  const client = await registryAt('registry.test', {
    accounts: [async () => ({ username: 'user', password: 'wrong', from: 'of the test' })],
    insecure: false,
    httpClient: fakeHttpClient((url, headers) => {
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
    httpClient: fakeHttpClient((text, headers) => {
      const url = new URL(text);
      if (url.host === 'storage.test') {
        return new Response(null, { status: 200, headers: { 'docker-content-digest': image.digest } });
      }
      // The answer to the probe says nothing more.
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

test('a busy registry does not show whether a login is wrong', async () => {
  let sent = 0;
  let probes = 0;
  const client = await registryAt('registry.test', {
    accounts: [account],
    insecure: false,
    httpClient: fakeHttpClient((url, headers) => {
      if (headers['Authorization'] !== undefined) sent += 1;
      if (!url.endsWith('/v2/')) return refusal();
      probes += 1;
      return probes === 1 ? new Response(null, { status: 503 }) : refusal();
    }),
  });
  const paths = Array.from({ length: 50 }, (_, index) => `team/app${index}`);
  await Promise.allSettled(paths.map((path) => new RegistrySource(client, path).resolve(one)));
  // There are three refused requests, two probes, and one request between them, which is sent alone.
  expect([sent, probes]).toEqual([6, 2]);
});

test('a realm that fails on a token without a scope does not keep a good login from its repositories', async () => {
  const open = new Set<string>();
  const client = await registryAt('registry.test', {
    accounts: [account],
    insecure: false,
    httpClient: async (url, request) => {
      const isPart = url.searchParams.get('scope');
      const answer = await (
        isPart === null && url.pathname === '/token'
          ? fakeHttpClient(() => new Response('broken', { status: 500 }))
          : choosy('bearer')
      )(url, request);
      open.add(url.href);
      return { ...answer, discard: () => open.delete(url.href) };
    },
  });
  const at = (path: string) => new RegistrySource(client, path).resolve(one);
  for (const path of ['no/1', 'no/2', 'no/3', 'no/4']) await expect(at(path)).rejects.toThrow('answered 403');
  for (const path of ['yes/1', 'yes/2']) expect(await at(path)).toEqual({ digest: image.digest });
  // A response that nobody reads holds no connection.
  expect([...open]).toEqual([]);
});

test('the refusal of an old login does not count against the login that renews it', async () => {
  let password = 'old';
  const client = await registryAt('registry.test', {
    accounts: [async () => ({ username: 'user', password, from: 'of a helper' })],
    insecure: false,
    httpClient: fakeHttpClient(async (url, headers) => {
      const isGood = headers['Authorization'] === basic;
      // The helper renews the login during the probe of the old one.
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
  for (const path of ['a/1', 'a/2']) await expect(at(path)).rejects.toThrow('answered 401');
  // The HEAD of a/3 is the third refusal, so the login is probed before the GET of a/3.
  const old = at('a/3').catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await at('a/5')).toEqual({ digest: image.digest });
  await old;
  expect(await at('a/1')).toEqual({ digest: image.digest });
});

test('a password that gets a 403 everywhere is probed after three repositories, and a repository stays open until then', async () => {
  let sent = 0;
  const client = await registryAt('registry.test', {
    accounts: [account],
    insecure: false,
    httpClient: fakeHttpClient((url, headers) => {
      if (headers['Authorization'] === undefined) return refusal();
      sent += 1;
      return url.endsWith('/v2/') ? refusal() : new Response(null, { status: 403 });
    }),
  });
  const same = new RegistrySource(client, 'team/app');
  for (let times = 0; times < 3; times += 1) await expect(same.resolve(one)).rejects.toThrow('answered 403');
  const paths = Array.from({ length: 50 }, (_, index) => `team/app${index}`);
  await Promise.allSettled(paths.map((path) => new RegistrySource(client, path).resolve(one)));
  // Three times a HEAD and the GET that decides (6), two other requests, and the probe.
  expect(sent).toBe(9);
});

test('Basic: an account still reads one repository after another one refuses it', async () => {
  const registry = await startPrivate({ kind: 'basic', ...credential }, (path) =>
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
