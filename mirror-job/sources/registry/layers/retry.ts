/** Sends a request again, after a wait, while its attempts fail in a way that may pass. */
import { AttemptError } from '../attempt-error.ts';
import type { Layer } from '../layer.ts';
import { delayBeforeMs, type RegistryOptions } from '../registry-options.ts';

/** @throws {AttemptError} of the last attempt, and the signal's reason */
export function retry(options: Pick<RegistryOptions, 'retry' | 'clock' | 'signal'>): Layer {
  const { retry: policy, clock, signal } = options;
  return async (request, next) => {
    const { state } = request;
    const attempts = Math.min(request.attempts ?? policy.attempts, policy.attempts);
    for (let attempt = 1; ; attempt += 1) {
      signal.throwIfAborted();
      try {
        return await next(request);
      } catch (error) {
        if (!(error instanceof AttemptError && error.isRetryable)) {
          signal.throwIfAborted();
          throw error;
        }
        if (attempt === attempts || state.isRetryAfterTooLong) throw error;
      }
      // The layer `backOff` does the waiting that all requests of this kind share.
      if (state.isBackedOff) continue;
      await clock.sleep(Math.max(state.retryAfterMs, delayBeforeMs(attempt, policy)), signal);
    }
  };
}
