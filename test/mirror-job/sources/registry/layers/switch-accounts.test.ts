/** Which account sends a request, and when the next one sends it again. */
import { expect, test } from 'vitest';
import { parseUpstream } from '../../../../../core/reference.ts';
import { SkippedError } from '../../../../../mirror-job/engine/support/skipped-error.ts';
import { AccountOutOfQuotaError } from '../../../../../mirror-job/sources/registry/pace/account-out-of-quota-error.ts';
import { Accounts } from '../../../../../mirror-job/sources/registry/auth/accounts.ts';
import type {
  AccountRequest,
  Next,
  OutgoingRequest,
} from '../../../../../mirror-job/sources/registry/layer.ts';
import { CredentialRefusedError } from '../../../../../mirror-job/sources/registry/auth/credential-refused-error.ts';
import { switchAccounts } from '../../../../../mirror-job/sources/registry/layers/switch-accounts.ts';
import { QuotaReachedError } from '../../../../../mirror-job/sources/registry/pace/quota-reached-error.ts';
import { markRedirected } from '../../../../../mirror-job/sources/registry/response/redirected-response.ts';
import { nextThat, outgoing, response, sessionOf } from './fake-next.ts';

function start() {
  const [a, b, nobody] = [sessionOf(), sessionOf(), sessionOf()];
  const names = new Map<object, string>([
    [a, 'a'],
    [b, 'b'],
    [nobody, 'nobody'],
  ]);
  const warned: string[] = [];
  const options = {
    upstream: parseUpstream('registry.test'),
    accounts: new Accounts(a, [b]),
    anonymous: new Accounts(nobody, []),
    budget: { exhaust: (account: object) => `nothing is left of ${names.get(account)}` },
    log: { warn: (message: string) => warned.push(message) },
  };
  const layer = (request: OutgoingRequest, next: Next<AccountRequest>) =>
    switchAccounts(options, next)(request);
  /** The accounts that sent the requests. */
  const senders = (requests: readonly AccountRequest[]) => requests.map(({ session }) => names.get(session));
  return { layer, warned, senders };
}

test.each([401, 403, 429])('after a %i the next account asks, and the refusal is let go', async (status) => {
  const { layer, senders } = start();
  const [refused, done] = [response(status), response(200)];
  const { next, requests } = nextThat<AccountRequest>(refused, done);
  expect(await layer(outgoing(), next)).toBe(done);
  expect([senders(requests), refused.isDiscarded, done.isDiscarded]).toEqual([['a', 'b'], true, false]);
});

test('the last account’s refusal is the answer', async () => {
  const { layer, senders } = start();
  const last = response(403);
  const { next, requests } = nextThat<AccountRequest>(response(403), last);
  expect(await layer(outgoing(), next)).toBe(last);
  expect(senders(requests)).toEqual(['a', 'b']);
});

test('an anonymous request is sent without any account', async () => {
  const { layer, senders } = start();
  const refused = response(401);
  const { next, requests } = nextThat<AccountRequest>(refused);
  expect(await layer(outgoing({ anonymous: true }), next)).toBe(refused);
  expect(senders(requests)).toEqual(['nobody']);
});

test('a refusal by the storage that the registry redirects to says nothing about the account', async () => {
  const { layer, senders } = start();
  const refused = response(403);
  markRedirected(refused, 'storage.test');
  const { next, requests } = nextThat<AccountRequest>(refused);
  expect(await layer(outgoing(), next)).toBe(refused);
  expect(senders(requests)).toEqual(['a']);
});

test('a credential that is refused makes it the next account’s turn, with one warning per account', async () => {
  const { layer, warned, senders } = start();
  const refused = new CredentialRefusedError('registry.test refuses a.');
  const { next, requests } = nextThat<AccountRequest>(refused, response(200), refused, response(200));
  await layer(outgoing(), next);
  await layer(outgoing({ path: 'team/other' }), next);
  expect(senders(requests)).toEqual(['a', 'b', 'a', 'b']);
  expect(warned).toEqual(['registry.test refuses a. Another account of this upstream is used instead.']);
});

test('the request is skipped when no account has any quota left', async () => {
  const { layer, senders } = start();
  const { next, requests } = nextThat<AccountRequest>(new QuotaReachedError(), new QuotaReachedError());
  await expect(layer(outgoing(), next)).rejects.toEqual(new SkippedError('nothing is left of b'));
  expect(senders(requests)).toEqual(['a', 'b']);
});

test('the request is left for later when the account that may read the repository has no quota left', async () => {
  const { layer } = start();
  const absent = response(404);
  const { next } = nextThat(response(200), response(429), absent);
  await layer(outgoing(), next);
  await expect(layer(outgoing(), next)).rejects.toThrow(AccountOutOfQuotaError);
  expect(absent.isDiscarded).toBe(true);
});
