import { expect, test } from 'vitest';
import { countEdits } from '../../core/spelling.ts';

test.each([
  ['', '', 0],
  ['tags', 'tags', 0],
  ['', 'tags', 4],
  ['tag', 'tags', 1],
  ['tagz', 'tags', 1],
  ['tagss', 'tags', 1],
  ['tgas', 'tags', 1],
  ['atgs', 'tags', 1],
  ['tasg', 'tags', 1],
  ['stroe', 'store', 1],
  ['kitten', 'sitting', 3],
  ['logs', 'tags', 2],
])('the number of edits from %j to %j is %i', (from, to, edits) => {
  expect(countEdits(from, to)).toBe(edits);
  expect(countEdits(to, from)).toBe(edits);
});
