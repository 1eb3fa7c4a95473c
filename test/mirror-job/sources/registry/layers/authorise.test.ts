/** How a 401 is answered. */
import { expect, test } from 'vitest';
import type { AccountRequest } from '../../../../../mirror-job/sources/registry/layer.ts';
import { authorise } from '../../../../../mirror-job/sources/registry/layers/authorise.ts';
import { markRedirected } from '../../../../../mirror-job/sources/registry/response/redirected-response.ts';
import { nextThat, outgoing, response, sessionOf } from './fake-next.ts';

const credential = { username: 'user', password: 'secret', from: 'of the test' };
const BASIC = `Basic ${Buffer.from('user:secret').toString('base64')}`;
const challenge = () => response(401, { 'www-authenticate': 'Basic realm="registry"' });

test('a challenge is answered with the account’s credential, which later requests send at once', async () => {
  const session = sessionOf(async () => credential);
  const [first, done] = [challenge(), response(200)];
  const { next, requests } = nextThat<AccountRequest>(first, done, response(200));
  expect(await authorise()(outgoing({ session }), next)).toBe(done);
  await authorise()(outgoing({ session }), next);
  expect(requests.map(({ authorization }) => authorization)).toEqual([undefined, BASIC, BASIC]);
  expect(first.isDiscarded).toBe(true);
});

test.each([
  ['a caller without a credential', undefined, 1],
  ['a credential that is refused', async () => credential, 2],
])('the 401 is the answer for %s', async (_name, account, sent) => {
  const refusals = [challenge(), challenge()];
  const { next, requests } = nextThat<AccountRequest>(...refusals);
  const answer = await authorise()(outgoing({ session: sessionOf(account) }), next);
  expect([answer === refusals[sent - 1], requests.length]).toEqual([true, sent]);
});

test('a challenge of a host that the registry redirects to is not answered', async () => {
  const refused = challenge();
  markRedirected(refused, 'storage.test');
  const { next, requests } = nextThat<AccountRequest>(refused);
  const session = sessionOf(async () => credential);
  expect(await authorise()(outgoing({ session }), next)).toBe(refused);
  expect(requests.length).toBe(1);
});

test('a 401 is let go when the credential cannot be had', async () => {
  const refused = challenge();
  const session = sessionOf(() => Promise.reject(new Error('no helper')));
  await expect(authorise()(outgoing({ session }), nextThat(refused).next)).rejects.toThrow('no helper');
  expect(refused.isDiscarded).toBe(true);
});
