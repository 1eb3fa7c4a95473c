/**
 * Waiting for another request of the same isolate. A Worker may not await another request's promise: the runtime drops
 * what waits for it once that request is over. So each request makes a promise of its own, which the other one resolves;
 * the runtime then goes on in the context of the request that made it
 * (https://developers.cloudflare.com/workers/configuration/compatibility-flags/, handle_cross_request_promise_resolution).
 */
import type { StartTimer } from '../store/time-limit.ts';

/**
 * The timer has two purposes. The other request may be dropped by the runtime, and then never tells anything. And the
 * runtime ends a request that waits for no event of its own.
 * @param register is given the function that the other request calls, and returns what takes it away again
 * @returns what it was told; undefined if the time was up first
 */
export async function waitForOther<T>(
  milliseconds: number,
  startTimer: StartTimer,
  register: (tell: (value: T) => void) => () => void,
): Promise<T | undefined> {
  if (milliseconds <= 0) return undefined;
  const { promise, resolve } = Promise.withResolvers<T | undefined>();
  const unregister = register(resolve);
  const stopTimer = startTimer(milliseconds, () => resolve(undefined));
  try {
    return await promise;
  } finally {
    stopTimer();
    unregister();
  }
}
