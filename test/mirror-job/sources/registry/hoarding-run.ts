/**
 * Runs the job in a process of its own, to measure its memory. It mirrors some repositories of one registry until its standard
 * input ends, and prints its peak memory in bytes. Its store drops manifests, because they would be measured too.
 */
import { readFile } from 'node:fs/promises';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import type { PutOptions } from '../../../../mirror-job/engine/store/store.ts';
import { systemClock } from '../../../../mirror-job/runtime/node/clock.ts';
import { RegistrySource } from '../../../../mirror-job/sources/registry/registry-source.ts';
import { environmentFor, EVERY_TAG, imageOf, registryAt } from '../../support/harness.ts';
import { MemoryStore } from '../../support/memory-store.ts';

class ForgetfulStore extends MemoryStore {
  override put(key: string, bytes: Uint8Array<ArrayBuffer>, options: PutOptions) {
    return super.put(key, bytes.length > 100_000 ? bytes.slice(0, 10) : bytes, options);
  }
}

const [host = '', count = '', lists] = process.argv.slice(2);
const stop = new AbortController();
const { signal } = stop;
process.stdin.on('end', () => stop.abort(new Error('enough'))).resume();
const registry = await registryAt(host, { timeoutMs: 30_000, clock: systemClock, signal });
const tags =
  lists === 'lists'
    ? { tags: ['one'], rules: { ...EVERY_TAG, include: [{ text: 'none', matches: () => false }] } }
    : { tags: ['one'] };
const images = Array.from({ length: Number(count) }, (_, index) =>
  imageOf(new RegistrySource(registry, `r${index}`), `mirror.test/r${index}`, {
    ...tags,
    referrersEveryMs: 1,
  }),
);
await runMirror({ ...environmentFor(new ForgetfulStore()), signal }, 'default', images);
process.stdout.write(`${await peakMemory()}\n`);
process.exit();

/** Linux's `maxRSS` includes the parent's memory at the fork. The high-water mark does not. */
async function peakMemory(): Promise<number> {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1]) * 1024;
}
