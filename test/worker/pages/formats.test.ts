import { describe, expect, it } from 'vitest';
import { formatAge, formatBytes, formatDuration } from '../../../worker/pages/formats.ts';

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [72_340_000, '72.3 MB'],
    [99_960_000, '100 MB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [1_234_000_000_000, '1.2 TB'],
    [9_007_199_254_740_991, '9.0 PB'],
  ])('%i bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0 ms'],
    [-5, '0 ms'],
    [59_999, '59 s'],
    [119 * 60_000, '119 min'],
    [120 * 60_000, '2 h'],
    [47 * 3_600_000, '47 h'],
    [48 * 3_600_000, '2 d'],
    [800 * 86_400_000, '2 y'],
  ])('%i ms are %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});

describe('formatAge', () => {
  const now = Date.parse('2026-02-01T12:00:00.000Z');
  it.each([
    ['2026-02-01T11:59:30.000Z', 'just now'],
    ['2026-02-01T12:00:30.000Z', 'just now'],
    ['2026-02-01T11:00:00.000Z', '60 min ago'],
    ['2026-02-01T13:00:00.000Z', 'in 60 min'],
    ['2026-01-20T12:00:00.000Z', '12 d ago'],
  ])('%s is %s', (time, text) => {
    expect(formatAge(time, now)).toBe(text);
  });
});
