/** Some registries want more than `pull` for some requests, as Azure does for a list of tags. */
import { expect, test } from 'vitest';
import type { RegistryOptions } from '../../../../../mirror-job/sources/registry/registry-options.ts';
import { RegistrySource } from '../../../../../mirror-job/sources/registry/registry-source.ts';
import { fakeHttpClient } from '../fake-http-client.ts';
import { registryAt } from '../../../support/harness.ts';
import { account, image, one } from '../private-registry.ts';

const PULL = 'repository:team/app:pull';
const READ = 'repository:team/app:metadata_read';

interface Azure {
  readonly httpClient: RegistryOptions['httpClient'];
  /** `<method> <kind> <scopes of its token>` of each request, in order. */
  readonly seen: string[];
}

/**
 * A registry whose tokens name their scopes.
 * @param wants the scope that a request for `what` needs
 * @param gives whether the realm gives a token for these scopes
 */
function azure(
  wants: (what: string, held: string) => string,
  gives: (scopes: readonly string[]) => boolean = () => true,
): Azure {
  const seen: string[] = [];
  const httpClient = fakeHttpClient((text, headers, body, method) => {
    const url = new URL(text);
    if (url.pathname === '/token') {
      const scopes = body === undefined ? url.searchParams.getAll('scope') : [];
      const posted = new URLSearchParams(body).get('scope')?.split(' ') ?? [];
      seen.push(`${method} token ${[...scopes, ...posted].join(' ')}`);
      if (!gives([...scopes, ...posted])) return new Response(null, { status: 403 });
      return Response.json({ token: [...scopes, ...posted].join(' '), expires_in: 300 });
    }
    const what = url.pathname.replace('/v2/team/', '');
    const held = headers['Authorization']?.replace('Bearer ', '') ?? '-';
    seen.push(`${method} ${what} ${held}`);
    if (held.split(' ').includes(wants(what, held))) {
      if (what.endsWith('tags/list')) return Response.json({ name: 'team/app', tags: ['one'] });
      return new Response(null, { status: 200, headers: { 'docker-content-digest': image.digest } });
    }
    const challenge = `Bearer realm="https://registry.test/token",service="s",scope="${wants(what, held)}"`;
    return new Response(null, { status: 401, headers: { 'www-authenticate': challenge } });
  });
  return { httpClient, seen };
}

const asAzureDoes = (what: string): string => (what.endsWith('tags/list') ? READ : PULL);

async function sourceOf(
  { httpClient }: Azure,
  options: Partial<RegistryOptions> = {},
): Promise<RegistrySource> {
  return new RegistrySource(
    await registryAt('registry.test', { insecure: false, httpClient, ...options }),
    'team/app',
  );
}

test('a list that wants another scope than the tags before it is requested once more', async () => {
  const registry = azure(asAzureDoes);
  const source = await sourceOf(registry);
  expect(await source.resolve(one)).toEqual({ digest: image.digest });
  expect(await source.tags()).toEqual(['one']);
  expect(await source.resolve(one)).toEqual({ digest: image.digest });
  expect(registry.seen).toEqual([
    'HEAD app/manifests/one -',
    `GET token ${PULL}`,
    `HEAD app/manifests/one ${PULL}`,
    `GET app/tags/list ${PULL}`,
    `GET token ${READ} ${PULL}`,
    `GET app/tags/list ${READ} ${PULL}`,
    `HEAD app/manifests/one ${PULL}`,
  ]);
});

test('a list that comes first costs one token, and the tags after it another', async () => {
  const registry = azure(asAzureDoes);
  const source = await sourceOf(registry);
  expect(await source.tags()).toEqual(['one']);
  expect(await source.resolve(one)).toEqual({ digest: image.digest });
  expect(registry.seen).toEqual([
    'GET app/tags/list -',
    `GET token ${READ} ${PULL}`,
    `GET app/tags/list ${READ} ${PULL}`,
    `GET token ${PULL}`,
    `HEAD app/manifests/one ${PULL}`,
  ]);
});

test('a scope that only the refusal of a token names is requested', async () => {
  const registry = azure((_what, held) => (held === '-' ? '' : READ));
  const source = await sourceOf(registry);
  expect(await source.tags()).toEqual(['one']);
  expect(registry.seen).toEqual([
    'GET app/tags/list -',
    `GET token ${PULL}`,
    `GET app/tags/list ${PULL}`,
    `GET token ${READ} ${PULL}`,
    `GET app/tags/list ${READ} ${PULL}`,
  ]);
});

test('an identity token requests all scopes in one text', async () => {
  const registry = azure(asAzureDoes);
  const accounts = [async () => ({ identityToken: 'refresh', from: 'of config.json' })];
  const source = await sourceOf(registry, { accounts });
  expect(await source.tags()).toEqual(['one']);
  expect(registry.seen[1]).toBe(`POST token ${READ} ${PULL}`);
});

test('a registry that names another scope each time gets three requests, and its refusal counts', async () => {
  let asked = 0;
  const registry = azure(() => {
    asked += 1;
    return `repository:team/app:read_${asked}`;
  });
  const source = await sourceOf(registry);
  await expect(source.resolve(one)).rejects.toThrow('answered 401 to');
  expect(registry.seen.filter((line) => line.startsWith('HEAD'))).toHaveLength(3);
});

test('a scope that was requested already is not requested again and again', async () => {
  // The registry refuses every request for content, because its token is taken away.
  const registry = azure((what) => (what.endsWith('tags/list') ? READ : PULL));
  const httpClient: RegistryOptions['httpClient'] = async (url, request) => {
    const { Authorization: _held, ...headers } = request.headers;
    return registry.httpClient(url, url.pathname === '/token' ? request : { ...request, headers });
  };
  const source = await sourceOf({ ...registry, httpClient });
  await expect(source.tags()).rejects.toThrow('answered 401 to GET tags/list');
  expect(registry.seen).toEqual(['GET app/tags/list -', `GET token ${READ} ${PULL}`, 'GET app/tags/list -']);
});

test.each([
  ['repository:team/app:pull,push', 'repository:team/app:pull'],
  ['repository:team/app:*', undefined],
  ['repository:team/app:delete', undefined],
  ['repository:team/app:metadata_write,metadata_read', READ],
  ['registry:host:5000:catalog_read', 'registry:host:5000:catalog_read'],
  ['opaque', 'opaque'],
])('no scope that could write is requested: %s', async (named, expected) => {
  const registry = azure(() => named);
  const source = await sourceOf(registry);
  await source.resolve(one).catch(() => undefined);
  const token = registry.seen.find((line) => line.startsWith('GET token'));
  const wanted = expected === undefined || expected === PULL ? PULL : `${expected} ${PULL}`;
  expect(token).toBe(`GET token ${wanted}`);
});

test('a realm that refuses the wider set takes nothing from the tags that are named', async () => {
  const registry = azure(asAzureDoes, (scopes) => !scopes.includes(READ));
  const source = await sourceOf(registry, { accounts: [account] });
  await expect(source.tags()).rejects.toThrow(
    'answered 403 to the credentials configured for this upstream.',
  );
  expect(await source.resolve(one)).toEqual({ digest: image.digest });
});
