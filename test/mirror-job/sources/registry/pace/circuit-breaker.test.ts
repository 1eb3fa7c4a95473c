/** After how many failures a registry, or a repository, is given up. */
import { expect, test } from 'vitest';
import { CircuitBreaker } from '../../../../../mirror-job/sources/registry/pace/circuit-breaker.ts';

const REGISTRY = { failedParty: 'registry', failures: 5 };

test('a registry is given up after five requests that fail one after the other', () => {
  const breaker = new CircuitBreaker();
  for (let count = 0; count < 4; count += 1) breaker.recordFailure('a', 'registry', breaker.generation);
  expect(breaker.openFor('a')).toBeUndefined();
  breaker.recordFailure('b', 'registry', breaker.generation);
  expect([breaker.openFor('a'), breaker.openFor('c')]).toEqual([REGISTRY, REGISTRY]);
});

test('an answer starts the count anew', () => {
  const breaker = new CircuitBreaker();
  for (let count = 0; count < 4; count += 1) breaker.recordFailure('a', 'registry', breaker.generation);
  breaker.recordAnswer('b');
  breaker.recordFailure('a', 'registry', breaker.generation);
  expect(breaker.openFor('a')).toBeUndefined();
});

test('failures of requests that are on their way at the same time count once, whatever they ask for', () => {
  const breaker = new CircuitBreaker();
  const { generation } = breaker;
  for (let count = 0; count < 24; count += 1) breaker.recordFailure('a', 'registry', generation);
  expect(breaker.openFor('a')).toBeUndefined();
  for (let count = 0; count < 24; count += 1) breaker.recordFailure('b', 'registry', generation);
  expect(breaker.openFor('a')).toBeUndefined();
  for (let count = 0; count < 4; count += 1) breaker.recordFailure('b', 'registry', breaker.generation);
  expect(breaker.openFor('a')).toEqual(REGISTRY);
});

test('a registry is given up after five repositories that fail one after the other, with no answer in between', () => {
  const breaker = new CircuitBreaker();
  for (const path of ['a', 'b', 'c', 'd', 'e']) {
    expect(breaker.openFor('f')).toBeUndefined();
    breaker.recordFailure(path, 'repository', breaker.generation);
  }
  expect(breaker.openFor('f')).toEqual(REGISTRY);
  breaker.recordAnswer('a');
  expect(breaker.openFor('f')).toBeUndefined();
});

test('many repositories that fail at once are not given up', () => {
  const breaker = new CircuitBreaker();
  const { generation } = breaker;
  for (const path of ['a', 'b', 'c', 'd', 'e']) {
    for (let count = 0; count < 5; count += 1) breaker.recordFailure(path, 'repository', generation);
  }
  for (const path of ['a', 'f']) expect(breaker.openFor(path)).toBeUndefined();
});

test('a repository that is given up leaves its siblings alone', () => {
  const breaker = new CircuitBreaker();
  for (let count = 0; count < 5; count += 1) breaker.recordFailure('a', 'repository', breaker.generation);
  expect(breaker.openFor('a')).toEqual({ failedParty: 'repository', failures: 5 });
  expect(breaker.openFor('b')).toBeUndefined();
  breaker.recordAnswer('b');
  expect(breaker.openFor('a')).toBeDefined();
  breaker.recordAnswer('a');
  expect(breaker.openFor('a')).toBeUndefined();
});
