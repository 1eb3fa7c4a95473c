/** Tests that Lifeboat reads archives that skopeo writes, and that skopeo reads archives that Lifeboat writes. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { s3ClientOf } from '../support/bucket-reader.ts';
import { digestOf, digestOfTag, repositoryOf, type Corpus } from '../support/content.ts';
import { buildCorpus } from '../support/corpus.ts';
import { readLayout, writeLayout } from '../support/oci-layout.ts';
import { runProgram, type Finished } from '../support/process.ts';
import { requireProgram } from '../support/programs.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';
import { sync } from '../support/sync.ts';
import { walkBucket } from '../support/walk-bucket.ts';

const MAIN = join(import.meta.dirname, '../../mirror-job/start.ts');

let skopeo = '';
let folder = '';
let store: S3Server;
let corpus: Corpus;

beforeAll(async () => {
  skopeo = await requireProgram('skopeo');
  [store, corpus] = await Promise.all([startS3Server(), buildCorpus()]);
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-archives-'));
  for (const name of ['library/app', 'library/signed']) {
    await writeLayout(repositoryOf(corpus, name), join(folder, name.replace('/', '-')));
  }
});

afterAll(async () => {
  await store?.stop();
  if (folder !== '') await rm(folder, { recursive: true, force: true });
});

/** @returns the standard output. @throws if skopeo does not end with 0 */
async function skopeoDoes(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(skopeo, [
    '--insecure-policy',
    '--tmpdir',
    folder,
    ...args,
  ]);
  if (code !== 0) throw new Error(`skopeo ${args.join(' ')} ended with ${code}:\n${stderr}`);
  return stdout;
}

async function exportTo(name: string, ...images: readonly string[]): Promise<Finished> {
  const { endpoint, bucket, region, accessKeyId, secretAccessKey } = store;
  const file = join(folder, 'export.yaml');
  const settings = { endpoint, bucket, region, accessKeyId, secretAccessKey };
  await writeFile(file, JSON.stringify({ store: settings, images: ['a.b/c:1'] }));
  return runProgram(process.execPath, [MAIN, 'export', ...images, '--to', join(folder, name), '-c', file]);
}

test('the job mirrors an oci-archive of skopeo, and a folder that tar has packed', async () => {
  const app = repositoryOf(corpus, 'library/app');
  const archive = join(folder, 'skopeo.tar');
  await skopeoDoes('copy', '--all', `oci:${folder}/library-app:latest`, `oci-archive:${archive}:v1`);
  const packed = join(folder, 'packed.tar');
  await promisify(execFile)('tar', ['-C', join(folder, 'library-signed'), '-cf', packed, '.']);
  const { code, report } = await sync(store, {
    images: [
      { source: `oci:${archive}`, name: 'images.test/app', tags: ['*'] },
      { source: `oci:${packed}`, name: 'images.test/signed', tags: ['*'] },
    ],
  });
  expect(report.items.filter(({ outcome }) => outcome.result === 'failed')).toEqual([]);
  expect([code, report.counts.created]).toEqual([0, 2]);
  const client = s3ClientOf(store);
  const { tags, problems, behind } = await walkBucket({ client, bucket: store.bucket });
  client.destroy();
  expect([problems, behind]).toEqual([[], []]);
  expect(Object.fromEntries(tags)).toEqual({
    'images.test/app:v1': digestOfTag(app, 'latest'),
    'images.test/signed:latest': digestOfTag(repositoryOf(corpus, 'library/signed'), 'latest'),
  });
});

test.each([
  ['a folder', 'oci:', 'exported'],
  ['a tar', 'oci-archive:', 'exported.tar'],
])('skopeo inspects and copies an image that was exported into %s', async (_, transport, name) => {
  const digest = digestOfTag(repositoryOf(corpus, 'library/app'), 'latest');
  const { code, stdout } = await exportTo(name, 'images.test/app:v1');
  expect([code, stdout]).toEqual([0, expect.stringContaining('images.test/app:v1')]);
  const source = `${transport}${join(folder, name)}:v1`;
  expect(digestOf(Buffer.from(await skopeoDoes('inspect', '--raw', source)))).toBe(digest);
  const copy = join(folder, `copy-of-${name}`);
  await mkdir(copy);
  await skopeoDoes('copy', '--all', '--preserve-digests', source, `oci:${copy}:v1`);
  const copied = await readLayout(copy);
  expect(copied.tags).toEqual(new Map([['v1', digest]]));
  expect(copied.manifests.size).toBe(3);
});

test('skopeo takes each of several repositories in one tar by its whole name', async () => {
  const { code } = await exportTo('all.tar', 'images.test/app', 'images.test/signed');
  expect(code).toBe(0);
  for (const [name, tag] of [
    ['app', 'v1'],
    ['signed', 'latest'],
  ] as const) {
    const source = `oci-archive:${folder}/all.tar:images.test/${name}:${tag}`;
    expect(digestOf(Buffer.from(await skopeoDoes('inspect', '--raw', source)))).toBe(
      digestOfTag(repositoryOf(corpus, `library/${name}`), 'latest'),
    );
  }
});
