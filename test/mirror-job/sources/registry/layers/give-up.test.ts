/** When nothing is sent any more, and the sentence that says why. */
import { expect, test } from 'vitest';
import { parseUpstream } from '../../../../../core/reference.ts';
import { createBackoffs } from '../../../../../mirror-job/sources/registry/pace/backoff.ts';
import { CircuitBreaker } from '../../../../../mirror-job/sources/registry/pace/circuit-breaker.ts';
import { giveUp } from '../../../../../mirror-job/sources/registry/layers/give-up.ts';
import { TestClock } from '../../../support/harness.ts';
import { nextThat, outgoing, response } from './fake-next.ts';

function start() {
  const clock = new TestClock();
  const breaker = new CircuitBreaker();
  const backoffs = createBackoffs(clock, new AbortController().signal);
  const upstream = parseUpstream('registry.test');
  const layer = giveUp({ upstream, address: 'https://registry.test', breaker, backoffs, clock });
  const fail = (path: string, failedParty: 'registry' | 'repository'): void => {
    for (let count = 0; count < 5; count += 1) breaker.recordFailure(path, failedParty, breaker.generation);
  };
  return { clock, breaker, backoffs, layer, fail };
}

test('a request is passed on while nothing is given up', async () => {
  const { layer } = start();
  const done = response(200);
  expect(await layer(outgoing(), nextThat(done).next)).toBe(done);
});

test('nothing is sent to a registry that has failed five times in a row', async () => {
  const { layer, fail } = start();
  fail('team/other', 'registry');
  await expect(layer(outgoing(), nextThat().next)).rejects.toThrow(
    'https://registry.test failed 5 times in a row; it is not asked again in this run.',
  );
});

test('nothing is sent to a repository that has failed five times in a row, and its siblings go on', async () => {
  const { layer, fail } = start();
  fail('team/app', 'repository');
  await expect(layer(outgoing(), nextThat().next)).rejects.toThrow(
    'registry.test/team/app failed 5 times in a row; it is not asked again in this run.',
  );
  const done = response(200);
  expect(await layer(outgoing({ path: 'team/other' }), nextThat(done).next)).toBe(done);
});

test('a kind of request that was refused too often is not sent, and other kinds are', async () => {
  const { layer, backoffs } = start();
  for (let count = 0; count < 7; count += 1) {
    (await backoffs.manifestGets.enter('team/app'))({ status: 429, by: 'registry.test', waitMs: 0 });
  }
  await expect(layer(outgoing(), nextThat().next)).rejects.toThrow(
    'registry.test answered 429 to 7 manifest GETs of team/app in a row: its rate limit is reached.',
  );
  const done = response(200);
  expect(await layer(outgoing({ method: 'HEAD' }), nextThat(done).next)).toBe(done);
});

test('nothing is sent before the time that a long Retry-After has named', async () => {
  const { layer, breaker, clock } = start();
  breaker.openUntil(clock.now().getTime() + 3_600_000);
  await expect(layer(outgoing(), nextThat().next)).rejects.toThrow(
    'registry.test/team/app: the registry allows no request until 2026-01-01T01:00:00.000Z (Retry-After), and is not asked before that time.',
  );
  clock.advance(3_600_000);
  const done = response(200);
  expect(await layer(outgoing(), nextThat(done).next)).toBe(done);
});
