/** The one loop that calls again what has failed. */
import { expect, test } from 'vitest';
import { withRetries } from '../../../../mirror-job/engine/support/retry.ts';

class PassingError extends Error {}

const isRetryable = (error: unknown): boolean => error instanceof PassingError;

/** Fails with each of the errors, then succeeds. */
function failing(...errors: readonly Error[]): { call: () => Promise<string>; count: () => number } {
  let calls = 0;
  return {
    call: async () => {
      calls += 1;
      const error = errors[calls - 1];
      if (error !== undefined) throw error;
      return 'done';
    },
    count: () => calls,
  };
}

test('a call that succeeds is made once', async () => {
  const { call, count } = failing();
  expect([await withRetries(call, { attempts: 3, isRetryable }), count()]).toEqual(['done', 1]);
});

test('a call that fails in a retryable way is made again, after a pause that hears the attempt and the error', async () => {
  const [first, second] = [new PassingError('1'), new PassingError('2')];
  const { call, count } = failing(first, second);
  const pauses: unknown[] = [];
  const pause = async (attempt: number, error: unknown): Promise<void> => {
    pauses.push([attempt, error]);
  };
  expect([await withRetries(call, { attempts: 3, isRetryable, pause }), count()]).toEqual(['done', 3]);
  expect(pauses).toEqual([
    [1, first],
    [2, second],
  ]);
});

test('the error of the last attempt is thrown, without another pause', async () => {
  const { call, count } = failing(new PassingError('1'), new PassingError('2'));
  const pauses: number[] = [];
  const pause = async (attempt: number): Promise<void> => {
    pauses.push(attempt);
  };
  await expect(withRetries(call, { attempts: 2, isRetryable, pause })).rejects.toThrow('2');
  expect([count(), pauses]).toEqual([2, [1]]);
});

test('an error that is not retryable is thrown at once', async () => {
  const { call, count } = failing(new Error('for good'));
  await expect(withRetries(call, { attempts: 3, isRetryable })).rejects.toThrow('for good');
  expect(count()).toBe(1);
});

test('a pause that throws ends the attempts, as when a run has to stop', async () => {
  const { call, count } = failing(new PassingError('1'));
  const stopped = new Error('stopped');
  const pause = (): Promise<void> => Promise.reject(stopped);
  await expect(withRetries(call, { attempts: 3, isRetryable, pause })).rejects.toThrow('stopped');
  expect(count()).toBe(1);
});
