/** Tests `lifeboat rescue` from archives and layouts that are not as a registry has the image, and from what is no image. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { blobOf, bytesOf, digestOfTag } from '../../support/content.ts';
import { tarOf, tarOfFolder } from '../../support/tar.ts';
import { walkBucket } from '../../support/walk-bucket.ts';
import { DamagedBucket } from './damaged-bucket.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let bucket: DamagedBucket;
let file = '';

beforeAll(async () => {
  bucket = await DamagedBucket.open();
  file = await bucket.fill('archives');
});

afterAll(() => bucket.close());

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

const rescue = (image: string, from: string, ...more: readonly string[]) =>
  bucket.lifeboat('rescue', image, '--from', from, '-c', file, ...more);

/** Writes an archive with one layer, as `crane pull` does. @returns the digests of its config and its layer */
async function writeArchive(name: string, pack: (layer: Uint8Array) => Uint8Array, text = 'hello') {
  const folder = join(bucket.folder, `${name}-folder`);
  await mkdir(folder);
  const layer = await bytesOf(tarOf('hello.txt', blobOf(Buffer.from('hello'))));
  const packed = pack(await bytesOf(tarOf('hello.txt', blobOf(Buffer.from(text)))));
  const id = sha256(packed);
  const config = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
  });
  const hex = sha256(config);
  await writeFile(join(folder, `${id}.tar.gz`), packed);
  await writeFile(join(folder, `sha256:${hex}`), config);
  const list = [{ Config: `sha256:${hex}`, RepoTags: ['a.b/packed:1'], Layers: [`${id}.tar.gz`] }];
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(list));
  await writeFile(join(bucket.folder, name), Readable.from((await tarOfFolder(folder)).open()));
  return { config: `sha256:${hex}`, layer: `sha256:${id}` };
}

test.each([
  ['gzip', gzipSync],
  ['zstd', zstdCompressSync],
])(
  'an archive with layers in %s keeps them, says that only the manifest is lost, and is served with --rewritten',
  async (format, pack) => {
    const { config, layer } = await writeArchive(`${format}.tar`, pack);
    const image = `a.b/${format}:1`;
    const refused = await rescue(image, `${format}.tar`);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('the layers are compressed as a registry has them');
    expect(refused.stderr).not.toContain('unpacked');

    const done = await rescue(image, `${format}.tar`, '--rewritten');
    expect([done.code, done.stderr]).toEqual([0, '']);
    const { client, stores } = bucket;
    const found = await walkBucket({ client, bucket: stores.bucket, prefix: 'archives/' });
    expect([found.problems, found.behind]).toEqual([[], []]);
    const digest = (found.tags.get(image) ?? '').replace(':', '/');
    const manifest = await bucket.read('archives', `repositories/a.b/${format}/_manifests/${digest}`);
    expect(JSON.parse(manifest.bytes.toString())).toMatchObject({
      config: { digest: config },
      layers: [{ digest: layer, mediaType: `application/vnd.oci.image.layer.v1.tar+${format}` }],
    });
  },
);

test('a compressed layer that is not the config’s, and one that is cut off, are refused', async () => {
  await writeArchive('other.tar', gzipSync, 'other');
  const other = await rescue('a.b/other:1', 'other.tar', '--rewritten');
  expect([other.code, other.stderr]).toEqual([2, expect.stringContaining('and the config says sha256:')]);
  await writeArchive('cut.tar', (layer) => gzipSync(layer).subarray(0, -9));
  const cut = await rescue('a.b/cut:1', 'cut.tar', '--rewritten');
  expect([cut.code, cut.stderr]).toEqual([2, expect.stringContaining('cannot be unpacked')]);
});

test('a layout without tags names its digests, and the one that is named is taken', async () => {
  const index = join(bucket.folder, 'app/index.json');
  const before = await readFile(index, 'utf8');
  const digest = digestOfTag(bucket.images, '1');
  await writeFile(index, before.replaceAll('org.opencontainers.image.ref.name', 'test.other'));
  try {
    const refused = await rescue('a.b/nameless:v3', './app');
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining(`Name the digest that you want, as in a.b/nameless:v3@${digest}.`),
    ]);
    expect((await rescue(`a.b/nameless:v3@${digest}`, './app')).code).toBe(0);
  } finally {
    await writeFile(index, before);
  }
});

test.each([
  ['a folder that is no layout', 'folder', (path: string) => mkdir(path)],
  ['a file that is no tar', 'text', (path: string) => writeFile(path, 'hello')],
  [
    'a tar of something else',
    'else.tar',
    (path: string) => writeFile(path, Readable.from(tarOf('hello.txt', blobOf(Buffer.from('hello'))).open())),
  ],
] as const)('%s is a wrong source', async (_, name, make) => {
  await make(join(bucket.folder, name));
  const { code, stderr } = await rescue('a.b/app:1', `./${name}`);
  expect([code, stderr]).toEqual([2, expect.stringContaining(name)]);
});
