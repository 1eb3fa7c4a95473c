import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { hexOf } from '../../core/digest.ts';
import { isReferrerTag, referrersTag } from '../../core/tag-list.ts';
import { digests } from './arbitraries.ts';

const A = 'a'.repeat(64);

test.for<readonly [string, boolean]>([
  [`sha256-${A}`, true],
  [`sha256-${A}.sig`, true],
  [`sha256-${A}.att`, true],
  [`sha256-${A}.0123abc.meta`, true],
  [`sha512-${A}`, true],
  [`sha512-${A}${A}.sig`, true],
  [`sha256-${A}${A}`, false],
  [`sha512-${A}a`, false],
  [`sha512-${A}${A}${A}`, false],
  [`sha256-${A.slice(1)}`, false],
  [`sha256-${A.toUpperCase()}`, false],
  [`sha384-${A}`, false],
  [`sha256-${A}.`, false],
  [`sha256-${A}sig`, false],
  [`sha256-${A}.a/b`, false],
  [`v1-sha256-${A}`, false],
  ['latest', false],
])('%s is a tag of referrers: %s', ([tag, expected]) => {
  expect(isReferrerTag(tag)).toBe(expected);
});

test('property: the tag for the referrers of a manifest has the first 64 digits of its digest', () => {
  fc.assert(
    fc.property(digests, (digest) => {
      const tag = referrersTag(digest);
      expect(tag).toBe(`${digest.slice(0, 6)}-${hexOf(digest).slice(0, 64)}`);
      expect(isReferrerTag(tag)).toBe(true);
    }),
  );
});
