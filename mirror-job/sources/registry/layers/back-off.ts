/** Sends one request of a kind at a time, each after a wait, while the registry answers 429 or 503 to that kind. */
import { formatUpstream, type Upstream } from '../../../../core/reference.ts';
import type { Backoffs, EndTurn } from '../pace/backoff.ts';
import { ConnectionError } from '../response/connection-error.ts';
import type { Layer } from '../layer.ts';
import { redirectedTo } from '../response/redirected-response.ts';
import { delayBeforeMs, type RetryPolicy } from '../registry-options.ts';
import { kindOf } from '../registry-request.ts';
import { THROTTLING_STATUSES } from '../response/statuses.ts';

interface BackOffOptions {
  readonly upstream: Upstream;
  readonly backoffs: Backoffs;
  readonly retry: RetryPolicy;
}

export function backOff({ upstream, backoffs, retry }: BackOffOptions): Layer {
  return async (request, next) => {
    const { state } = request;
    const backoff = backoffs[kindOf(request)];
    const end = await backoff.enter(request.path);
    state.isBackedOff = false;
    let outcome: Parameters<EndTurn>[0] = 'failed';
    const noteRefusal = (status: number, by: string): void => {
      const attempt = Math.min(backoff.refusals + 1, Math.max(retry.attempts - 1, 1));
      // Nobody waits longer than maxDelayMs: nothing is sent to the registry until then instead.
      const waitMs = state.isRetryAfterTooLong
        ? 0
        : Math.max(state.retryAfterMs, delayBeforeMs(attempt, retry));
      outcome = { status, by, waitMs };
    };
    try {
      const response = await next(request);
      outcome = 'answered';
      // A host that the registry redirects to may be busy while the registry is not.
      if (THROTTLING_STATUSES.has(response.status) && redirectedTo(response) === undefined) {
        noteRefusal(response.status, formatUpstream(upstream));
      }
      return response;
    } catch (error) {
      if (error instanceof ConnectionError && error.refusal !== undefined) {
        noteRefusal(error.refusal.status, error.refusal.by);
      }
      throw error;
    } finally {
      const hasToWait = end(outcome);
      state.isBackedOff = hasToWait && typeof outcome === 'object';
    }
  };
}
