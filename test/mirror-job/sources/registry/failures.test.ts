/** How many failures a registry is given, and a repository of it. */
import { expect, test } from 'vitest';
import { Failures } from '../../../../mirror-job/sources/registry/failures.ts';

const REGISTRY = { whose: 'registry', after: 5 };

test('a registry is given up after five requests that fail one after the other', () => {
  const failures = new Failures();
  for (let count = 0; count < 4; count += 1) failures.add('a', 'registry', failures.volley);
  expect(failures.givenUp('a')).toBeUndefined();
  failures.add('b', 'registry', failures.volley);
  expect([failures.givenUp('a'), failures.givenUp('c')]).toEqual([REGISTRY, REGISTRY]);
});

test('an answer starts the count anew', () => {
  const failures = new Failures();
  for (let count = 0; count < 4; count += 1) failures.add('a', 'registry', failures.volley);
  failures.end('b');
  failures.add('a', 'registry', failures.volley);
  expect(failures.givenUp('a')).toBeUndefined();
});

test('failures of requests that are under way at once count once, whatever they ask for', () => {
  const failures = new Failures();
  const { volley } = failures;
  for (let count = 0; count < 24; count += 1) failures.add('a', 'registry', volley);
  expect(failures.givenUp('a')).toBeUndefined();
  for (let count = 0; count < 24; count += 1) failures.add('b', 'registry', volley);
  expect(failures.givenUp('a')).toBeUndefined();
  for (let count = 0; count < 4; count += 1) failures.add('b', 'registry', failures.volley);
  expect(failures.givenUp('a')).toEqual(REGISTRY);
});

test('a registry is given up after five repositories that fail one after the other, with no answer in between', () => {
  const failures = new Failures();
  for (const path of ['a', 'b', 'c', 'd', 'e']) {
    expect(failures.givenUp('f')).toBeUndefined();
    failures.add(path, 'repository', failures.volley);
  }
  expect(failures.givenUp('f')).toEqual(REGISTRY);
  failures.end('a');
  expect(failures.givenUp('f')).toBeUndefined();
});

test('many repositories that fail in one volley are not given up', () => {
  const failures = new Failures();
  const { volley } = failures;
  for (const path of ['a', 'b', 'c', 'd', 'e']) {
    for (let count = 0; count < 5; count += 1) failures.add(path, 'repository', volley);
  }
  for (const path of ['a', 'f']) expect(failures.givenUp(path)).toBeUndefined();
});

test('a repository that is given up leaves its siblings alone', () => {
  const failures = new Failures();
  for (let count = 0; count < 5; count += 1) failures.add('a', 'repository', failures.volley);
  expect(failures.givenUp('a')).toEqual({ whose: 'repository', after: 5 });
  expect(failures.givenUp('b')).toBeUndefined();
  failures.end('b');
  expect(failures.givenUp('a')).toBeDefined();
  failures.end('a');
  expect(failures.givenUp('a')).toBeUndefined();
});
