/** An image with more bytes than it may have is refused, whatever was stored before. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addImage, addIndex, addLayer, AMD64, ARM64, tagAs } from '../../../support/builder.ts';
import { emptyRepository } from '../../../support/content.ts';
import { ProxiedMirror } from '../../support/proxied-mirror.ts';

let mirror: ProxiedMirror;

beforeAll(async () => {
  mirror = await ProxiedMirror.start(2);
}, 60_000);

afterAll(async () => {
  await mirror.stop();
});

/** Two platforms that share a layer of 4,000 bytes, and have one of 1,000 each. */
async function corpus() {
  const app = emptyRepository();
  const shared = await addLayer(app, 'shared', { size: 4000 });
  const children = [];
  for (const platform of [AMD64, ARM64]) {
    const own = await addLayer(app, platform.architecture, { size: 1000 });
    children.push(addImage(app, { platform, layers: [shared, own] }));
  }
  tagAs(app, addIndex(app, children), '1');
  const bytes = [...app.blobs.values()].reduce((sum, blob) => sum + blob.size, 0);
  return { content: { repositories: new Map([['app', app]]) }, bytes };
}

test('each blob counts once, and an image of exactly that size is mirrored', async () => {
  const { content, bytes } = await corpus();
  await mirror.begin(content);
  const small = await mirror.sync(['app'], { tags: ['1'], maxBlobBytes: bytes - 1 });
  expect(Object.values(small.outcomes)).toEqual([
    expect.stringContaining(`have ${bytes} bytes in all, more than the ${bytes - 1} of maxSize`),
  ]);
  // The objects that were fetched before the second platform was known do not count as an image.
  expect(small.writes.filter((write) => /_tags|_index\.json/.test(write))).toEqual([]);
  // The blobs and the child that are stored by now count all the same.
  const again = await mirror.sync(['app'], { tags: ['1'], maxBlobBytes: bytes - 1 });
  expect(Object.values(again.outcomes)).toEqual([expect.stringContaining(`have ${bytes} bytes in all`)]);
  const large = await mirror.sync(['app'], { tags: ['1'], maxBlobBytes: bytes });
  expect(Object.values(large.outcomes)).toEqual(['created']);
});

test('an image whose first manifest is too large costs no blob', async () => {
  const app = emptyRepository();
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'only', { size: 5000 })] }), '1');
  await mirror.begin({ repositories: new Map([['app', app]]) });
  const { upstream, outcomes } = await mirror.sync(['app'], { tags: ['1'], maxBlobBytes: 1000 });
  expect(Object.values(outcomes)).toEqual([expect.stringContaining('Raise maxSize')]);
  expect(upstream).toEqual(['GET manifest 1']);
});
