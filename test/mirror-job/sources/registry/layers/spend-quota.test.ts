/** Which requests spend of a quota, and what is asked before the first of them. */
import { expect, test } from 'vitest';
import { Budget, NO_BUDGET } from '../../../../../mirror-job/sources/registry/pace/budget.ts';
import { spendQuota } from '../../../../../mirror-job/sources/registry/layers/spend-quota.ts';
import { QuotaReachedError } from '../../../../../mirror-job/sources/registry/pace/quota-reached-error.ts';
import { nextThat, outgoing, response, sessionOf } from './fake-next.ts';

const session = sessionOf();

function start(keepRemaining?: number) {
  const budget = new Budget('registry.test', { ...NO_BUDGET, keepRemaining });
  return { layer: spendQuota(budget), remaining: () => budget.quotasOf([session])[0]?.remaining };
}

function left(count: number) {
  return response(200, { 'ratelimit-remaining': String(count) });
}

test('a HEAD asks what is left before the first GET of a manifest, once for all that wait', async () => {
  const { layer, remaining } = start(5);
  const { next, requests } = nextThat(left(10), left(9), left(8));
  await Promise.all([layer(outgoing({ session }), next), layer(outgoing({ session }), next)]);
  expect([requests.map(({ method }) => method), remaining()]).toEqual([['HEAD', 'GET', 'GET'], 8]);
});

test('a GET of a manifest is not sent when keepRemaining is reached', async () => {
  const { layer } = start(5);
  const { next, requests } = nextThat(left(5));
  await expect(layer(outgoing({ session }), next)).rejects.toThrow(QuotaReachedError);
  expect(requests.map(({ method }) => method)).toEqual(['HEAD']);
});

test('a probe that fails fails its request, and the next request probes again', async () => {
  const { layer } = start(5);
  const { next, requests } = nextThat(new Error('cut'), left(10), left(9));
  await expect(layer(outgoing({ session }), next)).rejects.toThrow('cut');
  expect((await layer(outgoing({ session }), next)).status).toBe(200);
  expect(requests.map(({ method }) => method)).toEqual(['HEAD', 'HEAD', 'GET']);
});

test.each([
  ['a HEAD of a manifest says what is left', { method: 'HEAD' }, 7],
  ['a blob says nothing of the quota', { resource: 'blobs/sha256:0' }, undefined],
  ['a list says nothing of the quota', { resource: 'tags/list' }, undefined],
  ['an anonymous request says nothing of the account', { anonymous: true }, undefined],
] as const)('%s', async (_name, more, expected) => {
  const { layer, remaining } = start();
  await layer(outgoing({ session, ...more }), nextThat(left(7)).next);
  expect(remaining()).toBe(expected);
});

test('a GET that fails is no longer on its way', async () => {
  const { layer } = start(5);
  const { next } = nextThat(left(6), new Error('cut'), left(6));
  await expect(layer(outgoing({ session }), next)).rejects.toThrow('cut');
  expect((await layer(outgoing({ session }), next)).status).toBe(200);
});
