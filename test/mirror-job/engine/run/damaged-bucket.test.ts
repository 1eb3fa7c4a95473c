/** A run notices damage that somebody else did to the bucket where it would do harm, and repairs it. */
import { expect, test } from 'vitest';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { addArtifact, addImage, addLayer, tagAs } from '../../../support/builder.ts';
import { emptyRepository, manifestOf } from '../../../support/content.ts';
import { DAY, environmentFor, imageOf, outcomesOf, TestClock } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

test('a manifest that holds other bytes is written anew, and never becomes part of a tag', async () => {
  const content = emptyRepository();
  const image = addImage(content, { layers: [await addLayer(content, 'layer')] });
  tagAs(content, image, 'one');
  const source = new MemorySource('source.test/app', content);
  const store = new MemoryStore();
  await runMirror(environmentFor(store), 'default', [imageOf(source, 'mirror.test/app')]);
  const key = `repositories/mirror.test/app/_manifests/${image.digest.replace(':', '/')}`;
  await store.put(key, Buffer.from('{}'), { contentType: image.mediaType });

  tagAs(content, image, 'two');
  const environment = environmentFor(store);
  const report = await runMirror(environment, 'default', [imageOf(source, 'mirror.test/app')]);
  expect(outcomesOf(report)).toEqual({ 'mirror.test/app:two': 'created' });
  expect(environment.logged).toEqual([
    `warn: The bucket in memory: the manifest ${image.digest} of mirror.test/app does not match its digest. It is written anew.`,
  ]);
  const { bytes } = manifestOf(content, image.digest);
  expect(Buffer.from(store.objects.get(key)?.bytes ?? []).equals(bytes)).toBe(true);
  expect(store.json('repositories/mirror.test/app/_tags/two')).toMatchObject({
    data: Buffer.from(bytes).toString('base64'),
  });
});

test('a list of referrers that cannot be read is made anew', async () => {
  const content = emptyRepository();
  const image = addImage(content, { layers: [await addLayer(content, 'layer')] });
  tagAs(content, image, 'one');
  addArtifact(content, { artifactType: 'application/a', subject: image });
  const source = new MemorySource('source.test/app', content);
  const store = new MemoryStore();
  const clock = new TestClock();
  const run = () =>
    runMirror(environmentFor(store, { clock }), 'default', [imageOf(source, 'mirror.test/app')]);
  await run();
  const key = `repositories/mirror.test/app/_referrers/${image.digest.replace(':', '/')}`;
  const before = store.json(key);
  await store.put(key, Buffer.from('{'), { contentType: 'a/b' });
  clock.advance(2 * DAY);
  expect((await run()).counts).toMatchObject({ unchanged: 1, failed: 0 });
  expect(store.json(key)).toEqual(before);
});

test('each tag that the index has forgotten costs one HEAD, and no manifest', async () => {
  const content = emptyRepository();
  for (const name of ['a', 'b']) {
    tagAs(content, addImage(content, { layers: [await addLayer(content, name)] }), name);
  }
  const source = new MemorySource('source.test/app', content);
  const store = new MemoryStore();
  const image = imageOf(source, 'mirror.test/app', { referrersEveryMs: false });
  await runMirror(environmentFor(store), 'default', [image]);
  store.objects.delete('repositories/mirror.test/app/_index.json');
  source.calls.length = 0;
  const { counts } = await runMirror(environmentFor(store), 'default', [image]);
  expect(counts).toMatchObject({ unchanged: 2 });
  expect(source.calls.toSorted()).toEqual(['resolve a', 'resolve b', 'tags']);
});
