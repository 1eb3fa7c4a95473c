/** Lets a request hold a place in the window of requests at once, from its sending until its response begins. */
import { ConnectionError } from '../response/connection-error.ts';
import type { Layer } from '../layer.ts';
import type { Outcome, RequestWindow } from '../pace/window.ts';
import { THROTTLING_STATUSES } from '../response/statuses.ts';

export function enterWindow(window: Pick<RequestWindow, 'enter'>): Layer {
  return async (request, next) => {
    const leave = await window.enter();
    let outcome: Outcome = 'failed';
    try {
      const response = await next(request);
      outcome = THROTTLING_STATUSES.has(response.status) ? 'refused' : 'answered';
      return response;
    } catch (error) {
      // A registry that answers late may be asked too much.
      if (error instanceof ConnectionError && error.isLate) outcome = 'refused';
      throw error;
    } finally {
      leave(outcome);
    }
  };
}
