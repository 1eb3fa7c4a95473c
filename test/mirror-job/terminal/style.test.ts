import { PassThrough } from 'node:stream';
import { WriteStream } from 'node:tty';
import { expect, test } from 'vitest';
import {
  alignColumns,
  formatBytes,
  formatDuration,
  shortDigest,
  shortenDigests,
  styleFor,
} from '../../../mirror-job/terminal/style.ts';
import { Screen } from './screen.ts';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [12_345, '12.3 kB'],
  [99_949, '99.9 kB'],
  [99_951, '100 kB'],
  [999_499, '999 kB'],
  [999_500, '1.0 MB'],
  [3_400_000_000, '3.4 GB'],
  [5e15, '5000 TB'],
])('%i bytes are written %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [0, '0 ms'],
  [999.6, '1.0 s'],
  [4234, '4.2 s'],
  [59_960, '1 min 0 s'],
  [200_000, '3 min 20 s'],
  [3_599_600, '1 h 0 min'],
  [7_260_000, '2 h 1 min'],
])('%i ms are written %s', (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text);
});

test('columns are aligned by their visible text, and an empty column is left out', () => {
  expect(
    alignColumns([
      ['\u001B[32mab\u001B[39m', '', 'c', 'x'],
      ['d', '', 'efg', 'long'],
    ]),
  ).toEqual(['\u001B[32mab\u001B[39m  c    x', 'd   efg  long']);
});

test('digests are shortened at every position of a text', () => {
  const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
  expect(shortenDigests(`a@${digest} of sha512:${'f'.repeat(128)}`)).toBe(
    'a@sha256:0123456789ab of sha512:ffffffffffff',
  );
  expect([shortDigest(digest), shortDigest(`sha512:${'f'.repeat(128)}`)]).toEqual([
    '0123456789ab',
    'sha512:ffffffffffff',
  ]);
});

/** Makes a terminal whose colours Node itself finds in the environment. */
function terminal() {
  return Object.assign(new Screen(), {
    getColorDepth: (env: object) => WriteStream.prototype.getColorDepth(env),
  });
}

test.each([
  ['a terminal', terminal(), {}, '\u001B[31mx\u001B[39m'],
  ['a terminal, with NO_COLOR', terminal(), { NO_COLOR: '1' }, 'x'],
  ['a dumb terminal', terminal(), { TERM: 'dumb' }, 'x'],
  [
    'a terminal, with NO_COLOR and FORCE_COLOR',
    terminal(),
    { NO_COLOR: '1', FORCE_COLOR: '1' },
    '\u001B[31mx\u001B[39m',
  ],
  ['a pipe', new PassThrough(), {}, 'x'],
  ['a pipe, with FORCE_COLOR', new PassThrough(), { FORCE_COLOR: '1' }, '\u001B[31mx\u001B[39m'],
])(
  'colours are used only if a terminal shows them: %s',
  (_, stream, variables: Record<string, string>, expected) => {
    expect(styleFor(stream, { TERM: 'xterm-256color', ...variables }).bad('x')).toBe(expected);
  },
);
