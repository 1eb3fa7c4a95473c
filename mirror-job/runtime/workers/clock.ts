/** The clock of Workers. It stands still between two calls to the outside, which is exact enough for dates and waits. */
import type { Clock } from '../../engine/runtime.ts';

export const workersClock: Clock = {
  now: () => new Date(),
  async sleep(milliseconds, signal) {
    if (!(milliseconds < 2 ** 31)) throw new RangeError(`A timer of ${milliseconds} ms ends at once.`);
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stop = (): void => reject(signal.reason);
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', stop, { once: true });
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  },
};
