/** Who has started this process. */
import { setInterval } from 'node:timers/promises';

/** Milliseconds. */
const EVERY = 500;

/**
 * Resolves when npm is gone. npm passes SIGTERM on to its shell alone, and the shell leaves what it has started behind:
 * the edge would hold its port, and nobody would see it. Never resolves where npm has not started this.
 */
export async function parentGone(): Promise<void> {
  const parent = process.ppid;
  if (process.env['npm_lifecycle_event'] === undefined) return new Promise(() => {});
  for await (const _ of setInterval(EVERY, undefined, { ref: false })) {
    if (process.ppid !== parent) return;
  }
}
