/**
 * The README's "five commands", against a real API server and a real containerd: in the end the registry is dead, and the node pulls
 * what its cluster runs. Only names are changed: those of the hosts, and the folder that stands for a node's root.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { startContainerdDaemon } from '../support/clients/containerd-daemon.ts';
import { pullImage } from '../support/clients/image-service.ts';
import { codeBlock } from '../support/code-block.ts';
import { emptyRepository } from '../support/content.ts';
import { startEdge, type Edge } from '../support/edge.ts';
import { startApiServer, type ApiServer } from '../support/kubernetes/api-server.ts';
import { runProgram } from '../support/process.ts';
import { pushRepository } from '../support/push.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';
import { addUniqueImage } from '../support/unique-image.ts';
import { startDockerRegistry, type Upstream } from '../support/upstream.ts';

const MAIN = resolve(import.meta.dirname, '../../mirror-job/start.ts');

let server: ApiServer;
let store: S3Server;
let upstream: Upstream;
let edge: Edge;
let folder: string;

beforeAll(async () => {
  [server, store, upstream] = await Promise.all([startApiServer(), startS3Server(), startDockerRegistry()]);
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-five-'));
  const images = emptyRepository();
  await addUniqueImage(images, 'v1');
  await pushRepository('library/app', images, { url: upstream.url });
  edge = await startEdge(store);
});
afterAll(async () => {
  await edge?.stop();
  await Promise.all([server?.stop(), store?.stop(), upstream?.stop()]);
  if (folder !== undefined) await rm(folder, { recursive: true });
});

/** Runs one of the README's commands. */
async function run(command: string) {
  const [, ...args] = command.replace(/^npx /, '').split(' ');
  return runProgram(process.execPath, [MAIN, ...args], {
    cwd: folder,
    env: {
      KUBECONFIG: server.kubeconfig,
      S3_ENDPOINT: store.endpoint,
      S3_ACCESS_KEY_ID: store.accessKeyId,
      S3_SECRET_ACCESS_KEY: store.secretAccessKey,
    },
  });
}

test('what the cluster runs is mirrored, and a node pulls it when the registry is dead', async () => {
  const image = `${upstream.host}/library/app:v1`;
  await server.create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'app', namespace: 'default' },
    spec: { containers: [{ name: 'app', image }] },
  });
  const configuration: Record<string, object> = parse(
    (await codeBlock('README.md', '# lifeboat.yaml, for what a cluster runs\n'))
      .replace('https://lifeboat.example.com', edge.url)
      .replace('docker.io', `"${upstream.host}"`)
      .replace('bucket: lifeboat', `bucket: ${store.bucket}`),
  );
  // The registry of the test speaks plain HTTP, and versitygw has another region than R2.
  Object.assign(configuration, { upstreams: { [upstream.host]: { insecure: true } } });
  Object.assign(configuration['store'] ?? {}, { region: store.region });
  await writeFile(join(folder, 'lifeboat.yaml'), JSON.stringify(configuration));

  const block = await codeBlock('README.md', 'npx lifeboat images --cluster prod --publish');
  const commands = block
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/ +#.*$/, '').replace('--out /', `--out ${join(folder, 'node')}`));
  expect(commands.map((command) => command.split(' ').slice(0, 3).join(' '))).toEqual([
    'npx lifeboat images',
    'npx lifeboat sync',
    'npx wrangler deploy',
    'npx lifeboat clients',
    'npx lifeboat drill',
  ]);
  const [publish = '', sync = '', , clients = '', drill = ''] = commands;
  expect(await run(publish)).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('1 image of prod published'),
  });
  // Before the first run there is nothing to look at.
  expect(await run(drill)).toMatchObject({ code: 2, stderr: expect.stringContaining('lifeboat.json') });
  const synced = await run(sync);
  expect([synced.code, synced.stdout]).toEqual([0, expect.stringContaining('1 created')]);
  expect(await run(clients)).toMatchObject({ code: 0 });
  await upstream.stop();
  const after = await run(drill);
  expect([after.code, after.stdout]).toEqual([0, expect.stringContaining('1 of 1')]);

  const daemon = await startContainerdDaemon('five', {
    version: '2',
    tree: join(folder, 'node/etc/containerd'),
  });
  try {
    await pullImage(daemon.socket, { image, timeout: 60_000 });
    // Another tag of the same dead registry cannot be pulled, so the image came from the mirror.
    const missing = `${upstream.host}/library/app:v2`;
    await expect(pullImage(daemon.socket, { image: missing, timeout: 60_000 })).rejects.toThrow(
      /connection refused|not found|failed to/,
    );
  } finally {
    await daemon.stop();
  }
});
