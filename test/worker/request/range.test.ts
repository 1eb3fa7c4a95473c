/** The Range header by itself, apart from the blob that it is for. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { areAscending, parseRanges } from '../../../worker/request/range.ts';

it.each([
  ['bytes=0-0', { listed: 1, satisfiable: [{ start: 0, end: 0 }] }],
  ['bytes=0-', { listed: 1, satisfiable: [{ start: 0, end: 99 }] }],
  ['bytes=99-99', { listed: 1, satisfiable: [{ start: 99, end: 99 }] }],
  ['bytes=99-100', { listed: 1, satisfiable: [{ start: 99, end: 99 }] }],
  ['bytes=100-', { listed: 1, satisfiable: [] }],
  ['bytes=5-4', { listed: 1, satisfiable: [] }],
  ['bytes=-1', { listed: 1, satisfiable: [{ start: 99, end: 99 }] }],
  ['bytes=-100', { listed: 1, satisfiable: [{ start: 0, end: 99 }] }],
  ['bytes=-101', { listed: 1, satisfiable: [{ start: 0, end: 99 }] }],
  ['bytes=-0', { listed: 1, satisfiable: [] }],
  ['BYTES=1-2', { listed: 1, satisfiable: [{ start: 1, end: 2 }] }],
  ['bytes= 1-2 ,\t200-', { listed: 2, satisfiable: [{ start: 1, end: 2 }] }],
  ['bytes=,1-2,', { listed: 1, satisfiable: [{ start: 1, end: 2 }] }],
  [`bytes=0-${'9'.repeat(16)}`, { listed: 1, satisfiable: [{ start: 0, end: 99 }] }],
])('%s is parsed for a blob of a hundred bytes', (header, expected) => {
  expect(parseRanges(header, 100)).toEqual(expected);
});

it.each([
  undefined,
  '',
  'bytes=',
  'bytes=,',
  'bytes=-',
  'bytes=a-b',
  'bytes=1',
  'bytes=1-2-3',
  'bytes=+1-2',
  'bytes=1 -2',
  'bytes=1-2,x',
  'items=1-2',
  ' bytes=1-2',
  'x bytes=1-2',
  `bytes=0-${'9'.repeat(17)}`,
])('%j is not a range, so the whole blob is answered', (header) => {
  expect(parseRanges(header, 100)).toBe(undefined);
});

it('no range of an empty blob is satisfiable', () => {
  for (const header of ['bytes=0-', 'bytes=0-0', 'bytes=-1']) {
    expect(parseRanges(header, 0)).toEqual({ listed: 1, satisfiable: [] });
  }
});

it('property: a range is the one of the header, cut to the blob’s size', () => {
  const numbers = fc.nat({ max: 300 });
  fc.assert(
    fc.property(fc.nat({ max: 200 }), numbers, numbers, (size, first, last) => {
      const bytes = Array.from({ length: size }, (_, index) => index);
      const asked = bytes.filter((index) => index >= first && index <= last);
      const [range] = parseRanges(`bytes=${first}-${last}`, size)?.satisfiable ?? [];
      expect(range === undefined ? [] : bytes.slice(range.start, range.end + 1)).toEqual(asked);
      const [suffix] = parseRanges(`bytes=-${last}`, size)?.satisfiable ?? [];
      const tail = last === 0 ? [] : bytes.slice(-last);
      expect(suffix === undefined ? [] : bytes.slice(suffix.start, suffix.end + 1)).toEqual(tail);
    }),
  );
});

it.each([
  [[], true],
  [[[0, 0]], true],
  [
    [
      [0, 4],
      [5, 9],
    ],
    true,
  ],
  [
    [
      [0, 5],
      [5, 9],
    ],
    false,
  ],
  [
    [
      [5, 9],
      [0, 4],
    ],
    false,
  ],
])('the ranges %j are in ascending order, without overlap: %s', (pairs, expected) => {
  expect(areAscending(pairs.map(([start = 0, end = 0]) => ({ start, end })))).toBe(expected);
});
