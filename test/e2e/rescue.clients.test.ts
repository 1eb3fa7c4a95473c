/** Tests that `lifeboat rescue` brings images back from archives that containerd, podman and skopeo write. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { s3ClientOf } from '../support/bucket-reader.ts';
import { startContainerdDaemon } from '../support/clients/containerd-daemon.ts';
import { digestOfTag, manifestOf, repositoryOf, type Repository } from '../support/content.ts';
import { buildCorpus } from '../support/corpus.ts';
import { writeLayout } from '../support/oci-layout.ts';
import { runProgram, type Finished } from '../support/process.ts';
import { requireProgram } from '../support/programs.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';
import { walkBucket } from '../support/walk-bucket.ts';

const MAIN = join(import.meta.dirname, '../../mirror-job/start.ts');

let skopeo = '';
let folder = '';
let store: S3Server;
let app: Repository;

beforeAll(async () => {
  skopeo = await requireProgram('skopeo');
  const [server, corpus] = await Promise.all([startS3Server(), buildCorpus()]);
  store = server;
  app = repositoryOf(corpus, 'library/app');
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-rescue-'));
  await writeLayout(app, join(folder, 'app'));
  await writeLayout(repositoryOf(corpus, 'team/one'), join(folder, 'one'));
  const { endpoint, bucket, region, accessKeyId, secretAccessKey } = store;
  const settings = { endpoint, bucket, region, accessKeyId, secretAccessKey };
  const images = [{ source: 'oci:./one', name: 'images.test/one', tags: ['*'] }];
  await writeFile(join(folder, 'lifeboat.yaml'), JSON.stringify({ store: settings, images }));
  const { code, stderr } = await lifeboat('sync');
  if (code !== 0) throw new Error(`The bucket was not filled:\n${stderr}`);
});

afterAll(async () => {
  await store?.stop();
  if (folder !== '') await rm(folder, { recursive: true, force: true });
});

function lifeboat(...args: readonly string[]): Promise<Finished> {
  return runProgram(process.execPath, [MAIN, ...args], { cwd: folder, timeout: 60_000 });
}

/** @throws if the program does not end with 0 */
async function does(program: string, ...args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await runProgram(program, args, { cwd: folder, timeout: 60_000 });
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
}

const skopeoDoes = (...args: readonly string[]) =>
  does(skopeo, '--insecure-policy', '--tmpdir', folder, ...args);

/** The tags of the bucket. @throws if an independent reader finds a fault in it */
async function tagsOf(): Promise<ReadonlyMap<string, string>> {
  const client = s3ClientOf(store);
  const { tags, problems, behind } = await walkBucket({ client, bucket: store.bucket });
  client.destroy();
  expect([problems, behind]).toEqual([[], []]);
  return tags;
}

/** The digest of the image for amd64, below the index. */
function amd64Config(): string {
  const index = JSON.parse(Buffer.from(manifestOf(app, digestOfTag(app, 'latest')).bytes).toString());
  const child = index.manifests.find(
    ({ platform }: { platform: { architecture: string } }) => platform.architecture === 'amd64',
  );
  return JSON.parse(Buffer.from(manifestOf(app, child.digest).bytes).toString()).config.digest;
}

/** Rescues from an archive without its original layers. @returns what the command says before and with --rewritten, and the tag */
async function rewrite(archive: string, image: string) {
  const refused = await lifeboat('rescue', image, '--from', archive);
  const done = await lifeboat('rescue', image, '--from', archive, '--rewritten');
  const config = `The config ${amd64Config()} is the original one.`;
  return {
    refused: [refused.code, refused.stderr.includes(config)],
    done: [done.code, done.stderr],
    isServed: (await tagsOf()).get(image) !== undefined,
    isOriginal: (await tagsOf()).get(image) === digestOfTag(app, 'latest'),
  };
}

const REWRITTEN = { refused: [2, true], done: [0, ''], isServed: true, isOriginal: false };

test('an export of containerd brings the index back by its own digest', async () => {
  await skopeoDoes('copy', '--all', 'oci:app:latest', 'oci-archive:import.tar:v1');
  const daemon = await startContainerdDaemon('rescue');
  try {
    const name = 'images.test/app:v1';
    const imported = await daemon.ctr('k8s.io', [
      'images',
      'import',
      '--all-platforms',
      '--no-unpack',
      '--base-name',
      'images.test/app',
      join(folder, 'import.tar'),
    ]);
    expect([imported.code, imported.stderr]).toEqual([0, '']);
    const list = await daemon.ctr('k8s.io', ['images', 'list', '-q']);
    expect(list.stdout).toContain(name);
    const exported = await daemon.ctr('k8s.io', [
      'images',
      'export',
      '--all-platforms',
      // The file for Docker, which the images of this test are too odd for.
      '--skip-manifest-json',
      join(folder, 'export.tar'),
      name,
    ]);
    expect([exported.code, exported.stderr]).toEqual([0, '']);
  } finally {
    await daemon.stop();
  }
  const done = await lifeboat('rescue', 'images.test/app:v1', '--from', 'export.tar');
  expect([done.code, done.stderr]).toEqual([0, '']);
  expect((await tagsOf()).get('images.test/app:v1')).toBe(digestOfTag(app, 'latest'));
  expect((await lifeboat('verify')).code).toBe(0);
});

test('an archive of skopeo in Docker’s format is refused, and served with --rewritten', async () => {
  const image = 'images.test/skopeo:v1';
  await skopeoDoes(
    '--override-arch',
    'amd64',
    'copy',
    'oci:app:latest',
    `docker-archive:docker.tar:${image}`,
  );
  expect(await rewrite('docker.tar', image)).toEqual(REWRITTEN);
});

test('so is an archive of podman save', async () => {
  const podman = await requireProgram('podman');
  const image = 'images.test/podman:v1';
  const storage = ['--storage-driver=vfs', `--root=${folder}/storage`, `--runroot=${folder}/run`];
  await skopeoDoes('--override-arch', 'amd64', 'copy', 'oci:app:latest', `docker-archive:load.tar:${image}`);
  await does(podman, ...storage, 'load', '-i', 'load.tar');
  await does(podman, ...storage, 'save', '-o', 'saved.tar', image);
  expect(await rewrite('saved.tar', image)).toEqual(REWRITTEN);
});
