/** An object of the bucket that cannot be read counts as absent, with a warning. */
import { expect, test } from 'vitest';
import { BucketObjectInvalidError } from '../../../../core/bucket-object.ts';
import { decodeOrWarn, tryDecode } from '../../../../mirror-job/engine/store/decode-object.ts';

const INVALID = new BucketObjectInvalidError('state/default/catalog.json', 'it is not JSON.');

function refuse(): never {
  throw INVALID;
}

function fail(): never {
  throw new TypeError('a mistake of the decoder');
}

test('an object that can be read gives its value, and no warning', () => {
  const warnings: string[] = [];
  const log = { warn: (message: string) => void warnings.push(message) };
  expect([tryDecode(() => 1), decodeOrWarn(log, 'It is left out.', () => 2), warnings]).toEqual([1, 2, []]);
});

test('an object that cannot be read gives undefined, and a warning that ends with the consequence', () => {
  const warnings: string[] = [];
  const log = { warn: (message: string) => void warnings.push(message) };
  expect(decodeOrWarn(log, 'It is left out.', refuse)).toBeUndefined();
  expect(warnings).toEqual([`${INVALID.message} It is left out.`]);
  expect(tryDecode(refuse)).toBe(INVALID);
});

test('any other error is thrown', () => {
  expect(() => tryDecode(fail)).toThrow(TypeError);
  expect(() => decodeOrWarn({ warn: () => {} }, 'It is left out.', fail)).toThrow(TypeError);
});
