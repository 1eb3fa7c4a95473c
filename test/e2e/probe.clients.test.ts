/**
 * `lifeboat clients --check --probe` on nodes with real runtimes. It says "through the edge" exactly where the edge was asked.
 * The registries that the references name are down.
 */
import { resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  startContainerdDaemon,
  type ContainerdDaemon,
  type ContainerdOptions,
  type ContainerdVersion,
} from '../support/clients/containerd-daemon.ts';
import { startCountingProxy, type CountingProxy } from '../support/counting-proxy.ts';
import { startEdge, type Edge } from '../support/edge.ts';
import { requireProgram } from '../support/programs.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';

const MAIN = resolve(import.meta.dirname, '../../mirror-job/start.ts');

let store: S3Server;
let edge: Edge;
let proxy: CountingProxy;
let crictl: string;

beforeAll(async () => {
  crictl = await requireProgram('crictl');
  store = await startS3Server();
  edge = await startEdge(store);
  proxy = await startCountingProxy({ target: edge.url });
});
beforeEach(() => {
  proxy.reset();
});
afterAll(async () => {
  await proxy?.stop();
  await edge?.stop();
  await store?.stop();
});

interface Probed {
  /** `by tag: yes`, for the runtime that the test is about. */
  readonly probes: readonly string[];
  /** What it said of a pull that failed. */
  readonly reasons: readonly string[];
}

/** Runs the check in the sandbox of the daemon, which stands for a node. */
async function probe(daemon: ContainerdDaemon): Promise<Probed> {
  // No other program is found than crictl, so no other runtime is told to pull.
  const path = `PATH=${resolve(crictl, '..')}`;
  const args = ['clients', '--check', '--probe', '--json', '--edge', proxy.url, '--upstream', 'docker.io'];
  const { stdout } = await daemon.run('env', [path, process.execPath, MAIN, ...args], {
    // The path of the socket names the runtime.
    env: { CONTAINER_RUNTIME_ENDPOINT: `unix://${daemon.socket}` },
    timeout: 300_000,
  });
  const result: { readonly probes: readonly Record<'runtime' | 'by' | 'through' | 'reason', string>[] } =
    JSON.parse(stdout);
  const own = result.probes.filter(({ runtime }) => runtime === 'containerd, by CRI');
  return {
    probes: own.map(({ by, through }) => `by ${by}: ${through}`),
    reasons: own.flatMap(({ reason }) => (reason === '' ? [] : [reason])),
  };
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
      ['by digest: yes', 'by tag: no'],
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
      const { probes, reasons } = await probe(daemon);
      expect(probes).toEqual(expected);
      expect(reasons).toHaveLength(expected.filter((line) => line.endsWith('no')).length);
      // The check itself asks once.
      const isAsked = proxy.requests.length > 1;
      expect(isAsked).toBe(expected[0] === 'by digest: yes');
      // Nothing is left behind.
      const { stdout } = await daemon.ctr('k8s.io', ['images', 'list', '-q']);
      expect(stdout).not.toContain('lifeboat-probe');
    } finally {
      await daemon.stop();
    }
  });
});
