/** The log of a Worker, which people see on a terminal. */
import { afterEach, expect, test, vi } from 'vitest';
import { consoleLog } from '../../../mirror-job/runtime/workers/console-log.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

test('a text of an upstream makes no line of its own, and moves no cursor', () => {
  const written: unknown[] = [];
  vi.spyOn(console, 'warn').mockImplementation((text) => void written.push(text));
  vi.spyOn(console, 'log').mockImplementation((text) => void written.push(text));
  consoleLog.warn('it failed: \u001B[2J\nwarning: all is well');
  consoleLog.info('a\u0007b');
  expect(written).toHaveLength(2);
  for (const character of ['\u001B', '\n', '\u0007']) expect(written.join('')).not.toContain(character);
});
