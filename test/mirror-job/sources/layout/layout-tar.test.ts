/** A tar of an OCI image layout as a source: read where it lies, whatever wrote it, and refused where it is broken. */
import { createWriteStream } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { parseDigest } from '../../../../core/digest.ts';
import { parseRepository } from '../../../../core/reference.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { LayoutSource } from '../../../../mirror-job/sources/layout/layout-source.ts';
import { bytesOf, repositoryOf, type Repository } from '../../../support/content.ts';
import { buildCorpus } from '../../../support/corpus.ts';
import { writeLayout } from '../../../support/oci-layout.ts';
import { tarOfFolder, type TarOptions } from '../../../support/tar.ts';
import { environmentFor, imageOf, outcomesOf } from '../../support/harness.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const corpus = await buildCorpus();
const folders: string[] = [];
afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
});

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-tar-'));
  folders.push(folder);
  return folder;
}

async function tarOf(repository: Repository, options: TarOptions = {}): Promise<string> {
  const folder = await newFolder();
  await writeLayout(repository, join(folder, 'layout'));
  const path = join(folder, 'app.tar');
  const tar = await tarOfFolder(join(folder, 'layout'), options);
  await pipeline(Readable.from(tar.open()), createWriteStream(path));
  await rm(join(folder, 'layout'), { recursive: true });
  return path;
}

async function sync(source: LayoutSource) {
  const store = new MemoryStore();
  const report = await runMirror(environmentFor(store), 'default', [imageOf(source, 'images.test/app')]);
  return { store, outcomes: outcomesOf(report) };
}

test.each([
  ['library/app', {}],
  ['library/signed', { prefix: './' }],
  ['library/fallback', { format: 'gnu' }],
  ['library/docker', {}],
  // Its names are longer than a header has room for.
  ['library/sha512', { format: 'pax' }],
  ['library/sha512', { format: 'gnu', prefix: './' }],
] as const)('%s is mirrored whole from a tar with %j', async (name, options) => {
  const repository = repositoryOf(corpus, name);
  const { store, outcomes } = await sync(new LayoutSource(await tarOf(repository, options)));
  expect(new Set(Object.values(outcomes))).toEqual(new Set(['created']));
  // Tags that belong to an image come with it and are no outcomes of their own.
  const own = [...repository.tags.keys()].filter((tag) => !tag.startsWith('sha256-'));
  expect(Object.keys(outcomes)).toHaveLength(own.length);
  expect(store.keys('/_tags/')).toHaveLength(repository.tags.size);
  const digests = (part: string): string[] =>
    store
      .keys(part)
      .map((key) => key.split('/').slice(-2).join(':'))
      .toSorted();
  expect(digests('/_manifests/')).toEqual([...repository.manifests.keys()].toSorted());
  expect(digests('/_blobs/')).toEqual([...repository.blobs.keys()].toSorted());
});

test('a blob can be read from any offset, up to its own end', async () => {
  const repository = repositoryOf(corpus, 'library/app');
  const source = new LayoutSource(await tarOf(repository));
  for (const [digest, blob] of repository.blobs) {
    const whole = await bytesOf(blob);
    for (const offset of [0, 1, blob.size - 1, blob.size]) {
      const body = await source.blob(parseDigest(digest), blob.size, offset);
      if (body === undefined) throw new Error('It is there.');
      expect((await bytesOf({ size: 0, open: () => body })).equals(whole.subarray(offset))).toBe(true);
    }
  }
  expect(await source.blob(parseDigest(`sha256:${'0'.repeat(64)}`), 1, 0)).toBe(undefined);
});

test('a size in base 256, as large files have it, can be read', async () => {
  const path = await tarOf(repositoryOf(corpus, 'library/artifact'));
  const bytes = await readFile(path);
  const at = bytes.indexOf('index.json');
  const size = Number.parseInt(bytes.toString('latin1', at + 124, at + 135), 8);
  bytes.fill(0, at + 124, at + 136);
  bytes[at + 124] = 0x80;
  bytes.writeUInt32BE(size, at + 132);
  bytes.fill(' ', at + 148, at + 156);
  const sum = bytes.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
  await writeFile(path, bytes);
  expect(await new LayoutSource(path).tags()).toEqual(['v1']);
});

async function complaintOf(path: string): Promise<string> {
  try {
    await new LayoutSource(path).tags();
  } catch (error) {
    if (error instanceof Error) return error.message.replaceAll(path, 'PATH');
  }
  return '';
}

test('a file that is no tar, or no longer whole, is refused with a sentence', async () => {
  const path = await tarOf(repositoryOf(corpus, 'library/artifact'));
  const bytes = await readFile(path);
  await writeFile(path, gzipSync(bytes));
  expect(await complaintOf(path)).toBe(
    'oci:PATH is compressed with gzip, and only a plain tar can be read without unpacking it. Run gunzip on it first.',
  );
  await writeFile(path, 'hello');
  expect(await complaintOf(path)).toBe('oci:PATH is not a tar.');
  await writeFile(path, '');
  expect(await complaintOf(path)).toBe('oci:PATH is not a tar.');
  await writeFile(path, 'hello'.repeat(1000));
  expect(await complaintOf(path)).toBe('oci:PATH is not a tar.');
  await writeFile(path, bytes);
  await truncate(path, bytes.lastIndexOf('ustar') - 257 + 512 + 1);
  expect(await complaintOf(path)).toMatch(/^oci:PATH ends in the middle, at \S+\. Copy or write it again\.$/);
  await writeFile(path, bytes.subarray(0, bytes.length - 1024));
  expect(await complaintOf(path)).toMatch(/^oci:PATH ends in the middle, at \S+\. Copy or write it again\.$/);
  await appendFile(path, 'x'.repeat(512));
  expect(await complaintOf(path)).toBe(
    `oci:PATH is damaged: there is no header at byte ${bytes.length - 1024}.`,
  );
  await writeFile(path, bytes.toString('latin1').replaceAll('index.json', 'other.json'), 'latin1');
  expect(await complaintOf(path)).toMatch(/^oci:PATH is damaged: there is no header at byte \d+\.$/);
  const empty = Buffer.alloc(1024);
  await writeFile(path, empty);
  expect(await complaintOf(path)).toBe(
    'oci:PATH is not an OCI image layout: there is no oci-layout in PATH.',
  );
});

test('a blob whose bytes were changed fails with the names of the tar and of the blob’s place', async () => {
  const repository = repositoryOf(corpus, 'library/artifact');
  const path = await tarOf(repository);
  const bytes = await readFile(path);
  const digest = [...repository.manifests.keys()][0] ?? '';
  const at = bytes.indexOf(`blobs/sha256/${digest.slice(7)}`) + 512;
  bytes[at] = 0x20;
  await writeFile(path, bytes);
  expect(await complaintOf(path)).toMatch(
    new RegExp(
      `^oci:PATH: blobs/sha256/${digest.slice(7)} in PATH holds other bytes: their digest is sha256:[0-9a-f]{64}\\.$`,
    ),
  );
});

/** As `ctr image export` writes several images: each with its whole name beside its tag. */
async function sharedTar(annotate: (name: string) => Record<string, string>): Promise<string> {
  const folder = await newFolder();
  const entries: unknown[] = [];
  for (const name of ['team/one', 'team/two']) {
    await writeLayout(repositoryOf(corpus, name), folder);
    const index = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8'));
    for (const entry of index.manifests) entries.push({ ...entry, annotations: annotate(name) });
  }
  await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: entries }));
  return folder;
}

test.each([
  ['whole references', (name: string) => ({ 'org.opencontainers.image.ref.name': `ghcr.io/${name}:latest` })],
  [
    'containerd’s annotation',
    (name: string) => ({
      'org.opencontainers.image.ref.name': 'latest',
      'io.containerd.image.name': `ghcr.io/${name}:latest`,
    }),
  ],
])('several repositories in one layout are told apart by %s', async (_, annotate) => {
  const folder = await sharedTar(annotate);
  for (const name of ['team/one', 'team/two']) {
    const source = new LayoutSource(folder, parseRepository(`ghcr.io/${name}`));
    const [digest] = repositoryOf(corpus, name).tags.values();
    const [tag] = await source.tags();
    expect(tag === undefined ? undefined : (await source.resolve(tag))?.digest).toBe(digest);
    expect(await source.tags()).toEqual(['latest']);
  }
  await expect(new LayoutSource(folder, parseRepository('a.b/c')).tags()).rejects.toThrow(
    `oci:${folder} holds several repositories (ghcr.io/team/one, ghcr.io/team/two), and a.b/c is none of them. Give one of these as the image's name.`,
  );
});
