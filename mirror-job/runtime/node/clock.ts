import { setTimeout } from 'node:timers/promises';
import type { Clock } from '../../engine/runtime.ts';

export const systemClock: Clock = {
  now: () => new Date(),
  async sleep(milliseconds, signal) {
    try {
      await setTimeout(milliseconds, undefined, { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  },
};
