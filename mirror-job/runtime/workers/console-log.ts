/**
 * The log of a Worker: its console, which Workers Logs keep and `wrangler tail` shows on terminals. Messages quote upstreams and
 * buckets. docs/decisions/0096
 */
import { brief, printable } from '../../../core/printable.ts';
import type { Log } from '../../engine/runtime.ts';

export const consoleLog: Log = {
  info: (message) => console.log(printable(brief(message))),
  warn: (message) => console.warn(printable(brief(message))),
};
