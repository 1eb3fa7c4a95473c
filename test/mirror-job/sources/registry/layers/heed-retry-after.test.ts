/** The effect of Retry-After: on this request, on all requests, and on the whole registry. */
import { expect, test } from 'vitest';
import { ConnectionError } from '../../../../../mirror-job/sources/registry/response/connection-error.ts';
import { heedRetryAfter } from '../../../../../mirror-job/sources/registry/layers/heed-retry-after.ts';
import { markRedirected } from '../../../../../mirror-job/sources/registry/response/redirected-response.ts';
import { TestClock } from '../../../support/harness.ts';
import { UNREACHABLE, nextThat, outgoing, response } from './fake-next.ts';

function start() {
  const clock = new TestClock();
  const pauses: number[] = [];
  const opened: number[] = [];
  const layer = heedRetryAfter({
    window: { pause: (ms) => pauses.push(ms) },
    breaker: { openUntil: (timeMs) => opened.push(timeMs - clock.now().getTime()) },
    clock,
    maxDelayMs: 60_000,
  });
  return { layer, pauses, opened };
}

async function stateAfter(
  layer: ReturnType<typeof start>['layer'],
  outcome: Error | ReturnType<typeof response>,
) {
  const { state, ...request } = outgoing();
  await layer({ ...request, state }, nextThat(outcome).next).catch(() => undefined);
  return [state.retryAfterMs, state.isRetryAfterTooLong];
}

test.each([408, 425, 429, 500, 502, 503, 504])('a %i pauses all requests', async (status) => {
  const { layer, pauses, opened } = start();
  expect(await stateAfter(layer, response(status, { 'retry-after': '7' }))).toEqual([7000, false]);
  expect([pauses, opened]).toEqual([[7000], []]);
});

test.each([200, 404])('the Retry-After of a %i means nothing', async (status) => {
  const { layer, pauses } = start();
  expect(await stateAfter(layer, response(status, { 'retry-after': '7' }))).toEqual([0, false]);
  expect(pauses).toEqual([]);
});

test('after a wait that is too long, nothing is sent to the registry until then', async () => {
  const { layer, pauses, opened } = start();
  expect(await stateAfter(layer, response(429, { 'retry-after': '61' }))).toEqual([61_000, true]);
  expect([pauses, opened]).toEqual([[], [61_000]]);
});

test('the storage that the registry redirects to does not open the circuit of the registry', async () => {
  const { layer, opened } = start();
  const busy = response(503, { 'retry-after': '61' });
  markRedirected(busy, 'storage.test');
  expect(await stateAfter(layer, busy)).toEqual([61_000, true]);
  expect(opened).toEqual([]);
});

test('the Retry-After of a token server counts too', async () => {
  const { layer, pauses } = start();
  const error = new ConnectionError('auth.test answered 429.', { retryAfter: '9' });
  expect(await stateAfter(layer, error)).toEqual([9000, false]);
  expect(pauses).toEqual([9000]);
});

test('an attempt without Retry-After ends what the attempt before asked for', async () => {
  const { layer } = start();
  const request = outgoing();
  await layer(request, nextThat(response(429, { 'retry-after': '61' })).next);
  await expect(layer(request, nextThat(UNREACHABLE).next)).rejects.toBe(UNREACHABLE);
  expect([request.state.retryAfterMs, request.state.isRetryAfterTooLong]).toEqual([0, false]);
});
