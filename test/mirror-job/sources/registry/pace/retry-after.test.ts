/** Retry-After says how long a registry wants no requests. */
import { expect, test } from 'vitest';
import { parseRetryAfter } from '../../../../../mirror-job/sources/registry/pace/retry-after.ts';

const NOW = new Date('2026-01-01T00:00:00.250Z');
const LONGEST = 366 * 24 * 3_600_000;

test.each<[string | null, number | undefined]>([
  ['0', 0],
  ['7', 7000],
  [' 7 ', 7000],
  ['0.1', 1000],
  ['1.5', 2000],
  ['2.0', 2000],
  ['9'.repeat(30), LONGEST],
  // HTTP has three forms of a date.
  ['Thu, 01 Jan 2026 00:00:20 GMT', 19_750],
  ['Thursday, 01-Jan-26 00:00:20 GMT', 19_750],
  ['Thu Jan  1 00:00:20 2026', 19_750],
  ['Wed, 31 Dec 2025 23:59:59 GMT', 0],
  // JavaScript reads these as dates, HTTP does not.
  ['1.5.2027', undefined],
  ['-5', undefined],
  ['1e3', undefined],
  ['5 s', undefined],
  ['2026-01-01T00:01:00Z', undefined],
  ['2027', 2_027_000],
  ['soon 5', undefined],
  ['Thu, 01 Jan 2026 00:00:20 +0900', undefined],
  ['Thu, 41 Jan 2026 00:00:20 GMT', undefined],
  ['Mon, 31 Feb 2026 00:00:20 GMT', undefined],
  ['Thu, 01 Jan 2026 25:00:20 GMT', undefined],
  ['Thu, 01 Foo 2026 00:00:20 GMT', undefined],
  ['.5', undefined],
  ['', undefined],
  [null, undefined],
])('%j', (text, expected) => {
  expect(parseRetryAfter(text, NOW)).toBe(expected);
});
