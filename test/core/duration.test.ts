import { expect, test } from 'vitest';
import { DurationInvalidError, parseDuration } from '../../core/duration.ts';

test.each([
  ['0', 0],
  ['0s', 0],
  ['250ms', 250],
  ['30s', 30_000],
  ['1.5m', 90_000],
  ['1.25h', 4_500_000],
  ['24h', 86_400_000],
  ['7d', 604_800_000],
])('%s is %i ms', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

test.each(['60', '3', '1.5', '1.25', '00'])('%s is refused, because it has no unit', (text) => {
  expect(() => parseDuration(text)).toThrow(
    expect.objectContaining({
      name: 'DurationInvalidError',
      isUnitless: true,
      message: `needs a unit: ${text}s, ${text}m, ${text}h or ${text}d.`,
    }),
  );
});

test.each([
  '',
  's',
  '5 s',
  '-5s',
  '-5',
  '+5s',
  '1e3s',
  '1e3',
  '.5h',
  '5.h',
  '5S',
  '5w',
  '1h30m',
  '5s\n',
  '9'.repeat(400),
  '9'.repeat(400) + 's',
])('%j is not a duration', (text) => {
  expect(() => parseDuration(text)).toThrow(DurationInvalidError);
  expect(() => parseDuration(text)).toThrow(/^is not a duration, such as 30s, 5m, 24h or 7d\.$/);
});
