import { expect, test } from 'vitest';
import { isEqual } from '../../core/bytes.ts';

test.for<readonly [number[], number[], boolean]>([
  [[], [], true],
  [[1, 2], [1, 2], true],
  [[1, 2], [1, 3], false],
  [[2, 2], [1, 2], false],
  [[1, 2], [1], false],
  [[1], [1, 2], false],
  [[], [0], false],
])('whether the bytes %j are equal to %j: %j', ([one, other, expected]) => {
  expect(isEqual(new Uint8Array(one), new Uint8Array(other))).toBe(expected);
});
