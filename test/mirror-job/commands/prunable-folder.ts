/** A folder of a bucket with a tag that may go, as tests of `lifeboat prune` need it. */
import { parseDigest } from '../../../core/digest.ts';
import { blobKey, blobLinkKey } from '../../../core/layout.ts';
import { parseRepository } from '../../../core/reference.ts';
import { openBucket } from '../../../mirror-job/engine/store/bucket.ts';
import { runMirror } from '../../../mirror-job/engine/run/run.ts';
import { createS3Connection } from '../../../mirror-job/runtime/node/s3-connection.ts';
import { S3Store } from '../../../mirror-job/storage/s3/s3-store.ts';
import { addImage, addLayer, tagAs } from '../../support/builder.ts';
import { emptyRepository } from '../../support/content.ts';
import type { Buckets } from '../../support/shared.ts';
import { environmentFor, imageOf } from '../support/harness.ts';
import { MemorySource } from '../support/memory-source.ts';

export const NAME = 'docker.io/library/app';

export interface PrunableFolder {
  readonly bucket: S3Store;
  /** The settings of the store in lifeboat.yaml. */
  readonly how: object;
}

const LEFT = parseDigest(`sha256:${'1'.repeat(64)}`);

/**
 * Fills a folder of the bucket with the tags `stays` and `old`, long ago by the clock of the run. By the store's clock all of it
 * was written just now, so a prune leaves the manifests for `days`.
 */
export async function fillFolder(
  { endpoint, region, accessKeyId, secretAccessKey, bucket: name }: Buckets,
  prefix: string,
): Promise<PrunableFolder> {
  const credentials = { accessKeyId, secretAccessKey };
  const bucket = new S3Store(
    { endpoint, region, bucket: name, prefix: `${prefix}/`, pathStyle: true, credentials },
    createS3Connection(),
  );
  const newId = `id-${prefix}`;
  await openBucket(bucket, { name: 'default', audience: 'public', singleWriter: false, newId });
  const content = emptyRepository();
  for (const tag of ['stays', 'old']) {
    tagAs(content, addImage(content, { layers: [await addLayer(content, tag)] }), tag);
  }
  const images = [imageOf(new MemorySource('mirror.test/app', content), NAME)];
  await runMirror(environmentFor(bucket), 'default', images);
  return { bucket, how: { endpoint, bucket: name, region, accessKeyId, secretAccessKey, prefix } };
}

/** Adds a blob and its link that nothing needs, and that are not too young to go. */
export async function addUnneeded(store: S3Store): Promise<void> {
  for (const key of [blobKey(LEFT), blobLinkKey(parseRepository(NAME), LEFT)]) {
    await store.put(key, Buffer.from('{}'), { contentType: 'application/json' });
  }
}

/** Changes fields of the state of pruning. */
export async function changeState(store: S3Store, fields: object): Promise<void> {
  const state = await store.get('state/_prune.json');
  const json: unknown = JSON.parse(Buffer.from(state?.bytes ?? []).toString());
  const bytes = Buffer.from(JSON.stringify(Object.assign({}, json, fields)));
  await store.put('state/_prune.json', bytes, { contentType: 'application/json' });
}

/** Makes the grace of what is condemned end at once. */
export function endGraceOf(store: S3Store): Promise<void> {
  return changeState(store, { after: '2026-01-01T00:00:00.000Z' });
}
