/** Prunes a mirror of which one repository is left as it is: nothing that it needs goes, whatever it has lost. */
import { beforeEach, expect, test } from 'vitest';
import { BucketObjectInvalidError } from '../../../../core/bucket-object.ts';
import { IncompleteImageError } from '../../../../mirror-job/engine/maintenance/needed-closure.ts';
import { DAY, NAME, PrunedMirror } from './pruned-mirror.ts';

let mirror: PrunedMirror;
let blobs: readonly string[];

const keysBelow = (folder: string) => mirror.store.keys(`repositories/${NAME}/${folder}/`);

const storedBlobs = () => mirror.store.keys().filter((key) => key.startsWith('blobs/'));

beforeEach(async () => {
  mirror = new PrunedMirror();
  await mirror.push('1');
  await mirror.sync();
  await mirror.push('1');
  await mirror.sync();
  mirror.clock.advance(400 * DAY);
  mirror.options = { tags: ['another'] };
  blobs = storedBlobs();
  // Something has to go, or no sweep would look at the bucket.
  await mirror.store.put(`blobs/sha256/${'1'.repeat(64)}`, Buffer.from('left'), {
    contentType: 'text/plain',
  });
});

test.each<[string, () => void]>([
  ['its image has no retention', () => (mirror.retention = undefined)],
  ['another configuration fills it', () => (mirror.others = new Map([[NAME, 'other']]))],
])('the blobs of its manifests stay without their links, because %s', async (_, change) => {
  change();
  for (const key of keysBelow('_blobs')) mirror.store.objects.delete(key);
  const before = mirror.keys();
  const plan = await mirror.plan();
  expect([plan.goes.objects, Object.values(plan.untouched)]).toEqual([1, [1]]);
  await mirror.pruneAll();
  expect(storedBlobs()).toEqual(blobs);
  expect(mirror.keys()).toEqual(before.filter((key) => !key.endsWith('1'.repeat(64))));
});

test('a blob that only a link leads to stays, too', async () => {
  mirror.retention = undefined;
  for (const key of keysBelow('_manifests')) mirror.store.objects.delete(key);
  for (const folder of ['_tags', '_referrers', '_history']) {
    for (const key of keysBelow(folder)) mirror.store.objects.delete(key);
  }
  mirror.store.objects.delete(`repositories/${NAME}/_index.json`);
  await mirror.pruneAll();
  expect(storedBlobs()).toEqual(blobs);
});

test.each<[string, () => string, new (...args: never[]) => Error]>([
  ['a manifest of a tag is missing', () => `_manifests/sha256/${currentHex()}`, IncompleteImageError],
  ['a manifest has other bytes', () => `_manifests/sha256/${currentHex()}`, IncompleteImageError],
  ['its index cannot be read', () => '_index.json', BucketObjectInvalidError],
])('nothing goes if %s', async (how, part, kind) => {
  mirror.retention = undefined;
  await mirror.condemn();
  const key = `repositories/${NAME}/${part()}`;
  const object = mirror.store.objects.get(key);
  if (object === undefined) throw new Error(`There is no ${key}.`);
  if (how.includes('missing')) mirror.store.objects.delete(key);
  else mirror.store.objects.set(key, { ...object, bytes: Buffer.from('{') });
  await expect(mirror.plan()).rejects.toBeInstanceOf(kind);
  const before = mirror.keys();
  mirror.clock.advance(3 * DAY);
  await expect(mirror.sweep()).rejects.toBeInstanceOf(kind);
  expect(mirror.keys()).toEqual(before);
});

test('a plan reads each object of it once', async () => {
  mirror.retention = undefined;
  mirror.store.calls.length = 0;
  await mirror.plan();
  const reads = mirror.store.calls.filter((call) => call.startsWith('get repositories/'));
  expect([new Set(reads).size, reads.filter((call) => call.includes('/_history/'))]).toEqual([
    reads.length,
    [],
  ]);
});

function currentHex(): string {
  return mirror.content.tags.get('1')?.slice('sha256:'.length) ?? '';
}
