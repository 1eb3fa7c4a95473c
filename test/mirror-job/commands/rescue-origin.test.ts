/** Tests that `lifeboat rescue` judges an image by what its source has, whatever was named, and says only what is true of it. */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { addImage, addLayer, tagAs } from '../../support/builder.ts';
import { blobOf, bytesOf, digestOfTag, emptyRepository } from '../../support/content.ts';
import { writeLayout } from '../../support/oci-layout.ts';
import { tarOf, tarOfFolder } from '../../support/tar.ts';
import { DamagedBucket } from './damaged-bucket.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let bucket: DamagedBucket;
let file = '';

beforeAll(async () => {
  bucket = await DamagedBucket.open();
  file = await bucket.fill('origin');
});

afterAll(() => bucket.close());

const rescue = (image: string, from: string, ...more: readonly string[]) =>
  bucket.lifeboat('rescue', image, '--from', from, '-c', file, ...more);

async function lastReason(image: string): Promise<string> {
  const { stdout } = await bucket.lifeboat('history', image, '--json', '-c', file);
  return String(JSON.parse(stdout).movements[0]?.why);
}

/** Writes an archive in Docker's old format, with an unpacked layer. */
async function writeDockerArchive(name: string): Promise<void> {
  const folder = join(bucket.folder, `${name}-folder`);
  await mkdir(folder);
  const layer = await bytesOf(tarOf('hello.txt', blobOf(Buffer.from(name))));
  const id = createHash('sha256').update(layer).digest('hex');
  const diffs = { type: 'layers', diff_ids: [`sha256:${id}`] };
  const config = JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: diffs });
  const hex = createHash('sha256').update(config).digest('hex');
  await writeFile(join(folder, `${id}.tar`), layer);
  await writeFile(join(folder, `${hex}.json`), config);
  const list = [{ Config: `${hex}.json`, RepoTags: null, Layers: [`${id}.tar`] }];
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(list));
  await writeFile(join(bucket.folder, name), Readable.from((await tarOfFolder(folder)).open()));
}

/** Writes a layout with one image. @param mediaType of its layer @returns its digest */
async function writeImage(name: string, mediaType?: string): Promise<string> {
  const content = emptyRepository();
  const layer = await addLayer(content, name);
  tagAs(content, addImage(content, { layers: [{ ...layer, ...(mediaType && { mediaType }) }] }), '1');
  await writeLayout(content, join(bucket.folder, name));
  return digestOfTag(content, '1');
}

test('a manifest that was made from an archive needs --rewritten, also if its digest is named', async () => {
  await writeDockerArchive('made.tar');
  const before = await bucket.content('origin');
  const named = await rescue('a.b/app:1', 'made.tar', '--rewritten');
  expect(named.code).toBe(2);
  const [, digest = ''] = /name the digest: a\.b\/app:1@(sha256:[0-9a-f]+)/.exec(named.stderr) ?? [];
  for (const image of [`a.b/app:1@${digest}`, `a.b/fresh:1@${digest}`, `a.b/fresh@${digest}`]) {
    const refused = await rescue(image, 'made.tar');
    expect([image, refused.code, refused.stderr]).toEqual([
      image,
      2,
      expect.stringContaining('add --rewritten.'),
    ]);
  }
  expect(await bucket.content('origin')).toEqual(before);
  const done = await rescue(`a.b/app:1@${digest}`, 'made.tar', '--rewritten');
  expect([done.code, done.stderr]).toEqual([0, '']);
  expect(await lastReason('a.b/app:1')).toBe(
    `rescued from docker-archive:${join(bucket.folder, 'made.tar')}, rewritten: its manifest is not the original one`,
  );
});

test('a layout with unpacked layers needs it, too, unless the bucket knows the digest', async () => {
  const digest = await writeImage('unpacked', 'application/vnd.oci.image.layer.v1.tar');
  const refused = await rescue(`a.b/unpacked:1@${digest}`, 'unpacked');
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('add --rewritten.')]);
  expect((await rescue(`a.b/unpacked:1@${digest}`, 'unpacked', '--rewritten')).code).toBe(0);
  expect((await rescue(`a.b/unpacked:1@${digest}`, 'unpacked')).code).toBe(0);
});

test('an original image is not called rewritten because of --rewritten', async () => {
  await writeImage('original');
  const done = await rescue('a.b/original:1', 'original', '--rewritten', '--json');
  expect([done.code, JSON.parse(done.stdout)]).toMatchObject([0, { rewritten: false }]);
  expect(await lastReason('a.b/original:1')).toBe(`rescued from oci:${join(bucket.folder, 'original')}`);
});

test('a source that gave nothing is not named as the origin', async () => {
  await writeImage('other');
  const digest = digestOfTag(bucket.images, '2');
  const done = await rescue(`a.b/app:here@${digest}`, 'other');
  expect([done.code, done.stdout]).toEqual([0, expect.stringContaining('already in the bucket')]);
  expect(done.stdout).not.toContain('other');
  expect(await lastReason('a.b/app:here')).toBe('rescued by what was already in the bucket');
  const json = await rescue(`a.b/app:too@${digest}`, 'other', '--json', '--reason', 'a test');
  expect(JSON.parse(json.stdout)).toMatchObject({ from: null, rewritten: false });
  expect(await lastReason('a.b/app:too')).toBe('rescued by what was already in the bucket: a test');
});
