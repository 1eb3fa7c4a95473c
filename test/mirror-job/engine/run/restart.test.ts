/** A run that died in the middle and is started again does not fetch finished blobs again. */
import { expect, test } from 'vitest';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { addImage, addIndex, addLayer, addStreamedLayer, tagAs } from '../../../support/builder.ts';
import { emptyRepository } from '../../../support/content.ts';
import { environmentFor, imageOf } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const MEBIBYTE = 1024 * 1024;
const WRITES = /^(?:put|beginUpload|putPart|completeUpload) /;
const content = emptyRepository();
const shared = await addLayer(content, 'shared');
for (const name of ['one', 'two']) {
  // It has three parts.
  const large = await addStreamedLayer(content, `large ${name}`, 2.5 * MEBIBYTE);
  const own = await addLayer(content, name);
  const image = addImage(content, { layers: [shared, large, own] });
  tagAs(content, addIndex(content, [image]), name);
}

/** `sha256:<hex>` of each complete blob. */
const finishedIn = (store: MemoryStore) =>
  new Set(
    store
      .keys('blobs/')
      .filter((key) => key.startsWith('blobs/'))
      .map((key) => key.split('/').slice(1).join(':')),
  );

async function run(store: MemoryStore) {
  store.calls.length = 0;
  const source = new MemorySource('source.test/app', content);
  const report = await runMirror(environmentFor(store), 'default', [imageOf(source, 'mirror.test/app')]);
  const blobs = source.calls
    .filter((call) => call.startsWith('blob '))
    .map((call) => call.split(' ')[1] ?? '');
  return { blobs, report, writes: store.calls.filter((call) => WRITES.test(call)).length };
}

test('a run that died at any write is started again and fetches no finished blob twice', async () => {
  const whole = await run(new MemoryStore());
  expect(whole.blobs.toSorted()).toEqual([...content.blobs.keys()].toSorted());
  expect(whole.writes).toBeGreaterThan(25);
  for (let write = 0; write < whole.writes; write += 1) {
    const store = new MemoryStore();
    let left = write;
    store.before = (call) => {
      if (!WRITES.test(`${call} `) && call !== 'abortUpload') return;
      left -= 1;
      if (left < 0) throw new Error('The process is dead.');
    };
    await run(store);
    store.before = () => {};
    const finished = finishedIn(store);
    const again = await run(store);
    expect([write, again.blobs.filter((digest) => finished.has(digest))]).toEqual([write, []]);
    expect([write, again.report.counts.failed]).toEqual([write, 0]);
    expect(new Set(again.blobs).size).toBe(again.blobs.length);
    expect(finishedIn(store).size).toBe(content.blobs.size);
  }
}, 60_000);
