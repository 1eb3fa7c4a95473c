/**
 * Tests that the heap of a run with many requests stays near to the size of its live objects, and that a short run is
 * not changed.
 */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runProgram } from '../../support/process.ts';

const MEMORY = join(import.meta.dirname, '../../../mirror-job/runtime/node/garbage-collection.ts');

/** Counts the requests, then makes objects of which a few survive. @returns the space for young objects, in MB */
async function youngSpaceAfter(requests: number): Promise<number> {
  const script = `
    import { getHeapSpaceStatistics } from 'node:v8';
    import { countRequest } from ${JSON.stringify(MEMORY)};
    for (let index = 0; index < ${requests}; index += 1) countRequest();
    let alive = [];
    for (let index = 0; index < 1_000_000; index += 1) {
      alive.push({ index, list: [index] });
      if (alive.length > 100_000) alive = alive.slice(60_000);
    }
    const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    process.stdout.write(String(young.space_size / 1e6));`;
  const { code, stdout, stderr } = await runProgram(process.execPath, ['--input-type=module', '-e', script]);
  expect([code, stderr]).toEqual([0, '']);
  return Number(stdout);
}

test('from the 200th request on, the space for young objects grows no further', async () => {
  const [few, many] = await Promise.all([youngSpaceAfter(199), youngSpaceAfter(200)]);
  // On an idle machine the sizes are 33 to 67 MB, and 2 MB. If the processors are busy, V8 adds pages while its
  // collector waits, and the second size is 11 MB.
  expect(few).toBeGreaterThan(20);
  expect(many).toBeLessThan(20);
});
