/** The outcome that the circuit breaker learns of a request after all its attempts. */
import { expect, test } from 'vitest';
import { SourceError } from '../../../../../mirror-job/engine/source.ts';
import { AttemptError } from '../../../../../mirror-job/sources/registry/pace/attempt-error.ts';
import { CircuitBreaker } from '../../../../../mirror-job/sources/registry/pace/circuit-breaker.ts';
import { countOutcomes } from '../../../../../mirror-job/sources/registry/layers/count-outcomes.ts';
import { nextThat, outgoing, response } from './fake-next.ts';

const failure = new SourceError('failed');

/** Sends one request in the breaker's generation. */
async function send(breaker: CircuitBreaker, outcome: Error | ReturnType<typeof response>): Promise<unknown> {
  const request = outgoing();
  request.state.generation = breaker.generation;
  return countOutcomes(breaker)(request, nextThat(outcome).next).catch((error: unknown) => error);
}

test('five failures in a row open the circuit, and the caller gets the sentence of each', async () => {
  const breaker = new CircuitBreaker();
  for (let count = 0; count < 5; count += 1) {
    expect(breaker.openFor('team/app')).toBeUndefined();
    expect(await send(breaker, new AttemptError(failure, true, 'repository'))).toBe(failure);
  }
  expect(breaker.openFor('team/app')).toEqual({ failedParty: 'repository', failures: 5 });
});

test.each<[string, Error | ReturnType<typeof response>]>([
  ['a response', response(200)],
  ['a refusal, which another attempt would not change', new AttemptError(failure, false, 'repository')],
])('%s starts the count anew', async (_name, outcome) => {
  const breaker = new CircuitBreaker();
  for (let count = 0; count < 4; count += 1)
    await send(breaker, new AttemptError(failure, true, 'repository'));
  await send(breaker, outcome);
  await send(breaker, new AttemptError(failure, true, 'repository'));
  expect(breaker.openFor('team/app')).toBeUndefined();
});

test.each<[string, Error]>([
  ['a failure that was counted already', new AttemptError(failure, true)],
  ['an error of another layer', new Error('stopped')],
])('%s does not count', async (_name, error) => {
  const breaker = new CircuitBreaker();
  for (let count = 0; count < 6; count += 1) await send(breaker, error);
  expect([breaker.generation, breaker.openFor('team/app')]).toEqual([0, undefined]);
});

test('a request that was never sent does not count', async () => {
  const breaker = new CircuitBreaker();
  const { next } = nextThat(new AttemptError(failure, true, 'registry'));
  await expect(countOutcomes(breaker)(outgoing(), next)).rejects.toBe(failure);
  expect(breaker.generation).toBe(0);
});
