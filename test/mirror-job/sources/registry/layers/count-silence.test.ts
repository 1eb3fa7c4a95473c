/** Which failures of single attempts the circuit breaker learns at once. */
import { expect, test } from 'vitest';
import { CircuitBreaker } from '../../../../../mirror-job/sources/registry/pace/circuit-breaker.ts';
import { countSilence } from '../../../../../mirror-job/sources/registry/layers/count-silence.ts';
import { SILENCE, UNREACHABLE, nextThat, outgoing, response } from './fake-next.ts';

test('five attempts in a row that meet silence open the circuit, whichever requests they belong to', async () => {
  const breaker = new CircuitBreaker();
  const layer = countSilence(breaker);
  const request = outgoing();
  for (let count = 0; count < 3; count += 1) {
    await expect(layer(request, nextThat(SILENCE).next)).rejects.toBe(SILENCE);
  }
  expect(breaker.openFor('team/app')).toBeUndefined();
  for (let count = 0; count < 2; count += 1) {
    await expect(layer(outgoing({ path: 'team/other' }), nextThat(SILENCE).next)).rejects.toBe(SILENCE);
  }
  expect(breaker.openFor('team/app')).toEqual({ failedParty: 'registry', failures: 5 });
});

test('a registry that cannot be reached is not counted here, because only the last attempt counts', async () => {
  const breaker = new CircuitBreaker();
  await expect(countSilence(breaker)(outgoing(), nextThat(UNREACHABLE).next)).rejects.toBe(UNREACHABLE);
  expect(breaker.generation).toBe(0);
});

test('a request keeps the generation of its first attempt', async () => {
  const breaker = new CircuitBreaker();
  const layer = countSilence(breaker);
  const request = outgoing();
  await layer(request, nextThat(response(500)).next);
  breaker.recordFailure('team/other', 'registry', breaker.generation);
  await layer(request, nextThat(response(500)).next);
  expect([request.state.generation, breaker.generation]).toEqual([0, 1]);
});
