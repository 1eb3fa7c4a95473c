/**
 * Tells the circuit breaker of each attempt that meets silence, at once: a silent registry costs a long wait, which each
 * request must not repeat.
 */
import type { CircuitBreaker } from '../pace/circuit-breaker.ts';
import { ConnectionError } from '../response/connection-error.ts';
import type { Layer } from '../layer.ts';

export function countSilence(breaker: CircuitBreaker): Layer {
  return async (request, next) => {
    const { generation } = breaker;
    request.state.generation ??= generation;
    try {
      return await next(request);
    } catch (error) {
      if (error instanceof ConnectionError && error.isSilent) {
        breaker.recordFailure(request.path, 'registry', generation);
      }
      throw error;
    }
  };
}
