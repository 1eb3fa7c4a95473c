/** Objects of a bucket whose values take much more memory than their text. */
import { expect, test } from 'vitest';
import { BucketObjectInvalidError } from '../../core/bucket-object.ts';
import { decodeCatalog } from '../../core/catalog.ts';
import { encodeJson } from '../../core/json.ts';
import { maxValuesOf } from '../../core/object-size.ts';
import { decodeReferrers } from '../../core/referrers.ts';
import { decodeRepositoryIndex } from '../../core/repository-index.ts';
import { decodeTagList } from '../../core/tag-list.ts';

const below = (name: string): string => `repositories/a.b/c/${name}`;

const LISTS = {
  '_index.json': { decode: decodeRepositoryIndex, list: 'manifests', most: 4_500_000 },
  '_tags.json': { decode: decodeTagList, list: 'tags', most: 500_000 },
  [`_referrers/sha256/${'a'.repeat(64)}`]: { decode: decodeReferrers, list: 'manifests', most: 250_000 },
} as const;

test.each(Object.entries(LISTS))(
  '%s: values are counted before the object is parsed',
  (name, { decode, list, most }) => {
    const key = below(name);
    expect(maxValuesOf(key)).toBe(most);
    const text = (values: number) => `{"${list}":[],"x":[${'0,'.repeat(values - 4)}0]}`;
    expect(decode(key, Buffer.from(text(most)))).toEqual([]);
    expect(() => decode(key, Buffer.from(text(most + 1)))).toThrow(
      new BucketObjectInvalidError(key, `it has more than ${most} values, the most of its kind.`),
    );
  },
);

function catalogOf(names: number): Uint8Array {
  return encodeJson({ repositories: Array.from({ length: names }, () => 'a') });
}

test('a catalogue has at most 250,000 values', () => {
  const key = 'state/default/catalog.json';
  expect(decodeCatalog(key, catalogOf(249_999)).length).toBe(249_999);
  expect(() => decodeCatalog(key, catalogOf(250_001))).toThrow('more than 250000 values');
});
