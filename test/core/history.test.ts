import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { cleanActor } from '../../core/history.ts';

test.for<readonly [string, string | undefined]>([
  ['alice@laptop', 'alice@laptop'],
  [' alice@laptop\n', 'alice@laptop'],
  ['al\u001B[31mice', 'al[31mice'],
  ['\u202Eecila\u2069', 'ecila'],
  ['a\u2028b\u2029c', 'abc'],
  [`${'é'.repeat(100)}x`, 'é'.repeat(100)],
  ['𝒜'.repeat(101), '𝒜'.repeat(100)],
  ['', undefined],
  [' \u0000\u200B\t', undefined],
])('the name %j is recorded as %j', ([name, clean]) => {
  expect(cleanActor(name)).toBe(clean);
});

const VISIBLE = ['a', 'Z', '9', '@', 'é', '𝒜', '🚢'];
const INVISIBLE = ['\u0000', '\u001B', '\u0085', '\u200B', '\u202E', '\u2028', '\u2029', '\n'];

test('property: the visible characters of a name stay, in their order', () => {
  const letters = fc.array(fc.constantFrom(...VISIBLE, ...INVISIBLE), { maxLength: 100 });
  fc.assert(
    fc.property(letters, (name) => {
      const visible = name.filter((letter) => VISIBLE.includes(letter)).join('');
      expect(cleanActor(name.join('')) ?? '').toBe(visible);
    }),
  );
});
