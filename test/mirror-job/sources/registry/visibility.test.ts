/** Whether everybody may read an image, which a public bucket has to know. The digest decides, and not the status. */
import { expect, test } from 'vitest';
import { parseDigest } from '../../../../core/digest.ts';
import type { RegistryOptions } from '../../../../mirror-job/sources/registry/registry-options.ts';
import type { RogueRegistry } from '../../../support/rogue-registry.ts';
import { fakeHttpClient } from './fake-http-client.ts';
import { sourceAt } from '../../support/harness.ts';
import { account, basic, credential, image, startPrivate } from './private-registry.ts';

const digest = parseDigest(image.digest);

async function source(registry: RogueRegistry, options: Partial<RegistryOptions> = {}) {
  return sourceAt(registry.host, 'team/app', options);
}

test.each([
  ['everybody may read', { kind: 'bearer' } as const, true],
  ['only callers with a token may read', { kind: 'bearer', credentials: credential } as const, false],
  ['only callers with a password may read', { kind: 'basic', ...credential } as const, false],
])('isPublic is right and sends no password, when %s', async (_name, auth, expected) => {
  const registry = await startPrivate(auth);
  const from = await source(registry, { accounts: [account] });
  expect(await from.isPublic(digest)).toBe(expected);
  registry.misbehave(({ method }) => (method === 'HEAD' ? { kind: 'status', status: 405 } : undefined));
  expect(await from.isPublic(digest)).toBe(expected);
  expect(registry.requests.some(({ headers }) => headers.authorization === basic)).toBe(false);
});

test('isPublic fails for a manifest that does not exist, and learns nothing about the repository from it', async () => {
  const registry = await startPrivate({ kind: 'bearer' });
  const from = await source(registry, { accounts: [account] });
  const absent = parseDigest(`sha256:${'0'.repeat(64)}`);
  await expect(from.isPublic(absent)).rejects.toThrow(`${registry.host}/team/app has no manifest ${absent}.`);
  expect(await from.isPublic(digest)).toBe(true);
});

/** A registry that redirects anonymous requests to the page of a portal. @param page gives the portal's response */
function behindPortal(page: (method: string) => Response): RegistryOptions['httpClient'] {
  return fakeHttpClient((url, headers, _body, method) => {
    if (new URL(url).host === 'portal.test') return page(method);
    return headers['Authorization'] === undefined
      ? new Response(null, { status: 302, headers: { location: 'https://portal.test/login' } })
      : new Response(null, { status: 200, headers: { 'docker-content-digest': digest } });
  });
}

test.each<[string, (method: string) => Response]>([
  ['a page', (method) => new Response(method === 'HEAD' ? null : '<html>Log in</html>')],
  [
    'a page that names another digest',
    (method) =>
      new Response(method === 'HEAD' ? null : '<html>Log in</html>', {
        headers: { 'docker-content-digest': `sha256:${'0'.repeat(64)}` },
      }),
  ],
  ['nothing', () => new Response(null)],
])('an image is private when anonymous callers get 200 and %s', async (_name, page) => {
  const options = { accounts: [account], insecure: false, httpClient: behindPortal(page) };
  const from = await sourceAt('registry.test', 'team/app', options);
  expect(await from.isPublic(digest)).toBe(false);
});

test('an image is public when the response names no digest, and is the manifest', async () => {
  const registry = await startPrivate({ kind: 'bearer' }, (path) =>
    path.includes('/manifests/') ? { kind: 'headers', omit: ['Docker-Content-Digest'] } : undefined,
  );
  const from = await source(registry, { accounts: [account] });
  expect(await from.isPublic(digest)).toBe(true);
  expect(registry.requests.filter(({ kind }) => kind === 'manifest').map(({ method }) => method)).toEqual([
    'HEAD',
    'HEAD',
    'GET',
  ]);
});
