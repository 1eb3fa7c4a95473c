/** The targets of redirects, and the credential that goes along or does not. */
import { expect, test } from 'vitest';
import { parseUpstream } from '../../../../../core/reference.ts';
import { ConnectionError } from '../../../../../mirror-job/sources/registry/response/connection-error.ts';
import { followRedirects } from '../../../../../mirror-job/sources/registry/layers/follow-redirects.ts';
import type { AccountRequest } from '../../../../../mirror-job/sources/registry/layer.ts';
import { RedirectError } from '../../../../../mirror-job/sources/registry/response/redirect-error.ts';
import { redirectedTo } from '../../../../../mirror-job/sources/registry/response/redirected-response.ts';
import { nextThat, outgoing, response, type FakeNext } from './fake-next.ts';

const layer = followRedirects({ upstream: parseUpstream('registry.test'), insecure: false });
const redirect = (location: string) => response(307, { location });

function sent({ requests }: FakeNext<AccountRequest>) {
  return requests.map(({ url, authorization, redirectedTo: host }) => [url.href, authorization, host]);
}

test('a credential goes no further than the registry, even when a redirect leads back to it', async () => {
  const done = response(200);
  const first = redirect('/v2/moved');
  const fake = nextThat<AccountRequest>(
    first,
    redirect('https://storage.test/x?y'),
    redirect('https://registry.test/z'),
    done,
  );
  expect(await layer(outgoing({ authorization: 'Bearer token' }), fake.next)).toBe(done);
  expect(sent(fake)).toEqual([
    ['https://registry.test/v2/team/app/manifests/one', 'Bearer token', undefined],
    ['https://registry.test/v2/moved', 'Bearer token', undefined],
    ['https://storage.test/x?y', undefined, 'storage.test'],
    ['https://registry.test/z', undefined, 'registry.test'],
  ]);
  expect([redirectedTo(first), redirectedTo(done), first.isDiscarded, done.isDiscarded]).toEqual([
    undefined,
    'registry.test',
    true,
    false,
  ]);
});

test.each([301, 302, 303, 307, 308])('a %i is followed', async (status) => {
  const done = response(200);
  const fake = nextThat<AccountRequest>(response(status, { location: 'https://storage.test/' }), done);
  expect(await layer(outgoing(), fake.next)).toBe(done);
});

test.each([
  ['a 304', response(304, { location: 'https://storage.test/' })],
  ['a redirect without a location', response(307)],
])('%s is the answer', async (_name, answer) => {
  expect(await layer(outgoing(), nextThat(answer).next)).toBe(answer);
});

test.each(['http://storage.test/', 'ftp://storage.test/', 'https://'])(
  'a redirect to %s is not followed',
  async (location) => {
    await expect(layer(outgoing(), nextThat(redirect(location)).next)).rejects.toThrow(
      new RedirectError(
        'registry.test/team/app: registry.test redirects to an address that is not https, so the redirect was not followed.',
      ),
    );
  },
);

test('an insecure upstream may redirect to plain HTTP', async () => {
  const done = response(200);
  const insecure = followRedirects({ upstream: parseUpstream('registry.test'), insecure: true });
  expect(await insecure(outgoing(), nextThat(redirect('http://storage.test/'), done).next)).toBe(done);
});

test('the sixth redirect is an error', async () => {
  const circle = Array.from({ length: 6 }, () => redirect('https://storage.test/'));
  await expect(layer(outgoing(), nextThat(...circle).next)).rejects.toThrow(
    new RedirectError(
      'registry.test/team/app: manifests/one was redirected more than 5 times; the last time to storage.test.',
    ),
  );
});

test('a host that cannot be reached is marked when the registry has redirected to it', async () => {
  const [own, other] = [new ConnectionError('cut'), new ConnectionError('cut')];
  await expect(layer(outgoing(), nextThat(own).next)).rejects.toBe(own);
  await expect(layer(outgoing(), nextThat(redirect('https://storage.test/'), other).next)).rejects.toBe(
    other,
  );
  expect([redirectedTo(own), redirectedTo(other)]).toEqual([undefined, 'storage.test']);
});
