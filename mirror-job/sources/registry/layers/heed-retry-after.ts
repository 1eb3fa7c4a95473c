/**
 * Makes all requests wait as long as the response to one of them says in Retry-After. It does so before the next request can
 * be sent, so it stands below the window.
 */
import type { Clock } from '../../../engine/runtime.ts';
import type { CircuitBreaker } from '../pace/circuit-breaker.ts';
import { ConnectionError } from '../response/connection-error.ts';
import type { Layer, RequestState } from '../layer.ts';
import { redirectedTo } from '../response/redirected-response.ts';
import { parseRetryAfter } from '../pace/retry-after.ts';
import type { RequestWindow } from '../pace/window.ts';
import { RETRYABLE_STATUSES } from '../response/statuses.ts';

interface HeedRetryAfterOptions {
  readonly window: Pick<RequestWindow, 'pause'>;
  readonly breaker: Pick<CircuitBreaker, 'openUntil'>;
  readonly clock: Pick<Clock, 'now'>;
  /** After a longer Retry-After, nothing is sent to the registry until then. */
  readonly maxDelayMs: number;
}

export function heedRetryAfter({ window, breaker, clock, maxDelayMs }: HeedRetryAfterOptions): Layer {
  const heed = (state: RequestState, retryAfter: string | null, isRedirected: boolean): void => {
    const now = clock.now();
    state.retryAfterMs = parseRetryAfter(retryAfter, now) ?? 0;
    state.isRetryAfterTooLong = state.retryAfterMs > maxDelayMs;
    if (!state.isRetryAfterTooLong) window.pause(state.retryAfterMs);
    // A host that the registry redirects to must not open the circuit of the registry.
    else if (!isRedirected) breaker.openUntil(now.getTime() + state.retryAfterMs);
  };
  return async (request, next) => {
    try {
      const response = await next(request);
      if (RETRYABLE_STATUSES.has(response.status)) {
        heed(request.state, response.headers.get('Retry-After'), redirectedTo(response) !== undefined);
      }
      return response;
    } catch (error) {
      if (error instanceof ConnectionError) heed(request.state, error.retryAfter, false);
      throw error;
    }
  };
}
