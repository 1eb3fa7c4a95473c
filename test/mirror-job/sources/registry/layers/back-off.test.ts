/** The effect of a refusal on the requests that follow it. */
import { expect, test } from 'vitest';
import { parseUpstream } from '../../../../../core/reference.ts';
import { createBackoffs } from '../../../../../mirror-job/sources/registry/pace/backoff.ts';
import { ConnectionError } from '../../../../../mirror-job/sources/registry/response/connection-error.ts';
import { backOff } from '../../../../../mirror-job/sources/registry/layers/back-off.ts';
import { markRedirected } from '../../../../../mirror-job/sources/registry/response/redirected-response.ts';
import { TestClock } from '../../../support/harness.ts';
import { nextThat, outgoing, response } from './fake-next.ts';

function start() {
  const clock = new TestClock();
  const backoffs = createBackoffs(clock, new AbortController().signal);
  const retry = { attempts: 4, delayMs: 1000, maxDelayMs: 60_000 };
  const layer = backOff({ upstream: parseUpstream('registry.test'), backoffs, retry });
  return { clock, backoffs, layer };
}

test.each([429, 503])(
  'after a %i the next request of that kind waits, and other kinds do not',
  async (status) => {
    const { clock, backoffs, layer } = start();
    const refused = outgoing();
    await layer(refused, nextThat(response(status)).next);
    expect([refused.state.isBackedOff, backoffs.manifestGets.refusals]).toEqual([true, 1]);
    await layer(outgoing({ method: 'HEAD' }), nextThat(response(200)).next);
    expect(clock.sleeps).toEqual([]);
    await layer(outgoing(), nextThat(response(200)).next);
    expect([clock.sleeps.length, backoffs.manifestGets.refusals]).toEqual([1, 0]);
    expect(clock.sleeps[0]).toBeGreaterThanOrEqual(750);
    expect(clock.sleeps[0]).toBeLessThan(1250);
  },
);

test('the wait is as long as Retry-After says, and none when that is too long to wait for', async () => {
  const { clock, layer } = start();
  await layer(outgoing(), async ({ state }) => {
    state.retryAfterMs = 7000;
    return response(429);
  });
  await layer(outgoing(), async ({ state }) => {
    state.retryAfterMs = 3_600_000;
    state.isRetryAfterTooLong = true;
    return response(429);
  });
  expect(clock.sleeps).toEqual([7000]);
  await layer(outgoing(), nextThat(response(200)).next);
  expect(clock.sleeps).toEqual([7000]);
});

test('a token server that refuses counts like the registry', async () => {
  const { backoffs, layer } = start();
  const refusal = { status: 429, by: 'auth.test' };
  const error = new ConnectionError('auth.test answered 429.', { refusal });
  const request = outgoing();
  await expect(layer(request, nextThat(error).next)).rejects.toBe(error);
  expect([request.state.isBackedOff, backoffs.manifestGets.refusals]).toEqual([true, 1]);
});

test('a 503 of the storage that the registry redirects to refuses nothing', async () => {
  const { backoffs, layer } = start();
  const busy = response(503);
  markRedirected(busy, 'storage.test');
  const request = outgoing();
  await layer(request, nextThat(busy).next);
  expect([request.state.isBackedOff, backoffs.manifestGets.refusals]).toEqual([false, 0]);
});

test('an error neither refuses nor answers', async () => {
  const { backoffs, layer } = start();
  await layer(outgoing(), nextThat(response(429)).next);
  const request = outgoing();
  await expect(layer(request, nextThat(new Error('failed')).next)).rejects.toThrow('failed');
  expect([request.state.isBackedOff, backoffs.manifestGets.refusals]).toEqual([false, 1]);
});
