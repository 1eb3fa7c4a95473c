/**
 * Waiting for another request of the same isolate. A Worker may not await another request's promise: the runtime drops
 * the waiting request once the other one is over. So each request makes a promise of its own, and the other one resolves
 * it. The runtime then goes on in the context of the request that made the promise
 * (https://developers.cloudflare.com/workers/configuration/compatibility-flags/, handle_cross_request_promise_resolution).
 */
import type { StartTimer } from './edge-runtime.ts';

/**
 * The timer has two purposes. The runtime may drop the other request, which then never tells anything. And the runtime
 * ends a request that waits for no event of its own.
 * @param register gets the function that the other request calls with its value, and returns the function that removes it
 * @returns the other request's value; undefined if the time was up first
 */
export async function waitForOther<T>(
  limitMs: number,
  startTimer: StartTimer,
  register: (tell: (value: T) => void) => () => void,
): Promise<T | undefined> {
  if (limitMs <= 0) return undefined;
  const { promise, resolve } = Promise.withResolvers<T | undefined>();
  const unregister = register(resolve);
  const stopTimer = startTimer(limitMs, () => resolve(undefined));
  try {
    return await promise;
  } finally {
    stopTimer();
    unregister();
  }
}
