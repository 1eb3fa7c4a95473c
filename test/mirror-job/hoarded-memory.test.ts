/** The memory of a whole run: an upstream that keeps to the bounds of each answer cannot add them up. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startHoardingRegistry, type Hoard } from './hoarding-registry.ts';

/** So that the peak is what the run holds, and not what the collector has not come to yet. */
const SMALL_HEAP = '--max-old-space-size=160';
const RUN = join(import.meta.dirname, 'hoarding-run.ts');
/** Bytes: a run that copies small images takes 110 MB. */
const MOST = 300e6;
/** Milliseconds without a request: the registry has sent what it sends. */
const QUIET = 700;

/** The last number is how many bytes the registry sends at least. */
test.for<[Hoard, number, number]>([
  ['children', 8, 240e6],
  ['pages of referrers', 7, 200e6],
  ['odd JSON', 1, 15e6],
])('%s, in %i repositories', { timeout: 30_000 }, async ([hoard, count, least]) => {
  const registry = await startHoardingRegistry(hoard);
  const lists = hoard === 'odd JSON' ? ['lists'] : [];
  const child = spawn(process.execPath, [SMALL_HEAP, RUN, registry.host, `${count}`, ...lists], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
    const exit = once(child, 'exit');
    while (child.exitCode === null && (registry.sent() < least || Date.now() - registry.asked() < QUIET)) {
      await setTimeout(50);
    }
    child.stdin.end();
    expect(await exit).toEqual([0, null]);
    // Otherwise the run was not fed what it must not hold.
    expect(registry.sent()).toBeGreaterThan(least);
    expect(Number(printed)).toBeGreaterThan(50e6);
    expect(Number(printed)).toBeLessThan(MOST);
  } finally {
    child.kill('SIGKILL');
    registry.stop();
  }
});
