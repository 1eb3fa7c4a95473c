/** Notices that the parent process is gone. */
import { setInterval } from 'node:timers/promises';

const EVERY_MS = 500;

/**
 * Resolves when npm is gone, and never if npm has not started this process. npm passes SIGTERM only to its shell, and
 * the shell leaves its own processes running. The edge would then keep its port without anybody noticing.
 */
export async function parentGone(): Promise<void> {
  const parent = process.ppid;
  if (process.env['npm_lifecycle_event'] === undefined) return new Promise(() => {});
  for await (const _ of setInterval(EVERY_MS, undefined, { ref: false })) {
    if (process.ppid !== parent) return;
  }
}
