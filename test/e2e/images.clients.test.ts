/**
 * The images of infra/images/: BuildKit builds them from the clone, and podman runs them as nobody, with a root that is read-only,
 * and without any capability. The job fills a real store from a real registry, and the edge serves it.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import about from '../../package.json' with { type: 'json' };
import { addImage, addLayer, tagAs } from '../support/builder.ts';
import { startContainersNode, type ContainersNode } from '../support/clients/containers-node.ts';
import { expectSuccess } from '../support/clients/run.ts';
import { digestOf, emptyRepository } from '../support/content.ts';
import { buildImages, type BuiltImages } from '../support/images/built-images.ts';
import { freePort, runProgram, waitForHttp, type Program } from '../support/process.ts';
import { requireProgram } from '../support/programs.ts';
import { pushRepository } from '../support/push.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';
import { startDockerRegistry, type Upstream } from '../support/upstream.ts';

/** The id of Debian's user `nobody`. */
const NOBODY = '65534:65534';
const CONFINED = ['--read-only', '--read-only-tmpfs=false', '--cap-drop=all', `--user=${NOBODY}`];

let images: BuiltImages;
let node: ContainersNode;
let upstream: Upstream;
let store: S3Server;
let folder = '';
const repository = emptyRepository();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-images-'));
  images = await buildImages();
  node = await startContainersNode({});
  for (const part of ['job', 'edge'] as const) {
    const loaded = await expectSuccess(node.podman('load', '--quiet', '--input', images[part]));
    const id = loaded.trim().replace(/^Loaded image: /, '');
    await expectSuccess(node.podman('tag', id, `localhost/${part}:test`));
  }
  tagAs(repository, addImage(repository, { layers: [await addLayer(repository, 'layer')] }), 'one');
  upstream = await startDockerRegistry();
  await pushRepository('team/app', repository, { url: upstream.url });
  store = await startS3Server();
  // A build installs all packages of the project.
}, 1_500_000);

afterAll(async () => {
  await store?.stop();
  await upstream?.stop();
  await node?.stop();
  await images?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Runs the job's image. Words after the image are the command, as `args` of a pod. */
async function job(options: readonly string[], ...words: readonly string[]) {
  return node.podman(
    'run',
    '--rm',
    '--network=host',
    ...CONFINED,
    ...options,
    'localhost/job:test',
    ...words,
  );
}

/** @returns the paths of all files of an image */
async function filesOf(part: 'job' | 'edge'): Promise<readonly string[]> {
  const name = `files-${part}`;
  const tar = join(folder, `${name}.tar`);
  await expectSuccess(node.podman('create', '--name', name, `localhost/${part}:test`));
  await expectSuccess(node.podman('export', '--output', tar, name));
  await expectSuccess(node.podman('rm', name));
  const listed = await expectSuccess(runProgram('tar', ['-tf', tar]));
  return listed.split('\n').filter((path) => path !== '' && !path.endsWith('/'));
}

interface Settings {
  readonly User: string;
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
}

async function settingsOf(part: 'job' | 'edge'): Promise<Settings> {
  const format = '{{json .Config}}';
  const settings: Settings = JSON.parse(
    await expectSuccess(node.podman('image', 'inspect', '--format', format, `localhost/${part}:test`)),
  );
  return settings;
}

describe.each([
  [
    'job',
    ['/nodejs/bin/node', '/opt/lifeboat/mirror-job/lifeboat.js'],
    ['sync', '-c', '/etc/lifeboat/lifeboat.yaml'],
  ],
  ['edge', ['/usr/local/bin/workerd'], ['serve', '/opt/lifeboat/dist/edge/edge.capnp']],
] as const)('the image of the %s', (part, entrypoint, command) => {
  test('does not run as root, and starts its program without a shell', async () => {
    expect(await settingsOf(part)).toMatchObject({
      User: '1000:1000',
      Entrypoint: [...entrypoint],
      Cmd: [...command],
    });
  });

  test('has no shell, no package manager and no sources', async () => {
    const files = await filesOf(part);
    expect(files).toEqual(expect.arrayContaining(entrypoint.slice(0, 1).map((path) => path.slice(1))));
    const names = new Set(files.map((path) => path.replace(/^.*\//, '')));
    for (const program of ['sh', 'bash', 'dash', 'busybox', 'npm', 'npx', 'apt-get', 'dpkg']) {
      expect([program, names.has(program)]).toEqual([program, false]);
    }
    expect(files.filter((path) => path.includes('node_modules/') || path.endsWith('.ts'))).toEqual([]);
  });

  test('has the licences of what is in it', async () => {
    expect(await filesOf(part)).toEqual(
      expect.arrayContaining(['LICENSE', 'NOTICE', 'sbom.cdx.json'].map((file) => `opt/lifeboat/${file}`)),
    );
  });
});

test('the job says its version and its help', async () => {
  expect(await expectSuccess(job([], '--version'))).toBe(`lifeboat ${about.version}\n`);
  expect(await expectSuccess(job([], '--help'))).toContain('Usage: lifeboat COMMAND');
});

test('the job mirrors by its default command, and the edge serves what it mirrored', async () => {
  const configuration = join(folder, 'etc');
  await mkdir(configuration, { recursive: true });
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = store;
  const settings = {
    store: { endpoint, region, bucket, accessKeyId: '${KEY}', secretAccessKey: '${SECRET}' },
    upstreams: { [upstream.host]: { insecure: true } },
    images: [`${upstream.host}/team/app:one`],
  };
  await writeFile(join(configuration, 'lifeboat.yaml'), JSON.stringify(settings));
  const synced = await job([
    `--volume=${configuration}:/etc/lifeboat:ro`,
    `--env=KEY=${accessKeyId}`,
    `--env=SECRET=${secretAccessKey}`,
  ]);
  expect([synced.code, synced.stdout]).toEqual([0, expect.stringContaining('1 created')]);

  const port = await freePort();
  const edge = await startEdgeImage(port);
  try {
    await waitForHttp(`http://127.0.0.1:${port}/healthz`, { program: edge });
    const response = await fetch(
      `http://127.0.0.1:${port}/v2/${upstream.host.replace(':', '_')}/team/app/manifests/one`,
    );
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect([response.status, digestOf(bytes)]).toEqual([200, repository.tags.get('one')]);
    const image = `127.0.0.1:${port}/${upstream.host.replace(':', '_')}/team/app:one`;
    await expectSuccess(node.podman('pull', '--quiet', '--tls-verify=false', image));
  } finally {
    edge.kill('SIGTERM');
    // podman gives a process that a signal ended 128 and the signal's number.
    expect([0, 143]).toContain((await edge.exited).code);
  }
});

/** Starts the edge's image on a port of this machine. */
async function startEdgeImage(port: number): Promise<Program> {
  const variables = {
    S3_ENDPOINT: store.endpoint,
    S3_BUCKET: store.bucket,
    S3_REGION: store.region,
    S3_ACCESS_KEY_ID: store.accessKeyId,
    S3_SECRET_ACCESS_KEY: store.secretAccessKey,
  };
  const podman = await requireProgram('podman');
  return node.start(podman, [
    'run',
    '--rm',
    '--network=host',
    ...CONFINED,
    ...Object.entries(variables).map(([name, value]) => `--env=${name}=${value}`),
    'localhost/edge:test',
    // The image's own command, on another port.
    ...(await settingsOf('edge')).Cmd,
    `--socket-addr=http=127.0.0.1:${port}`,
  ]);
}
