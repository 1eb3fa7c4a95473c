/** When a request is sent again, and after which wait. */
import { expect, test } from 'vitest';
import { SourceError } from '../../../../../mirror-job/engine/source.ts';
import { AttemptError } from '../../../../../mirror-job/sources/registry/pace/attempt-error.ts';
import { retry } from '../../../../../mirror-job/sources/registry/layers/retry.ts';
import { TestClock } from '../../../support/harness.ts';
import { nextThat, outgoing, response } from './fake-next.ts';

const passing = new AttemptError(new SourceError('passing'), true);
const final = new AttemptError(new SourceError('final'), false);

function start() {
  const clock = new TestClock();
  const stop = new AbortController();
  const policy = { attempts: 4, delayMs: 1000, maxDelayMs: 60_000 };
  return { clock, stop, layer: retry({ retry: policy, clock, signal: stop.signal }) };
}

test('a request is sent again after waits that double, with a quarter of jitter', async () => {
  const { clock, layer } = start();
  const done = response(200);
  const { next, requests } = nextThat(passing, passing, passing, done);
  expect(await layer(outgoing(), next)).toBe(done);
  expect(requests.length).toBe(4);
  for (const [index, expected] of [1000, 2000, 4000].entries()) {
    expect(clock.sleeps[index]).toBeGreaterThanOrEqual(0.75 * expected);
    expect(clock.sleeps[index]).toBeLessThan(1.25 * expected);
  }
});

test.each([
  ['the most attempts', {}, 4],
  ['the fewer attempts that the request allows', { attempts: 2 }, 2],
])('the last error is thrown after %s', async (_name, more, sent) => {
  const { layer } = start();
  const { next, requests } = nextThat(passing, passing, passing, passing);
  await expect(layer(outgoing(more), next)).rejects.toBe(passing);
  expect(requests.length).toBe(sent);
});

test.each([
  ['an answer that another attempt would not change', final],
  ['an error that is of no attempt', new Error('given up')],
])('%s is thrown at once', async (_name, error) => {
  const { clock, layer } = start();
  const { next, requests } = nextThat(error);
  await expect(layer(outgoing(), next)).rejects.toBe(error);
  expect([requests.length, clock.sleeps]).toEqual([1, []]);
});

test('the wait is as long as the response asked for in Retry-After, when that is longer', async () => {
  const { clock, layer } = start();
  const request = outgoing();
  request.state.retryAfterMs = 30_000;
  await layer(request, nextThat(passing, response(200)).next);
  expect(clock.sleeps).toEqual([30_000]);
});

test('no attempt follows a Retry-After that is too long', async () => {
  const { layer } = start();
  const request = outgoing();
  request.state.isRetryAfterTooLong = true;
  const { next, requests } = nextThat(passing);
  await expect(layer(request, next)).rejects.toBe(passing);
  expect(requests.length).toBe(1);
});

test('a request does not wait by itself while all requests of its kind wait', async () => {
  const { clock, layer } = start();
  const request = outgoing();
  request.state.isBackedOff = true;
  await layer(request, nextThat(passing, response(200)).next);
  expect(clock.sleeps).toEqual([]);
});

test('a run that has to stop sends nothing, and ends with the reason of its signal', async () => {
  const { stop, layer } = start();
  stop.abort(new Error('stopped'));
  const { next, requests } = nextThat();
  await expect(layer(outgoing(), next)).rejects.toThrow('stopped');
  expect(requests).toEqual([]);
});

test('a run that has to stop during an attempt does not report what the attempt met', async () => {
  const { stop, layer } = start();
  const running = layer(outgoing(), async () => {
    stop.abort(new Error('stopped'));
    throw final;
  });
  await expect(running).rejects.toThrow('stopped');
});
