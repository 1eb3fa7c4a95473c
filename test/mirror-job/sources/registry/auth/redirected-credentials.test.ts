/** Credentials do not follow a redirect to another host, and do not come back from it. */
import { expect, test } from 'vitest';
import { parseDigest } from '../../../../../core/digest.ts';
import { fakeHttpClient } from '../fake-http-client.ts';
import { sourceAt } from '../../../support/harness.ts';
import { account, basic, layer } from '../private-registry.ts';

const blob = parseDigest(layer.digest);

function redirectTo(location: string): Response {
  return new Response(null, { status: 307, headers: { location } });
}

function refuse(challenge: string): Response {
  return new Response(null, { status: 401, headers: { 'www-authenticate': challenge } });
}

/**
 * registry.test redirects requests with a login to storage.test.
 * @param storage the storage's response
 * @param end the registry's response at /end, which needs no login
 */
async function redirectingSource(
  challenge: string,
  storage: () => Response,
  end = () => new Response('blob'),
) {
  const sent: string[] = [];
  const source = await sourceAt('registry.test', 'team/app', {
    accounts: [account],
    insecure: false,
    httpClient: fakeHttpClient((url, headers) => {
      const { host, pathname } = new URL(url);
      const isBlob = pathname.includes('/blobs/');
      sent.push(`${host}${isBlob ? '/blob' : pathname} ${headers['Authorization'] ?? '-'}`);
      if (pathname === '/token') return Response.json({ token: `of ${host}` });
      if (host === 'storage.test') return storage();
      if (pathname === '/end') return end();
      if (headers['Authorization'] === undefined) return refuse(challenge);
      return redirectTo('https://storage.test/detour');
    }),
  });
  const read = () => source.blob(blob, layer.size, 0);
  return { read, sent };
}

const BASIC = 'Basic realm="r"';
const BEARER = 'Bearer realm="https://registry.test/token",service="s"';
const STOLEN = 'Bearer realm="https://thief.test/token",service="s"';

test.each([
  ['another realm', STOLEN],
  [
    'another realm, and a scope that was not asked for yet',
    `${STOLEN},scope="repository:team/app:metadata_read"`,
  ],
  ['a password', 'Basic realm="storage"'],
])(
  'a storage that asks for %s gets nothing, and decides nothing for later requests',
  async (_name, asked) => {
    const { read, sent } = await redirectingSource(BASIC, () => refuse(asked));
    const refusal = `registry.test/team/app: storage.test, to which the registry redirects, answered 401 to GET blobs/${blob}.`;
    await expect(read()).rejects.toThrow(refusal);
    await expect(read()).rejects.toThrow(refusal);
    expect(sent).toEqual([
      'registry.test/blob -',
      `registry.test/blob ${basic}`,
      'storage.test/detour -',
      `registry.test/blob ${basic}`,
      'storage.test/detour -',
    ]);
  },
);

test.each([
  ['Basic', BASIC, [`registry.test/blob ${basic}`]],
  ['Bearer', BEARER, [`registry.test/token ${basic}`, 'registry.test/blob Bearer of registry.test']],
])('%s: credentials do not come back by way of another host', async (_name, challenge, login) => {
  const { read, sent } = await redirectingSource(challenge, () => redirectTo('https://registry.test/end'));
  expect(await read()).toBeDefined();
  expect(sent).toEqual(['registry.test/blob -', ...login, 'storage.test/detour -', 'registry.test/end -']);
});

test('a 401 to which another host has led is not answered', async () => {
  const { read, sent } = await redirectingSource(
    BASIC,
    () => redirectTo('https://registry.test/end'),
    () => refuse(`${STOLEN},scope="repository:team/app:metadata_read"`),
  );
  await expect(read()).rejects.toThrow('registry.test, to which the registry redirects, answered 401');
  await expect(read()).rejects.toThrow('registry.test, to which the registry redirects, answered 401');
  const each = [`registry.test/blob ${basic}`, 'storage.test/detour -', 'registry.test/end -'];
  expect(sent).toEqual(['registry.test/blob -', ...each, ...each]);
});

test('a redirect within the registry keeps the credentials', async () => {
  const sent: string[] = [];
  const source = await sourceAt('registry.test', 'team/app', {
    accounts: [account],
    insecure: false,
    httpClient: fakeHttpClient((url, headers) => {
      sent.push(`${new URL(url).pathname === '/end' ? 'end' : 'blob'} ${headers['Authorization'] ?? '-'}`);
      if (headers['Authorization'] === undefined) return refuse(BASIC);
      return url.endsWith('/end') ? new Response('blob') : redirectTo('/end');
    }),
  });
  expect(await source.blob(blob, layer.size, 0)).toBeDefined();
  expect(sent).toEqual(['blob -', `blob ${basic}`, `end ${basic}`]);
});
