/**
 * `lifeboat images --cluster` against a real Kubernetes API server: what it finds, and what the service account of infra/kubernetes is
 * refused.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { s3ClientOf } from '../support/bucket-reader.ts';
import { startApiServer, type ApiServer, type KubernetesObject } from '../support/kubernetes/api-server.ts';
import { buildFolder } from '../support/kubernetes/kustomize.ts';
import { runProgram, waitFor } from '../support/process.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';

const PROJECT = resolve(import.meta.dirname, '../..');
const MAIN = join(PROJECT, 'mirror-job/start.ts');
const DIGEST = `sha256:${'a'.repeat(64)}`;

let server: ApiServer;
let store: S3Server;
let folder: string;
/** The kubeconfig of the service account of infra/kubernetes/base/images.yaml. */
let kubeconfig: string;

beforeAll(async () => {
  [server, store] = await Promise.all([startApiServer(), startS3Server()]);
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-cluster-'));
  await server.create(namespace('shop'));
  for (const object of await buildFolder('overlays/example')) await server.create(object);
  kubeconfig = await server.kubeconfigOf('lifeboat', 'lifeboat-images');
  const token = await tokenIn(kubeconfig);
  // The server takes some time to know of a new role.
  await waitFor('the rights of the service account', async () => {
    const answers = ['/api/v1/pods', '/apis'].map((path) => server.request('GET', path, undefined, token));
    return (await Promise.allSettled(answers)).every(({ status }) => status === 'fulfilled');
  });
  await fill();
});
afterAll(async () => {
  await Promise.all([server?.stop(), store?.stop()]);
  if (folder !== undefined) await rm(folder, { recursive: true });
});

function namespace(name: string): KubernetesObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

function podSpec(...names: readonly string[]) {
  return { containers: names.map((image, index) => ({ name: `c${index}`, image })) };
}

function workload(apiVersion: string, kind: string, name: string, image: string): KubernetesObject {
  const template = { metadata: { labels: { app: name } }, spec: podSpec(image) };
  return {
    apiVersion,
    kind,
    metadata: { name, namespace: 'shop' },
    spec: {
      selector: { matchLabels: { app: name } },
      template,
      ...(kind === 'StatefulSet' && { serviceName: name }),
    },
  };
}

/** Two nodes, pods with a status, workloads, and a custom kind. No controller runs, so nothing follows from them. */
async function fill(): Promise<void> {
  for (const [name, architecture] of [
    ['node-1', 'amd64'],
    ['node-2', 'arm64'],
  ] as const) {
    await server.create({ apiVersion: 'v1', kind: 'Node', metadata: { name } });
    await server.request('PUT', `/api/v1/nodes/${name}/status`, {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name },
      status: {
        nodeInfo: { operatingSystem: 'linux', architecture, ...NODE_INFO },
        images: [{ names: ['registry.k8s.io/pause:3.10'] }, { names: ['docker.io/library/stale:1'] }],
      },
    });
  }
  for (const object of [
    workload('apps/v1', 'Deployment', 'web', 'nginx:1.27'),
    workload('apps/v1', 'StatefulSet', 'db', 'quay.io/a/db:9'),
    workload('apps/v1', 'DaemonSet', 'agent', 'ghcr.io/a/agent:v1'),
  ]) {
    await server.create(object);
  }
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'web-1',
      namespace: 'shop',
      labels: { 'pod-template-hash': '6d4b75cb6d' },
      ownerReferences: [owner('apps/v1', 'ReplicaSet', 'web-6d4b75cb6d')],
    },
    spec: { ...podSpec('nginx:1.27'), nodeName: 'node-2' },
  };
  await server.create(pod);
  const backup = { containers: [{ name: 'c0', image: 'nginx:1.27' }], restartPolicy: 'Never' };
  await server.create({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: 'backup-1',
      namespace: 'shop',
      ownerReferences: [owner('batch/v1', 'CronJob', 'backup')],
    },
    spec: { template: { spec: backup } },
  });
  await server.create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'backup-1-x',
      namespace: 'shop',
      ownerReferences: [owner('batch/v1', 'Job', 'backup-1')],
    },
    spec: backup,
  });
  await server.request('PUT', '/api/v1/namespaces/shop/pods/web-1/status', {
    ...pod,
    status: {
      phase: 'Running',
      containerStatuses: [
        {
          name: 'c0',
          image: 'docker.io/library/nginx:1.27',
          imageID: `docker.io/library/nginx@${DIGEST}`,
          ready: true,
          restartCount: 0,
        },
      ],
    },
  });
}

/** The reference to a controller. Nobody looks for it, because no controller runs. */
function owner(apiVersion: string, kind: string, name: string) {
  return { apiVersion, kind, name, uid: '0e1a4a2f-7f4e-4c7e-9a53-1d1f6a1c2b3d', controller: true };
}

const NODE_INFO = {
  machineID: '',
  systemUUID: '',
  bootID: '',
  kernelVersion: '',
  osImage: '',
  containerRuntimeVersion: '',
  kubeletVersion: '',
  kubeProxyVersion: '',
};

async function images(...args: readonly string[]) {
  return runProgram(process.execPath, [MAIN, 'images', '--cluster', 'prod', ...args], {
    cwd: folder,
    env: { S3_KEY: store.accessKeyId, S3_SECRET: store.secretAccessKey },
  });
}

interface InUse {
  readonly observed: string;
  readonly images: readonly { readonly firstSeen: string; readonly lastSeen: string }[];
}

/** Reads the list in the bucket. */
async function listOf(): Promise<InUse> {
  const client = s3ClientOf(store);
  try {
    const command = new GetObjectCommand({ Bucket: store.bucket, Key: 'state/_clusters/prod.json' });
    const { Body: body } = await client.send(command);
    return JSON.parse((await body?.transformToString()) ?? '');
  } finally {
    client.destroy();
  }
}

async function tokenIn(file: string): Promise<string> {
  const config: { readonly users: readonly { readonly user: { readonly token: string } }[] } = JSON.parse(
    await readFile(file, 'utf8'),
  );
  return config.users[0]?.user.token ?? '';
}

interface Printed {
  readonly images: readonly {
    readonly reference: string;
    readonly digest?: string;
    readonly platforms?: readonly string[];
    readonly uses: readonly object[];
    readonly useCount: number;
  }[];
  readonly problems: readonly { readonly where: string; readonly message: string }[];
}

test('a service account that may get and list finds what the cluster asks for and what runs', async () => {
  const { code, stdout, stderr } = await images('--kubeconfig', kubeconfig, '--json');
  const printed: Printed = JSON.parse(stdout);
  expect(printed.problems).toEqual([]);
  expect(printed.images).toMatchObject([
    {
      reference: 'docker.io/library/nginx:1.27',
      digest: DIGEST,
      platforms: ['linux/arm64'],
      uses: [
        { kind: 'CronJob', namespace: 'shop', name: 'backup', container: 'c0', how: 'spec' },
        { kind: 'Deployment', namespace: 'shop', name: 'web', container: 'c0', how: 'running' },
      ],
      useCount: 2,
    },
    { reference: 'ghcr.io/a/agent:v1' },
    { reference: 'quay.io/a/db:9' },
    { reference: `registry.example.com/lifeboat@sha256:${'0'.repeat(64)}` },
    { reference: 'registry.k8s.io/pause:3.10', platforms: ['linux/amd64', 'linux/arm64'] },
  ]);
  expect(code).toBe(0);
  expect(stderr).toContain('listing /api/v1/pods');
});

test('that account can read nothing else, and write nothing', async () => {
  const token = await tokenIn(kubeconfig);
  const refused = async (method: string, path: string): Promise<string> => {
    try {
      await server.request(method, path, method === 'POST' ? {} : undefined, token);
      return 'done';
    } catch (error) {
      return String(error);
    }
  };
  for (const [method, path] of [
    ['GET', '/api/v1/secrets'],
    ['GET', '/api/v1/configmaps'],
    ['GET', '/apis/rbac.authorization.k8s.io/v1/clusterroles'],
    ['POST', '/api/v1/namespaces/shop/pods'],
    ['DELETE', '/api/v1/namespaces/shop/pods/web-1'],
    ['DELETE', '/api/v1/nodes/node-1'],
  ] as const) {
    expect(await refused(method, path)).toMatch(/ 403 /);
  }
  expect(await refused('GET', '/api/v1/pods')).toBe('done');
});

test('an account without rights is a sentence for pods, and says which rights it needs', async () => {
  await server.create({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'nobody', namespace: 'shop' },
  });
  const { code, stdout, stderr } = await images('--kubeconfig', await server.kubeconfigOf('shop', 'nobody'));
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).not.toContain('fault of Lifeboat');
  expect(stderr).toMatch(
    /answered GET \/api\/v1\/pods with 403 \(.*cannot list resource "pods".*\)\. Give this user the rights of infra\/kubernetes\/base\/images\.yaml/,
  );
});

test('--publish adds what was seen to the list in the bucket, and a second time keeps the first day', async () => {
  await writeFile(
    join(folder, 'lifeboat.yaml'),
    `store: { endpoint: "${store.endpoint}", bucket: ${store.bucket}, region: us-east-1, accessKeyId: "\${S3_KEY}", secretAccessKey: "\${S3_SECRET}" }\n`,
  );
  const first = await images('--kubeconfig', kubeconfig, '--publish');
  expect([first.code, first.stdout]).toEqual([0, '']);
  expect(first.stderr).toMatch(/: 5 images of prod published\.$/m);
  const before = await listOf();
  const second = await images('--kubeconfig', kubeconfig, '--publish', '--json');
  expect([second.code, JSON.parse(second.stdout)]).toMatchObject([
    0,
    { cluster: 'prod', images: { length: 5 } },
  ]);
  const after = await listOf();
  expect(after.images).toHaveLength(5);
  for (const [index, { firstSeen, lastSeen }] of after.images.entries()) {
    expect(firstSeen).toBe(before.images[index]?.firstSeen);
    expect(lastSeen).toBe(after.observed);
  }
  expect(after.observed > before.observed).toBe(true);
});
