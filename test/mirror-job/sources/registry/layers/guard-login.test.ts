/** When a password that was refused is not sent again. */
import { expect, test } from 'vitest';
import type { AccountRequest } from '../../../../../mirror-job/sources/registry/layer.ts';
import { CredentialRefusedError } from '../../../../../mirror-job/sources/registry/auth/credential-refused-error.ts';
import { guardLogin } from '../../../../../mirror-job/sources/registry/layers/guard-login.ts';
import { markRedirected } from '../../../../../mirror-job/sources/registry/response/redirected-response.ts';
import { nextThat, outgoing, response, sessionOf } from './fake-next.ts';

const authorization = `Basic ${Buffer.from('user:secret').toString('base64')}`;
const account = async () => ({ username: 'user', password: 'secret', from: 'of the test' });

/** Sends a GET that is answered with `first`, then a GET of the same repository. */
async function sendAfter(first: ReturnType<typeof response>, more: { method?: 'HEAD' } = {}) {
  const session = sessionOf(account);
  const { next, requests } = nextThat<AccountRequest>(first, response(200));
  await guardLogin()(outgoing({ session, authorization, ...more }), next);
  const second = await guardLogin()(outgoing({ session, authorization }), next).catch(
    (error: unknown) => error,
  );
  return { second, sent: requests.length };
}

test('a password that a GET refused is not sent to that repository again', async () => {
  const { second, sent } = await sendAfter(response(401));
  expect([second, sent]).toEqual([
    new CredentialRefusedError('registry.test answered 401 to the credentials of the test.'),
    1,
  ]);
});

test.each<[string, ReturnType<typeof response>, { method?: 'HEAD' }]>([
  ['a HEAD that was refused, because some registries refuse every HEAD', response(401), { method: 'HEAD' }],
  ['a 403, which may concern one resource', response(403), {}],
  ['a 500, which says nothing', response(500), {}],
  ['a 404, which accepts the password', response(404), {}],
])('it is sent again after %s', async (_name, first, more) => {
  expect((await sendAfter(first, more)).sent).toBe(2);
});

test('a refusal of a host that the registry redirects to does not refuse the password', async () => {
  const refused = response(401);
  markRedirected(refused, 'storage.test');
  expect((await sendAfter(refused)).sent).toBe(2);
});

test('a request with a token, or without a credential, is passed on as it is', async () => {
  const { next, requests } = nextThat<AccountRequest>(response(401), response(401));
  await guardLogin()(outgoing({ session: sessionOf(account), authorization: 'Bearer token' }), next);
  await guardLogin()(outgoing({ session: sessionOf() }), next);
  expect(requests.map((request) => request.authorization)).toEqual(['Bearer token', undefined]);
});
