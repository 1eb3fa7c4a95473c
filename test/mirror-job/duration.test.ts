import { expect, test } from 'vitest';
import { parseDuration } from '../../mirror-job/configuration/duration.ts';

test.each([
  ['0s', 0],
  ['250ms', 250],
  ['30s', 30_000],
  ['1.5m', 90_000],
  ['24h', 86_400_000],
  ['7d', 604_800_000],
])('%s is %i ms', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

test.each([
  '',
  '5',
  's',
  '5 s',
  '-5s',
  '+5s',
  '1e3s',
  '.5h',
  '5.h',
  '5S',
  '5w',
  '1h30m',
  '5s\n',
  '9'.repeat(400) + 's',
])('%j is no duration', (text) => {
  expect(parseDuration(text)).toBeUndefined();
});
