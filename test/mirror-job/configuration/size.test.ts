/** Sizes such as 500MiB. */
import { expect, test } from 'vitest';
import { parseSize, SizeInvalidError } from '../../../mirror-job/configuration/size.ts';

test.for<readonly [string, number]>([
  ['0B', 0],
  ['12B', 12],
  ['1KB', 1000],
  ['1KiB', 1024],
  ['500MiB', 500 * 1024 ** 2],
  ['2.5GB', 2_500_000_000],
  ['8GiB', 8 * 1024 ** 3],
  ['1TiB', 1024 ** 4],
])('%s', ([text, bytes]) => {
  expect(parseSize(text)).toBe(bytes);
});

test.for(['', '5', '5 GiB', '5gib', '5G', 'GiB', '-1GiB', '1e3GiB', '5GiBB', '9999999999GiB'])(
  '"%s" is refused',
  (text) => {
    expect(() => parseSize(text)).toThrow(SizeInvalidError);
  },
);
