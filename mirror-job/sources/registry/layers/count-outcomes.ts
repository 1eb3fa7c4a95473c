/** Tells the circuit breaker how a request ended, after all its attempts. */
import { AttemptError } from '../pace/attempt-error.ts';
import type { CircuitBreaker } from '../pace/circuit-breaker.ts';
import type { Layer } from '../layer.ts';

/** @throws the `failure` of an `AttemptError` */
export function countOutcomes(breaker: CircuitBreaker): Layer {
  return async (request, next) => {
    try {
      const response = await next(request);
      breaker.recordAnswer(request.path);
      return response;
    } catch (error) {
      if (!(error instanceof AttemptError)) throw error;
      // A refusal is an answer too: the registry works.
      if (!error.isRetryable) breaker.recordAnswer(request.path);
      else if (error.failedParty !== undefined) {
        breaker.recordFailure(request.path, error.failedParty, request.state.generation);
      }
      throw error.failure;
    }
  };
}
