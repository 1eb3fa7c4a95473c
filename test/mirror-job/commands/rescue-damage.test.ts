/** Tests that `lifeboat rescue` mends what the bucket has of an image and what is wrong, in each of its stores. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { digestOfTag, manifestOf } from '../../support/content.ts';
import { DamagedBucket } from './damaged-bucket.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let bucket: DamagedBucket;

beforeAll(async () => {
  bucket = await DamagedBucket.open(2);
});

afterAll(() => bucket.close());

/** The key of the first layer of a.b/app. */
function layerKey(): string {
  const manifest = JSON.parse(manifestOf(bucket.images, digestOfTag(bucket.images, '1')).bytes.toString());
  return `blobs/${String(manifest.layers[0].digest).replace(':', '/')}`;
}

test.each([
  ['the only store', [0], 0],
  ['the store that is read', [0, 1], 0],
  ['the store that is not read', [0, 1], 1],
] as const)('a layer of the right size with wrong bytes in %s is replaced', async (name, stores, number) => {
  const prefix = name.replaceAll(' ', '-');
  const file = await bucket.fill(prefix, stores);
  const right = await bucket.read(prefix, layerKey(), number);
  await bucket.flip(prefix, layerKey(), number);
  expect((await bucket.verify(file, '--deep')).code).toBe(3);
  const done = await bucket.lifeboat('rescue', 'a.b/app:1', '--from', './app', '-c', file);
  expect([done.code, done.stderr]).toEqual([0, '']);
  expect((await bucket.read(prefix, layerKey(), number)).bytes).toEqual(right.bytes);
  expect((await bucket.verify(file, '--deep')).code).toBe(0);
});

test('a layer with wrong bytes that the source lacks too fails, and the tag stays', async () => {
  const file = await bucket.fill('none');
  await bucket.flip('none', layerKey());
  const before = await bucket.content('none');
  const image = `a.b/app:1@${digestOfTag(bucket.images, '1')}`;
  const done = await bucket.lifeboat('rescue', image, '--from', './signed', '-c', file);
  expect([done.code, done.stderr]).toEqual([1, expect.stringContaining('has no blob')]);
  expect(await bucket.content('none')).toEqual(before);
});

test('a link that says something else is written anew', async () => {
  const file = await bucket.fill('link');
  const key = `repositories/a.b/app/_${layerKey()}`;
  const right = await bucket.read('link', key);
  await bucket.put('link', key, Buffer.from('no json'), right.contentType);
  const done = await bucket.lifeboat('rescue', 'a.b/app:1', '--from', './app', '-c', file);
  expect([done.code, done.stderr]).toEqual([0, '']);
  expect((await bucket.read('link', key)).bytes).toEqual(right.bytes);
});
