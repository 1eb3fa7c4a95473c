import { describe, expect, test } from 'vitest';
import { parseTag } from '../../core/reference.ts';
import { parsePattern, selectionOf } from '../../mirror-job/configuration/pattern.ts';

const TAGS = [
  '1.27',
  '1.27.3',
  '1.28-alpine',
  'latest',
  'v1.2.3',
  'v1.2.3-rc1',
  'V1',
  'sha256-ab.sig',
  '_x',
].map(parseTag);

describe('a pattern matches', () => {
  test.each([
    ['*', TAGS],
    ['1.*', ['1.27', '1.27.3', '1.28-alpine']],
    ['1.2?', ['1.27']],
    ['1.2[78]*', ['1.27', '1.27.3', '1.28-alpine']],
    ['{1.27,latest}', ['1.27', 'latest']],
    ['!(v*|1*)', ['latest', 'V1', 'sha256-ab.sig', '_x']],
    ['*-rc*', ['v1.2.3-rc1']],
    ['/^v\\d+\\.\\d+\\.\\d+$/', ['v1.2.3']],
    ['/rc|sig/', ['v1.2.3-rc1', 'sha256-ab.sig']],
    ['/^[\\w.-]+$/', TAGS],
  ])('%s', (text, expected) => {
    const pattern = parsePattern(text);
    expect(typeof pattern === 'string' ? pattern : TAGS.filter((tag) => pattern(tag))).toEqual(expected);
  });
});

test('without pattern characters it is a tag', () => {
  expect(['1.27', 'latest', '_x', 'a--b'].map((text) => parsePattern(text))).toEqual([
    '1.27',
    'latest',
    '_x',
    'a--b',
  ]);
});

test.each([
  '',
  ' ',
  'a b',
  'a/b',
  'a:b',
  '-a',
  '.a',
  'a'.repeat(129),
  'a*:',
  'ä*',
  '[',
  '{a',
  '(a',
  'a)',
  '/',
  '//',
  '/a',
  '/a/i',
  '/(/',
  '/\\_/',
])('%j is neither', (text) => {
  expect(() => parsePattern(text)).toThrow(expect.objectContaining({ name: 'PatternInvalidError' }));
});

test('what is excluded is excluded from patterns, and a tag that is named stays', () => {
  const { explicit, matches } = selectionOf(
    ['v1.2.3-rc1', '1.*', 'v*'].map((text) => parsePattern(text)),
    ['*-rc*', '1.27'].map((text) => parsePattern(text)),
  );
  expect(explicit).toEqual(['v1.2.3-rc1']);
  expect(TAGS.filter((tag) => matches?.(tag))).toEqual(['1.27.3', '1.28-alpine', 'v1.2.3']);
});

test('tags alone need no listing', () => {
  expect(selectionOf([parsePattern('1.27')], [])).toEqual({ explicit: ['1.27'], matches: undefined });
});
