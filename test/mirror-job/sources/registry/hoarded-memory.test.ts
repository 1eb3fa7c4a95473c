/** An upstream that keeps within the bounds of each response cannot fill the memory of a run with many of them. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startHoardingRegistry, type Hoard } from './hoarding-registry.ts';

/** A small heap, so that the peak is the memory in use, and not garbage. */
const SMALL_HEAP = '--max-old-space-size=160';
const RUN = join(import.meta.dirname, 'hoarding-run.ts');
/** After this long without a request or a byte, the run holds all that it will hold. */
const QUIET = 700;

/**
 * The columns are the kind of content, the number of repositories, the least bytes of the responses that the registry begins,
 * and the most bytes that the run may take. A run that copies small images takes 110 MB. The peaks differ by a tenth from run
 * to run, because a collection of garbage comes sooner or later. Without the bound, 'children' takes 377 MB.
 */
test.for<[Hoard, number, number, number]>([
  ['children', 8, 120e6, 270e6],
  ['pages of referrers', 7, 260e6, 230e6],
  ['pages that do not end', 7, 260e6, 250e6],
  ['odd JSON', 1, 15e6, 250e6],
])('%s, in %i repositories', { timeout: 90_000 }, async ([hoard, count, least, most]) => {
  const registry = await startHoardingRegistry(hoard);
  const lists = hoard === 'odd JSON' ? ['lists'] : [];
  const child = spawn(process.execPath, [SMALL_HEAP, RUN, registry.host, `${count}`, ...lists], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
    const exit = once(child, 'exit');
    while (isRunning(child) && (registry.begun() < least || Date.now() - registry.active() < QUIET)) {
      await setTimeout(50);
    }
    child.stdin.end();
    expect(await exit).toEqual([0, null]);
    // Otherwise the registry did not offer more than the run may hold.
    expect(registry.begun()).toBeGreaterThan(least);
    // Two lists are read at once. The others wait, and their bytes stay in the system's buffers.
    expect(registry.secondPages()).toBe(hoard === 'pages of referrers' ? 2 : 0);
    expect(Number(printed)).toBeGreaterThan(50e6);
    expect(Number(printed)).toBeLessThan(most);
  } finally {
    child.kill('SIGKILL');
    registry.stop();
  }
});

/** A process that has run out of memory has a signal, and no exit code. */
function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}
