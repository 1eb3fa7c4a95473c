/** Sends a request again, after a wait, while its attempts fail in a way that may pass. */
import { withRetries } from '../../../engine/support/retry.ts';
import { AttemptError } from '../pace/attempt-error.ts';
import type { Layer } from '../layer.ts';
import { delayBeforeMs, type RegistryOptions } from '../registry-options.ts';

/** @throws {AttemptError} of the last attempt, and the signal's reason */
export function retry(options: Pick<RegistryOptions, 'retry' | 'clock' | 'signal'>): Layer {
  const { retry: policy, clock, signal } = options;
  return (request, next) => {
    const { state } = request;
    const attempt = async () => {
      signal.throwIfAborted();
      try {
        return await next(request);
      } catch (error) {
        // A run that has to stop stops because of the signal, whatever else went wrong meanwhile.
        if (!mayPass(error)) signal.throwIfAborted();
        throw error;
      }
    };
    return withRetries(attempt, {
      attempts: Math.min(request.attempts ?? policy.attempts, policy.attempts),
      isRetryable: (error) => mayPass(error) && !state.isRetryAfterTooLong,
      pause: async (attempts) => {
        // The layer `backOff` does the waiting that all requests of this kind share.
        if (state.isBackedOff) return;
        await clock.sleep(Math.max(state.retryAfterMs, delayBeforeMs(attempts, policy)), signal);
      },
    });
  };
}

function mayPass(error: unknown): boolean {
  return error instanceof AttemptError && error.isRetryable;
}
