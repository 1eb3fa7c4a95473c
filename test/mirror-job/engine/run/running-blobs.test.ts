/** Tests what a run shows of its blobs: the tag that each is copied for, and the bytes that are known to be needed. */
import { expect, test } from 'vitest';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { addImage, addLayer, tagAs } from '../../../support/builder.ts';
import { emptyRepository } from '../../../support/content.ts';
import { environmentFor, imageOf, TestClock } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

async function mirrored(store = new MemoryStore()) {
  const app = emptyRepository();
  const layers = [await addLayer(app, 'first layer'), await addLayer(app, 'the second layer')];
  const image = addImage(app, { layers });
  tagAs(app, image, '1.27');
  const source = new MemorySource('source.test/app', app);
  const environment = environmentFor(store, { clock: new TestClock() });
  const { tally } = environment;
  const labels = new Set<string>();
  const planned: number[] = [];
  source.before = (call) => {
    if (call !== 'blob') return;
    for (const { label } of tally.running) labels.add(label.replace(/[0-9a-f]{64}$/, '…'));
    planned.push(tally.counts.bytesPlanned);
  };
  const run = () =>
    runMirror(environment, 'default', [imageOf(source, 'mirror.test/app')], { scrubs: false });
  return { run, source, tally, labels, planned, blobs: [...app.blobs.values()] };
}

test('each blob that is copied has the name of its tag', async () => {
  const { run, labels } = await mirrored();
  await run();
  expect([...labels]).toEqual(['source.test/app:1.27@sha256:…']);
});

test('all blobs of an image are planned before the first of them is read', async () => {
  const { run, tally, planned, blobs } = await mirrored();
  await run();
  const bytes = blobs.reduce((sum, { size }) => sum + size, 0);
  expect([planned[0], tally.counts.bytesPlanned, tally.counts.bytes]).toEqual([bytes, bytes, bytes]);
});

test('nothing is planned of blobs that are there, and nothing more of blobs that failed', async () => {
  const failing = await mirrored();
  failing.source.open = () => undefined;
  await failing.run();
  expect(failing.tally.counts).toMatchObject({ bytes: 0, bytesPlanned: 0 });

  const store = new MemoryStore();
  const first = await mirrored(store);
  await first.run();
  for (const key of store.objects.keys()) if (key.startsWith('repositories/')) store.objects.delete(key);
  const second = await mirrored(store);
  await second.run();
  expect(second.tally.counts).toMatchObject({ bytes: 0, bytesPlanned: 0, blobsCopied: 0 });
  expect(second.tally.counts.blobsPresent).toBeGreaterThan(0);
});
