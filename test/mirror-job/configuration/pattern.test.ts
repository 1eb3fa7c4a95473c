import { describe, expect, test } from 'vitest';
import { parseTag } from '../../../core/reference.ts';
import { parsePattern, parseSuffix } from '../../../mirror-job/configuration/pattern.ts';

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

describe('the pattern', () => {
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
  ])('%s matches its tags', (text, expected) => {
    const pattern = parsePattern(text);
    expect(typeof pattern === 'string' ? pattern : TAGS.filter((tag) => pattern.matches(tag))).toEqual(
      expected,
    );
  });
});

test('a text without pattern characters is a tag', () => {
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
])('%j is neither a tag nor a pattern', (text) => {
  expect(() => parsePattern(text)).toThrow(expect.objectContaining({ name: 'PatternInvalidError' }));
});

describe('the suffix', () => {
  const SUFFIXES = ['', '-alpine', '-alpine3.20', '-slim', '-rc1'];

  test.each([
    ['', ['']],
    ['-alpine', ['-alpine']],
    ['-alpine*', ['-alpine', '-alpine3.20']],
    ['-@(slim|rc?)', ['-slim', '-rc1']],
    ['/^(-alpine)?$/', ['', '-alpine']],
  ])('%j matches its suffixes', (text, expected) => {
    const { matches } = parseSuffix(text);
    expect(SUFFIXES.filter((suffix) => matches(suffix))).toEqual(expected);
  });

  test.each(['alpine', '*', ' ', '-a b', '-[', '/(/'])('%j is refused', (text) => {
    expect(() => parseSuffix(text)).toThrow(expect.objectContaining({ name: 'PatternInvalidError' }));
  });
});
