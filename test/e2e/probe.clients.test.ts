/**
 * `lifeboat clients --check --probe` on nodes with real runtimes. It says "through the edge" exactly where the edge was asked.
 * The registries that the references name are down.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  startContainerdDaemon,
  type ContainerdDaemon,
  type ContainerdOptions,
  type ContainerdVersion,
} from '../support/clients/containerd-daemon.ts';
import { startContainersNode } from '../support/clients/containers-node.ts';
import { startDocker } from '../support/clients/docker.ts';
import { MAIN, startMirroredApp, type MirroredApp } from '../support/clients/mirrored-app.ts';
import { probe, type Probed } from '../support/clients/probe.ts';
import type { CountingProxy } from '../support/counting-proxy.ts';
import { startEdge, type Edge } from '../support/edge.ts';
import { runProgram } from '../support/process.ts';
import { requireProgram } from '../support/programs.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';

let app: MirroredApp;
/** Stands before the edge. podman asks it for /v2/ first, which needs a bucket that the job has filled. */
let proxy: CountingProxy;
let crictl: string;

beforeAll(async () => {
  crictl = await requireProgram('crictl');
  app = await startMirroredApp();
  proxy = app.edge;
});
beforeEach(() => {
  proxy.reset();
});
afterAll(async () => {
  await app?.stop();
});

/** Lets the daemon pull probes of the edge, which is the one behind the proxy unless a test says otherwise. */
async function probeBy(
  daemon: ContainerdDaemon,
  url: string = proxy.url,
  args: readonly string[] = [],
): Promise<Probed> {
  // The path of the socket names the runtime.
  const env = { CONTAINER_RUNTIME_ENDPOINT: `unix://${daemon.socket}` };
  const { run } = daemon;
  return probe(run, { runtime: 'containerd, by CRI', program: crictl, edge: url, env, args });
}

/** The check itself asks twice: for a probe, and for /v2/. */
function isAskedByRuntime(): boolean {
  return proxy.requests.length > 2;
}

const TABLE = {
  1: 'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n',
  2: 'version = 3\n[plugins."io.containerd.cri.v1.images".registry]\n',
} as const;
const ONE_FOLDER = 'config_path = "/etc/containerd/certs.d"\n';

function hostsToml(...lines: readonly string[]): Readonly<Record<string, string>> {
  return { 'certs.d/docker.io/hosts.toml': lines.join('\n') };
}

/** @param capabilities as in a file: `"pull", "resolve"` */
function mirrorFirst(capabilities: string): Readonly<Record<string, string>> {
  return hostsToml(
    'server = "https://registry-1.docker.io"',
    `[host."${proxy.url}/v2/docker.io"]`,
    `capabilities = [${capabilities}]`,
    'override_path = true',
  );
}

const VERSIONS: readonly ContainerdVersion[] = ['1', '2'];

describe.each(VERSIONS)('containerd %s', (version) => {
  test.each<[string, () => ContainerdOptions, readonly string[]]>([
    [
      'mirror first, tags too',
      () => ({ configuration: TABLE[version] + ONE_FOLDER, files: mirrorFirst('"pull", "resolve"') }),
      ['by digest: yes', 'by tag: yes'],
    ],
    [
      'mirror first, digests only',
      () => ({ configuration: TABLE[version] + ONE_FOLDER, files: mirrorFirst('"pull"') }),
      ['by digest: yes', 'by tag: as configured'],
    ],
    [
      'upstream first',
      () => ({
        configuration: TABLE[version] + ONE_FOLDER,
        files: hostsToml(
          `server = "${proxy.url}/v2/docker.io"`,
          'capabilities = ["pull", "resolve"]',
          'override_path = true',
          '[host."https://registry-1.docker.io"]',
        ),
      }),
      ['by digest: yes', 'by tag: yes'],
    ],
    [
      'no config_path',
      () => ({ configuration: TABLE[version], files: mirrorFirst('"pull", "resolve"') }),
      ['by digest: no'],
    ],
  ])('%s', async (_, options, expected) => {
    const daemon = await startContainerdDaemon('containerd-probe', { version, ...options() });
    try {
      const { probes, reasons } = await probeBy(daemon);
      expect(probes).toEqual(expected);
      expect(reasons).toHaveLength(expected.filter((line) => line.endsWith('no')).length);
      expect(isAskedByRuntime()).toBe(expected[0] === 'by digest: yes');
      // Nothing is left behind.
      const { stdout } = await daemon.ctr('k8s.io', ['images', 'list', '-q']);
      expect(stdout).not.toContain('lifeboat-probe');
    } finally {
      await daemon.stop();
    }
  });
});

test('a containerd that was not restarted is named', async () => {
  const configuration = TABLE[2];
  const files = mirrorFirst('"pull", "resolve"');
  const daemon = await startContainerdDaemon('containerd-probe', { version: '2', configuration, files });
  try {
    await writeFile(join(dirname(daemon.hosts), 'config.toml'), TABLE[2] + ONE_FOLDER);
    const { probes, reasons } = await probeBy(daemon, proxy.url, ['--containerd', '2']);
    expect(probes).toEqual(['by digest: no']);
    expect(reasons).toEqual([
      expect.stringMatching(
        /The files say that the edge is asked: was containerd restarted since they changed\?$/,
      ),
    ]);
    expect(reasons[0]).not.toContain('level=');
  } finally {
    await daemon.stop();
  }
});

describe('an edge that needs a token', () => {
  const TOKEN = 'a-token-of-the-tests-0123456789abcdef';
  let store: S3Server;
  let closed: Edge;
  let folder: string;
  beforeAll(async () => {
    const hash = createHash('sha256').update(TOKEN).digest('hex');
    const variables = { AUDIENCE: 'token', TOKENS: `nodes ${hash} docker.io/library/*` };
    // A bucket for everybody would contradict the edge. An empty one does not.
    store = await startS3Server();
    closed = await startEdge(store, variables);
    folder = await mkdtemp(join(tmpdir(), 'lifeboat-probe-'));
    await writeFile(join(folder, 'token'), `${TOKEN}\n`, { mode: 0o600 });
  });
  afterAll(async () => {
    await closed?.stop();
    await store?.stop();
    await rm(folder, { recursive: true });
  });

  test.each([
    ['whose file has it', ['--token-file'], ['by digest: yes', 'by tag: yes']],
    ['whose file lacks it', [], ['by digest: no']],
  ] as const)('containerd, %s', async (_, [option], expected) => {
    const token = join(folder, 'token');
    const tree = join(folder, option ?? 'without');
    const make = ['--edge', closed.url, '--upstream', 'docker.io', '--tags', '--out', tree];
    const given = option === undefined ? [] : [option, token];
    const made = await runProgram(process.execPath, [MAIN, 'clients', 'containerd', ...make, ...given]);
    expect([made.code, made.stderr]).toEqual([0, expect.any(String)]);
    const daemon = await startContainerdDaemon('containerd-probe', {
      version: '2',
      tree: join(tree, 'etc/containerd'),
    });
    try {
      const { probes } = await probeBy(daemon, closed.url, ['--token-file', token]);
      expect(probes).toEqual(expected);
    } finally {
      await daemon.stop();
    }
  });
});

test.each<[string, () => object, readonly string[]]>([
  ['with a mirror', () => ({ 'registry-mirrors': [proxy.url] }), ['by digest: yes', 'by tag: yes']],
  ['without a mirror', () => ({}), ['by digest: no']],
])('Docker %s', async (_, configuration, expected) => {
  const program = await requireProgram('docker');
  const docker = await startDocker(JSON.stringify(configuration()));
  try {
    const env = { DOCKER_HOST: docker.host };
    const { probes } = await probe(docker.run, { runtime: 'Docker', program, edge: proxy.url, env });
    expect(probes).toEqual(expected);
    expect(isAskedByRuntime()).toBe(expected[0] === 'by digest: yes');
    expect(await docker.images()).not.toContain('lifeboat-probe');
  } finally {
    await docker.stop();
  }
});

test.each<[string, string, readonly string[]]>([
  ['tags too', '', ['by digest: yes', 'by tag: yes']],
  ['digests only', 'pull-from-mirror = "digest-only"', ['by digest: yes', 'by tag: as configured']],
])('podman, %s', async (_, pulls, expected) => {
  const program = await requireProgram('podman');
  const mirror = `location = "${new URL(proxy.url).host}/docker.io"\ninsecure = true\n${pulls}\n`;
  const text = `[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\n${mirror}`;
  const node = await startContainersNode({
    files: { '/etc/containers/registries.conf.d/50-lifeboat.conf': text },
  });
  try {
    const { probes } = await probe(node.run, { runtime: 'podman', program, edge: proxy.url });
    expect(probes).toEqual(expected);
    const { stdout } = await node.podman('images');
    expect(stdout).not.toContain('lifeboat-probe');
  } finally {
    await node.stop();
  }
});
