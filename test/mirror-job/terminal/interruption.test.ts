/** Signals, with a clock of the test's own: what a hanging run costs at most. */
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import { stopOnSignals } from '../../../mirror-job/terminal/interruption.ts';
import { Progress } from '../../../mirror-job/terminal/progress.ts';
import { Screen } from './screen.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const before = SIGNALS.map((name) => process.listeners(name));

class Exited extends Error {}

const exit = vi.spyOn(process, 'exit');

beforeEach(() => {
  vi.useFakeTimers();
  exit.mockReset().mockImplementation(() => {
    throw new Exited();
  });
});

afterEach(() => {
  vi.useRealTimers();
  for (const [index, name] of SIGNALS.entries()) {
    for (const one of process.listeners(name))
      if (before[index]?.includes(one) !== true) process.off(name, one);
  }
});

afterAll(() => {
  exit.mockRestore();
});

/** What the process does when the signal comes, without sending it to the test's runner. */
function send(name: NodeJS.Signals): void {
  process.listeners(name).at(-1)?.(name);
}

test('the first signal asks the run to stop, and ends the process after eight seconds', () => {
  const screen = new Screen();
  const signal = stopOnSignals(new Progress(screen));
  send('SIGTERM');
  expect(signal.aborted).toBe(true);
  vi.advanceTimersByTime(7999);
  expect(exit).not.toHaveBeenCalled();
  expect(() => vi.advanceTimersByTime(1)).toThrow(Exited);
  expect(exit).toHaveBeenCalledExactlyOnceWith(1);
  expect(screen.text()).toBe(`SIGTERM: stopping; aborting unfinished uploads. A second signal stops at once.
The run did not stop by itself, and was ended. The next run goes on from here.
`);
});

test('maxDuration stops the run as a signal does, and says so', () => {
  const screen = new Screen();
  const signal = stopOnSignals(new Progress(screen), { milliseconds: 3_000_000, text: '50m' });
  vi.advanceTimersByTime(2_999_999);
  expect(signal.aborted).toBe(false);
  vi.advanceTimersByTime(1);
  expect(String(signal.reason)).toBe('SkippedError: maxDuration (50m) was over before this was done.');
  expect(screen.text()).toBe('maxDuration (50m) is over: stopping; aborting unfinished uploads.\n');
  expect(() => vi.advanceTimersByTime(8000)).toThrow(Exited);
  expect(exit).toHaveBeenCalledExactlyOnceWith(1);
});

test('a signal before maxDuration is the reason that the run stops', () => {
  const screen = new Screen();
  const signal = stopOnSignals(new Progress(screen), { milliseconds: 1000, text: '1s' });
  send('SIGTERM');
  vi.advanceTimersByTime(2000);
  expect(String(signal.reason)).toBe('SkippedError: The run was stopped (SIGTERM) before this was done.');
  expect(screen.text().split('\n').length).toBe(2);
});

test('the second signal ends the process at once', () => {
  const screen = new Screen();
  stopOnSignals(new Progress(screen));
  send('SIGINT');
  expect(() => send('SIGINT')).toThrow(Exited);
  expect(exit).toHaveBeenCalledExactlyOnceWith(1);
  expect(screen.text().split('\n').at(-2)).toBe('Stopped at once. The next run goes on from here.');
});
