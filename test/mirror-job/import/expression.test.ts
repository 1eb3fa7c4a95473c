/** Tests how regular expressions of Go become patterns of lifeboat.yaml. */
import { expect, test } from 'vitest';
import { patternOf } from '../../../mirror-job/import/expression.ts';

test.each([
  ['latest', true, 'latest'],
  ['v1\\.2', true, 'v1.2'],
  ['^v1\\.2$', true, 'v1.2'],
  ['v1.2', true, '/^v1.2$/'],
  ['v\\d+', true, '/^v\\d+$/'],
  ['v\\d+', false, '/v\\d+/'],
  ['latest', false, '/latest/'],
  ['a\\-b\\_c\\:d', true, '/^a-b_c:d$/'],
  ['[\\w\\-]+', true, '/^[\\w\\-]+$/'],
  ['(?i)v.*', true, '/^(?i:v.*)$/'],
  ['(?P<major>\\d+)', false, '/(?<major>\\d+)/'],
])('the expression %s (whole: %s) becomes %s', (expression, isWhole, pattern) => {
  expect(patternOf(expression, isWhole)).toBe(pattern);
});
