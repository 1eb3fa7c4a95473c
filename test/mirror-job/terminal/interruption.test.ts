/** Tests signals with the test's own clock: how long a hanging run can last. */
import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { MaxDuration } from '../../../mirror-job/configuration/configuration.ts';
import { stopOnSignals } from '../../../mirror-job/terminal/interruption.ts';
import { Screen, progressOn } from './screen.ts';

const exit = vi.fn<(code: number) => void>();
let signals: EventEmitter;

beforeEach(() => {
  vi.useFakeTimers();
  exit.mockReset();
  signals = new EventEmitter();
});

afterEach(() => {
  vi.useRealTimers();
});

function stopOn(screen: Screen, maxDuration?: MaxDuration): AbortSignal {
  return stopOnSignals(progressOn(screen), { signals, exit }, maxDuration).signal;
}

function send(name: NodeJS.Signals): void {
  signals.emit(name, name);
}

test('the first signal asks the run to stop, and ends the process after eight seconds', () => {
  const screen = new Screen();
  const signal = stopOn(screen);
  send('SIGTERM');
  expect(signal.aborted).toBe(true);
  vi.advanceTimersByTime(7999);
  expect(exit).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(exit).toHaveBeenCalledExactlyOnceWith(1);
  expect(screen.text()).toBe(`SIGTERM: stopping; aborting unfinished uploads. A second signal stops at once.
The run did not stop by itself, and was ended. The next run goes on from here.
`);
});

test('maxDuration stops the run as a signal does, and the output says so', () => {
  const screen = new Screen();
  const signal = stopOn(screen, { milliseconds: 3_000_000, text: '50m' });
  vi.advanceTimersByTime(2_999_999);
  expect(signal.aborted).toBe(false);
  vi.advanceTimersByTime(1);
  expect(String(signal.reason)).toBe('SkippedError: maxDuration (50m) was over before this was done.');
  expect(screen.text()).toBe('maxDuration (50m) is over: stopping; aborting unfinished uploads.\n');
  vi.advanceTimersByTime(8000);
  expect(exit).toHaveBeenCalledExactlyOnceWith(1);
});

test('a signal before maxDuration is the reason that the run stops', () => {
  const screen = new Screen();
  const signal = stopOn(screen, { milliseconds: 1000, text: '1s' });
  send('SIGTERM');
  vi.advanceTimersByTime(2000);
  expect(String(signal.reason)).toBe('SkippedError: The run was stopped (SIGTERM) before this was done.');
  expect(screen.text().split('\n').length).toBe(2);
});

test('the second signal ends the process at once', () => {
  const screen = new Screen();
  stopOn(screen);
  send('SIGINT');
  send('SIGINT');
  expect(exit).toHaveBeenCalledExactlyOnceWith(1);
  expect(screen.text().split('\n').at(-2)).toBe('Stopped at once. The next run goes on from here.');
});

test.each([
  ['before any signal', false],
  ['after a signal', true],
])('disposed of %s, it leaves no listener and no timer', (_, isStopped) => {
  const screen = new Screen();
  const maxDuration = { milliseconds: 1000, text: '1s' };
  const interruption = stopOnSignals(progressOn(screen), { signals, exit }, maxDuration);
  if (isStopped) send('SIGTERM');
  expect([signals.listenerCount('SIGINT'), signals.listenerCount('SIGTERM')]).toEqual([1, 1]);
  interruption[Symbol.dispose]();
  expect([signals.eventNames(), vi.getTimerCount()]).toEqual([[], 0]);
  vi.advanceTimersByTime(60_000);
  expect(exit).not.toHaveBeenCalled();
  expect([interruption.signal.aborted, screen.text() !== '']).toEqual([isStopped, isStopped]);
});
