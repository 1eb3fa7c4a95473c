/** How many failures a registry is given, and a repository of it. */
import { expect, test } from 'vitest';
import { CircuitBreaker } from '../../../../mirror-job/sources/registry/circuit-breaker.ts';

const REGISTRY = { whose: 'registry', after: 5 };

test('a registry is given up after five requests that fail one after the other', () => {
  const breaker = new CircuitBreaker();
  for (let count = 0; count < 4; count += 1) breaker.add('a', 'registry', breaker.generation);
  expect(breaker.givenUp('a')).toBeUndefined();
  breaker.add('b', 'registry', breaker.generation);
  expect([breaker.givenUp('a'), breaker.givenUp('c')]).toEqual([REGISTRY, REGISTRY]);
});

test('an answer starts the count anew', () => {
  const breaker = new CircuitBreaker();
  for (let count = 0; count < 4; count += 1) breaker.add('a', 'registry', breaker.generation);
  breaker.end('b');
  breaker.add('a', 'registry', breaker.generation);
  expect(breaker.givenUp('a')).toBeUndefined();
});

test('failures of requests that are under way at once count once, whatever they ask for', () => {
  const breaker = new CircuitBreaker();
  const { generation } = breaker;
  for (let count = 0; count < 24; count += 1) breaker.add('a', 'registry', generation);
  expect(breaker.givenUp('a')).toBeUndefined();
  for (let count = 0; count < 24; count += 1) breaker.add('b', 'registry', generation);
  expect(breaker.givenUp('a')).toBeUndefined();
  for (let count = 0; count < 4; count += 1) breaker.add('b', 'registry', breaker.generation);
  expect(breaker.givenUp('a')).toEqual(REGISTRY);
});

test('a registry is given up after five repositories that fail one after the other, with no answer in between', () => {
  const breaker = new CircuitBreaker();
  for (const path of ['a', 'b', 'c', 'd', 'e']) {
    expect(breaker.givenUp('f')).toBeUndefined();
    breaker.add(path, 'repository', breaker.generation);
  }
  expect(breaker.givenUp('f')).toEqual(REGISTRY);
  breaker.end('a');
  expect(breaker.givenUp('f')).toBeUndefined();
});

test('many repositories that fail at once are not given up', () => {
  const breaker = new CircuitBreaker();
  const { generation } = breaker;
  for (const path of ['a', 'b', 'c', 'd', 'e']) {
    for (let count = 0; count < 5; count += 1) breaker.add(path, 'repository', generation);
  }
  for (const path of ['a', 'f']) expect(breaker.givenUp(path)).toBeUndefined();
});

test('a repository that is given up leaves its siblings alone', () => {
  const breaker = new CircuitBreaker();
  for (let count = 0; count < 5; count += 1) breaker.add('a', 'repository', breaker.generation);
  expect(breaker.givenUp('a')).toEqual({ whose: 'repository', after: 5 });
  expect(breaker.givenUp('b')).toBeUndefined();
  breaker.end('b');
  expect(breaker.givenUp('a')).toBeDefined();
  breaker.end('a');
  expect(breaker.givenUp('a')).toBeUndefined();
});
