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

test('property: a name of visible characters is kept, and a clean name stays as it is', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[!-~]{1,100}$/),
      fc.string({ unit: 'binary', maxLength: 100 }),
      (visible, any) => {
        expect(cleanActor(visible)).toBe(visible);
        const clean = cleanActor(any);
        expect(cleanActor(clean ?? '')).toBe(clean);
      },
    ),
  );
});
