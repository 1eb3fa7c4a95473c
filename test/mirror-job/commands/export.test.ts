/**
 * Tests `lifeboat export` as people run it: with a real bucket, in a process of its own, and with a `lifeboat sync`
 * that reads the layout back.
 */
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { addImage, addStreamedLayer, tagAs } from '../../support/builder.ts';
import { s3ClientOf } from '../../support/bucket-reader.ts';
import { emptyRepository, repositoryOf } from '../../support/content.ts';
import { buildCorpus } from '../../support/corpus.ts';
import { startCountingProxy } from '../../support/counting-proxy.ts';
import { writeLayout } from '../../support/oci-layout.ts';
import {
  freePort,
  runProgram,
  startProgram,
  waitFor,
  waitForOutput,
  type Finished,
} from '../../support/process.ts';
import { bundledJob, emptyBuckets } from '../../support/shared.ts';
import { walkBucket } from '../../support/walk-bucket.ts';

// The limits are wide, because processes are slow on a busy machine. Each wait in this file has its own limit.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const MAIN = await bundledJob();
const store = await emptyBuckets(3);
const [, , EMPTY = ''] = store.buckets;
/** Printed commands begin with the words that started this process, so that they can be pasted. */
const LIFEBOAT = `${process.execPath} ${MAIN}`;
/** The blob is so large that an export can be stopped in the middle of it. */
const LARGE_BYTES = 30_000_000;

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-export-'));
  const corpus = await buildCorpus();
  await writeLayout(repositoryOf(corpus, 'library/signed'), join(folder, 'signed'));
  await writeLayout(repositoryOf(corpus, 'team/one'), join(folder, 'one'));
  const large = emptyRepository();
  tagAs(large, addImage(large, { layers: [await addStreamedLayer(large, 'large', LARGE_BYTES)] }), '1');
  await writeLayout(large, join(folder, 'large'));
  await configure('first.yaml', store.buckets[0], [
    { source: 'oci:./signed', name: 'a.b/signed', tags: ['*'] },
    { source: 'oci:./one', name: 'a.b/team/one', tags: ['*'] },
    { source: 'oci:./large', name: 'a.b/large', tags: ['*'] },
  ]);
  const { code, stderr } = await lifeboat('sync', '-c', 'first.yaml');
  if (code !== 0) throw new Error(`The bucket was not filled:\n${stderr}`);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function configure(
  file: string,
  bucket: string | undefined,
  images: readonly object[],
  endpoint = store.endpoint,
): Promise<void> {
  const { region, accessKeyId, secretAccessKey } = store;
  const settings = { endpoint, bucket, region, accessKeyId, secretAccessKey };
  await writeFile(join(folder, file), JSON.stringify({ store: settings, images }));
}

function lifeboat(...args: string[]): Promise<Finished> {
  return runProgram(process.execPath, [MAIN, ...args], { cwd: folder, timeout: 50_000 });
}

async function walk(bucket: string | undefined) {
  const client = s3ClientOf(store);
  const found = await walkBucket({ client, bucket: bucket ?? '' });
  client.destroy();
  return found;
}

test('a tar that is exported from one bucket fills another bucket with the same tags on the same digests, all of them whole', async () => {
  const exported = await lifeboat(
    'export',
    'a.b/signed',
    'a.b/team/one',
    '--to',
    'all.tar',
    '-c',
    'first.yaml',
  );
  const signed = await digestIn('signed', 'latest');
  expect(exported.stdout.split('\n')).toEqual([
    `exported ${signed.slice(7, 19)}  a.b/signed:latest`,
    `exported ${(await digestIn('one', 'latest')).slice(7, 19)}  a.b/team/one:latest`,
    `${join(folder, 'all.tar')}: 6 manifests · 11 blobs · 157 kB`,
    '',
  ]);
  expect([exported.code, exported.stderr]).toEqual([0, '']);
  await configure('second.yaml', store.buckets[1], [
    { source: 'oci:./all.tar', name: 'a.b/signed', tags: ['*'] },
    { source: 'oci:./all.tar', name: 'a.b/team/one', tags: ['*'] },
  ]);
  const synced = await lifeboat('sync', '-c', 'second.yaml');
  expect([synced.code, synced.stdout]).toEqual([0, expect.stringContaining('2 created')]);
  const [first, second] = await Promise.all([walk(store.buckets[0]), walk(store.buckets[1])]);
  expect([second.problems, second.behind]).toEqual([[], []]);
  expect(second.tags.get('a.b/signed:latest')).toBe(signed);
  const expected = [...first.tags].filter(([tag]) => tag !== 'a.b/large:1');
  expect([...second.tags]).toEqual(expected);
});

test('export accepts an image’s source as its name, and a configuration without images', async () => {
  const images = [{ source: 'docker.io/team/one', name: 'a.b/team/one', tags: ['*'] }];
  await configure('named.yaml', store.buckets[0], images);
  const named = await lifeboat('export', 'team/one:latest', '--to', 'named', '-c', 'named.yaml');
  expect([named.code, named.stdout]).toEqual([0, expect.stringContaining('a.b/team/one:latest')]);

  const { endpoint, region, accessKeyId, secretAccessKey } = store;
  const bare = { store: { endpoint, bucket: store.buckets[0], region, accessKeyId, secretAccessKey } };
  await writeFile(join(folder, 'bare.yaml'), JSON.stringify(bare));
  const exported = await lifeboat('export', 'a.b/team/one:latest', '--to', 'bare', '-c', 'bare.yaml');
  expect([exported.code, exported.stdout]).toEqual([0, expect.stringContaining('a.b/team/one:latest')]);

  const twice = [...images, { source: 'docker.io/team/one', name: 'a.b/other', tags: ['*'] }];
  await configure('twice.yaml', store.buckets[0], twice);
  expect(await lifeboat('export', 'team/one', '--to', 'twice', '-c', 'twice.yaml')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('has several names in the configuration: a.b/team/one and a.b/other.'),
  });
});

async function digestIn(layout: string, tag: string): Promise<string> {
  const index = JSON.parse(await readFile(join(folder, layout, 'index.json'), 'utf8'));
  for (const { digest, annotations } of index.manifests) {
    if (annotations?.['org.opencontainers.image.ref.name'] === tag) return String(digest);
  }
  throw new Error(`${layout} has no ${tag}.`);
}

test('a reference with a tag and a digest exports the digest, and the layout does not name the tag', async () => {
  const digest = await digestIn('one', 'latest');
  const args = ['export', `a.b/team/one:old@${digest}`, '--to', 'pinned', '--json', '-c', 'first.yaml'];
  const { code, stdout, stderr } = await lifeboat(...args);
  expect([code, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout).images).toEqual([{ image: `a.b/team/one@${digest}`, digest }]);
  const index = JSON.parse(await readFile(join(folder, 'pinned', 'index.json'), 'utf8'));
  expect(index.manifests).toEqual([{ mediaType: expect.any(String), digest, size: expect.any(Number) }]);
});

test('export --json suggests a command that can be pasted when an image fails', async () => {
  const args = ['export', 'a.b/team/none', '--to', 'none', '--json', '-c', 'first.yaml'];
  const { code, stdout } = await lifeboat(...args);
  const { to, failures } = JSON.parse(stdout);
  expect([code, to, failures]).toEqual([
    1,
    null,
    [`a.b/team/none: the bucket has no tag of this image. Run "${LIFEBOAT} sync -c first.yaml" first.`],
  ]);
});

test('export --json into a folder prints what it wrote as JSON', async () => {
  const args = ['export', 'a.b/team/one:latest', '--to', 'plain', '--json', '-c', 'first.yaml'];
  const { code, stdout, stderr } = await lifeboat(...args);
  const digest = await digestIn('one', 'latest');
  expect([code, stderr, JSON.parse(stdout)]).toEqual([
    0,
    '',
    {
      to: join(folder, 'plain'),
      images: [{ image: 'a.b/team/one:latest', digest }],
      failures: [],
      manifests: 1,
      blobs: 3,
      bytes: expect.any(Number),
    },
  ]);
  expect(await digestIn('plain', 'latest')).toBe(digest);
});

test('export ends with exit code 1 and leaves nothing when the bucket lacks an image', async () => {
  const before = await readdir(folder);
  const args = ['export', 'a.b/team/one', 'a.b/team/one:9', 'a.b/c', '--to', 'none.tar', '-c', 'first.yaml'];
  const { code, stdout, stderr } = await lifeboat(...args);
  expect([code, stdout, stderr]).toEqual([
    1,
    '',
    `failed   a.b/team/one:9: the bucket has no such tag. Mirror it with "${LIFEBOAT} sync -c first.yaml" first.
failed   a.b/c: the bucket has no tag of this image. Run "${LIFEBOAT} sync -c first.yaml" first.
${join(folder, 'none.tar')} was not written, because an incomplete layout cannot be relied on.
`,
  ]);
  expect(await readdir(folder)).toEqual(before);
});

test('export ends with exit code 1 and leaves nothing when it is stopped in the middle of a blob', async () => {
  // The proxy never lets a request for a blob through.
  const target = new URL(store.endpoint);
  const proxy = await startCountingProxy({
    target: target.origin,
    before: ({ path }) => (path.includes('/blobs/') ? new Promise<void>(() => {}) : undefined),
  });
  try {
    await configure(
      'slow.yaml',
      store.buckets[0],
      [{ source: 'oci:./one', name: 'a.b/c', tags: ['*'] }],
      `${proxy.url}${target.pathname}`,
    );
    const before = await readdir(folder);
    const program = await startProgram(
      process.execPath,
      [MAIN, 'export', 'a.b/large', '--to', 'large.tar', '-c', 'slow.yaml'],
      { cwd: folder },
    );
    const isReading = (): boolean => proxy.requests.some(({ path }) => path.includes('/blobs/'));
    await waitFor('a blob to be read', isReading, { program });
    program.kill('SIGTERM');
    await waitForOutput(program, /SIGTERM: stopping/);
    const { code } = await program.exited;
    expect(code).toBe(1);
    expect(await readdir(folder)).toEqual(before);
  } finally {
    await proxy.stop();
  }
});

test.each([
  [[], `name at least one image. "${LIFEBOAT} export --help" explains it.`],
  [['a.b/c'], `say where to write: --to DIR or --to FILE.tar. "${LIFEBOAT} export --help" explains it.`],
  [
    ['a.b/C', '--to', 'x'],
    '"a.b/C" is not a valid name: "C" is not a path component (lower-case letters and digits, with single ".", "_", "__" or hyphens between them).',
  ],
  [['a.b/c', '--to', 'signed'], '--to signed: it exists already. Remove it, or give another name.'],
  [
    ['a.b/c', '--to', 'x.tar.gz'],
    '--to x.tar.gz: a layout is not compressed, because its layers already are. End the name in .tar.',
  ],
  [
    ['a.b/c', '--to', 'nowhere/x'],
    '--to nowhere/x: it cannot be written (ENOENT). Its directory has to exist, and this user has to be allowed to write in it.',
  ],
])('export %j is refused in a sentence', async (args, message) => {
  const { code, stdout, stderr } = await lifeboat('export', ...args);
  expect([code, stdout, stderr]).toEqual([2, '', `lifeboat: ${message}\n`]);
});

test('export names a store that does not answer, and a bucket that is not Lifeboat’s, with their lines', async () => {
  const endpoint = `http://127.0.0.1:${await freePort()}`;
  await configure('gone.yaml', 'b', [{ source: 'a.b/c:1' }], endpoint);
  const gone = await lifeboat('export', 'a.b/c', '--to', 'x.tar', '-c', 'gone.yaml');
  expect([gone.code, gone.stderr]).toEqual([
    2,
    `lifeboat: the configuration cannot be used.\ngone.yaml:1: store: The bucket "b" at ${endpoint}: could not read lifeboat.json: it does not answer (ECONNREFUSED). Check store.endpoint.\n`,
  ]);
  await configure('empty.yaml', store.buckets[2], [{ source: 'a.b/c:1' }]);
  const empty = await lifeboat('export', 'a.b/c', '--to', 'x.tar', '-c', 'empty.yaml');
  expect([empty.code, empty.stderr]).toEqual([
    2,
    `lifeboat: the configuration cannot be used.\nempty.yaml:1: store: The bucket "${EMPTY}" at ${store.endpoint} has no lifeboat.json, so it is not Lifeboat's, or nothing was mirrored into it yet. Run "${LIFEBOAT} sync -c empty.yaml" first.\n`,
  ]);
  expect((await walk(store.buckets[2])).tags.size).toBe(0);
});
