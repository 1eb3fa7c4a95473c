/** The log of a Worker: its console, which Workers Logs keep. */
import type { Log } from '../../engine/runtime.ts';

export const consoleLog: Log = {
  info: (message) => console.log(message),
  warn: (message) => console.warn(message),
};
