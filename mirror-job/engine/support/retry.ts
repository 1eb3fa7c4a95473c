/** Calling again what may succeed at another attempt. Each caller says what that is, and how long to wait. */

export interface RetryOptions {
  /** The most calls; at least 1. */
  readonly attempts: number;
  /** Whether another call may end better than with this error. */
  readonly isRetryable: (error: unknown) => boolean;
  /**
   * Waits before the next call; left out where it follows at once.
   * @param attempt the number of the call that failed, from 1 on
   */
  readonly pause?: (attempt: number, error: unknown) => Promise<void>;
}

/** @throws the error of the last call, and what `pause` throws */
export async function withRetries<Value>(
  call: () => Promise<Value>,
  { attempts, isRetryable, pause }: RetryOptions,
): Promise<Value> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (attempt >= attempts || !isRetryable(error)) throw error;
      await pause?.(attempt, error);
    }
  }
}
