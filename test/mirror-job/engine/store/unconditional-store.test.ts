/** One run at a time can fill a store that refuses conditions. */
import { expect, test } from 'vitest';
import { openBucket } from '../../../../mirror-job/engine/store/bucket.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import {
  ConditionRefusedError,
  type PutOptions,
  type PutResult,
} from '../../../../mirror-job/engine/store/store.ts';
import { UnconditionalStore } from '../../../../mirror-job/engine/store/unconditional-store.ts';
import { addImage, addLayer, addStreamedLayer, tagAs } from '../../../support/builder.ts';
import { emptyRepository } from '../../../support/content.ts';
import { environmentFor, imageOf, outcomesOf } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

/** As Backblaze B2 answers. */
class RefusingStore extends MemoryStore {
  override async put(key: string, bytes: Uint8Array, options: PutOptions): Promise<PutResult> {
    if (options.condition !== undefined) throw new ConditionRefusedError(`put ${key}`, '501 NotImplemented');
    return super.put(key, bytes, options);
  }
}

const expected = { name: 'default', audience: 'token', newId: 'id', singleWriter: true } as const;

test('a bucket is opened and filled, and its tag is moved, without one condition', async () => {
  const content = emptyRepository();
  tagAs(content, addImage(content, { layers: [await addLayer(content, 'first')] }), 'latest');
  const source = new MemorySource('source.test/app', content);
  const bucket = new RefusingStore();
  await expect(openBucket(bucket, expected)).rejects.toThrow(
    'refuses conditional writes (501 NotImplemented)',
  );

  const store = new UnconditionalStore(bucket);
  expect(store.name).toBe(bucket.name);
  expect(await openBucket(store, expected)).toMatchObject({ id: 'id', audience: 'token' });
  const run = async () =>
    outcomesOf(await runMirror(environmentFor(store), 'default', [imageOf(source, 'mirror.test/app')]));
  expect(await run()).toEqual({ 'mirror.test/app:latest': 'created' });

  const long = addImage(content, { layers: [await addStreamedLayer(content, 'long', 3_000_000)] });
  tagAs(content, long, 'latest');
  expect(await run()).toEqual({ 'mirror.test/app:latest': 'moved' });
  expect(bucket.json('repositories/mirror.test/app/_tags/latest')).toMatchObject({ digest: long.digest });
  expect(bucket.uploads.size).toBe(0);
});
