/** The memory of a run does not grow with the size of a layer. */
import { expect, test } from 'vitest';
import { addImage, addStreamedLayer, tagAs } from '../../../support/builder.ts';
import { emptyRepository } from '../../../support/content.ts';
import { startRogueRegistry } from '../../../support/rogue-registry.ts';
import { runOnce } from '../../../support/run-process.ts';
import { emptyBuckets } from '../../../support/shared.ts';

const MEBIBYTE = 1024 * 1024;

test('a run copies a layer of 300 MB in under 200 MiB of memory', async () => {
  const repository = emptyRepository();
  const layers = [await addStreamedLayer(repository, 'large', 300_000_000)];
  tagAs(repository, addImage(repository, { layers }), 'latest');
  const store = await emptyBuckets();
  const registry = await startRogueRegistry({
    corpus: { repositories: new Map([['team/large', repository]]) },
  });
  try {
    const peak = await runOnce({
      ...store,
      prefixes: ['memory/'],
      partBytes: 8 * MEBIBYTE,
      upstream: registry.host,
      repositories: [{ path: 'team/large', tags: ['latest'] }],
    });
    expect(peak).toBeLessThan(200 * MEBIBYTE);
    // Without this, a figure that was not measured would pass, too.
    expect(peak).toBeGreaterThan(40 * MEBIBYTE);
  } finally {
    await registry.stop();
  }
}, 120_000);
