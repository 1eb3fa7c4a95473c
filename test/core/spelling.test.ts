import * as fc from 'fast-check';
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

/** The definition: by recursion over both words, without a table. */
function countSlowly(from: string, to: string): number {
  if (from === '' || to === '') return from.length + to.length;
  const counts = [
    countSlowly(from.slice(1), to) + 1,
    countSlowly(from, to.slice(1)) + 1,
    countSlowly(from.slice(1), to.slice(1)) + (from[0] === to[0] ? 0 : 1),
  ];
  if (from.length > 1 && to.length > 1 && from[0] === to[1] && from[1] === to[0]) {
    counts.push(countSlowly(from.slice(2), to.slice(2)) + 1);
  }
  return Math.min(...counts);
}

test('property: the number of edits agrees with the definition', () => {
  const words = fc.stringMatching(/^[abc]{0,5}$/);
  fc.assert(
    fc.property(words, words, (from, to) => {
      expect(countEdits(from, to)).toBe(countSlowly(from, to));
    }),
  );
});
