/**
 * Real clients get the files of `lifeboat clients`, and `lifeboat clients --check` says of the files of a node what the edge sees:
 * it says "not asked" exactly where nothing was asked. The registries that the references name are down, unless a test says
 * otherwise.
 */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startContainerdDaemon, type ContainerdVersion } from '../support/clients/containerd-daemon.ts';
import { startDocker } from '../support/clients/docker.ts';
import { pullImage } from '../support/clients/image-service.ts';
import { createSandbox } from '../support/clients/sandbox.ts';
import { digestOfTag, emptyRepository } from '../support/content.ts';
import { startCountingProxy, type CountingProxy } from '../support/counting-proxy.ts';
import { startEdge, type Edge } from '../support/edge.ts';
import { runProgram, type Finished } from '../support/process.ts';
import { requireProgram } from '../support/programs.ts';
import { pushRepository } from '../support/push.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';
import { sync } from '../support/sync.ts';
import { addUniqueImage } from '../support/unique-image.ts';
import { startDockerRegistry, type Upstream } from '../support/upstream.ts';

const MAIN = resolve(import.meta.dirname, '../../mirror-job/start.ts');
const REPOSITORY = 'library/app';
const TAG = 'tag';

const images = emptyRepository();
let upstream: Upstream;
let store: S3Server;
let edge: Edge;
let edgeProxy: CountingProxy;
let folder: string;

beforeAll(async () => {
  [upstream, store] = await Promise.all([startDockerRegistry(), startS3Server()]);
  await addUniqueImage(images, TAG);
  await pushRepository(REPOSITORY, images, { url: upstream.url });
  const { code, stderr } = await sync(store, {
    upstreams: { [upstream.host]: { insecure: true } },
    images: [
      { source: `${upstream.host}/${REPOSITORY}`, name: `docker.io/${REPOSITORY}`, tags: ['*'] },
      { source: `${upstream.host}/${REPOSITORY}`, tags: ['*'] },
    ],
  });
  if (code !== 0) throw new Error(`lifeboat sync ended with ${code}:\n${stderr}`);
  edge = await startEdge(store);
  edgeProxy = await startCountingProxy({ target: edge.url });
});
beforeEach(async () => {
  edgeProxy.reset();
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-clients-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});
afterAll(async () => {
  await edgeProxy?.stop();
  await edge?.stop();
  await Promise.all([upstream?.stop(), store?.stop()]);
});

const BY_TAG = `docker.io/${REPOSITORY}:${TAG}`;

function byDigest(): string {
  return `docker.io/${REPOSITORY}@${digestOfTag(images, TAG)}`;
}

/** Runs `lifeboat clients` for docker.io and the edge behind the proxy. */
async function lifeboat(...args: readonly string[]): Promise<Finished> {
  const always = ['--edge', edgeProxy.url, '--upstream', 'docker.io'];
  return runProgram(process.execPath, [MAIN, 'clients', ...always, ...args], {});
}

/** @returns what the check says of docker.io. @param root of the node's files */
async function checked(root: string, version: ContainerdVersion, runtime: RegExp): Promise<string> {
  const { stdout, stderr } = await lifeboat('--check', '--root', root, '--containerd', version, '--json');
  const { verdicts = [] }: { readonly verdicts?: { readonly runtime: string; readonly asked: string }[] } =
    JSON.parse(stdout || '{}');
  const found = verdicts.find((verdict) => runtime.test(verdict.runtime));
  if (found === undefined) throw new Error(`The check says nothing of ${runtime.source}: ${stdout}${stderr}`);
  return found.asked;
}

interface Node {
  /** The content of config.toml. */
  readonly config: string;
  /** Further files, by their path below /etc/containerd. */
  readonly files?: Readonly<Record<string, string>>;
  /** Empty folders, the same. */
  readonly folders?: readonly string[];
}

/** Pulls an image with a containerd that has these files. @returns whether it asked the edge, and what the check says */
async function observe(
  version: ContainerdVersion,
  { config, files = {}, folders = [] }: Node,
  image: string,
) {
  const daemon = await startContainerdDaemon('files', { version, configuration: config, files, folders });
  try {
    const says = await checked(resolve(daemon.hosts, '../../..'), version, /^containerd/);
    await pullImage(daemon.socket, { image, timeout: 60_000 }).catch(() => undefined);
    // An address that the edge does not know is as good as no request.
    const isAsked = edgeProxy.requests.some(({ status }) => status === 200 || status === 307);
    return { says, isAsked };
  } finally {
    await daemon.stop();
  }
}

const TABLE = {
  1: 'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n',
  2: 'version = 3\n[plugins."io.containerd.cri.v1.images".registry]\n',
} as const;

const ONE_FOLDER = 'config_path = "/etc/containerd/certs.d"\n';

function hosts(text: string): Readonly<Record<string, string>> {
  return { 'certs.d/docker.io/hosts.toml': text };
}

/** @returns a good hosts.toml for the edge */
function good(): string {
  return `server = "https://registry-1.docker.io"\n[host."${edgeProxy.url}/v2/docker.io"]\ncapabilities = ["pull", "resolve"]\noverride_path = true\n`;
}

const VERSIONS: readonly ContainerdVersion[] = ['1', '2'];

describe.each(VERSIONS)('containerd %s, by CRI', (version) => {
  test.each<readonly [string, readonly string[], string, boolean]>([
    ['for tags too, it pulls a tag', ['--tags'], 'tag', true],
    ['for digests, it pulls a digest', [], 'digest', true],
    ['for digests, it does not ask for a tag', [], 'tag', false],
    [
      'upstream first, it asks when the upstream is down',
      ['--tags', '--order', 'upstream-first'],
      'tag',
      true,
    ],
    [
      'with a peer that is down, it goes on to the edge',
      ['--tags', '--peer', 'http://127.0.0.1:1'],
      'tag',
      true,
    ],
  ])('with the files %s', async (_, options, by, isAsked) => {
    const runtime = version === '1' ? 'containerd-1' : 'containerd';
    const { code } = await lifeboat(runtime, ...options, '--out', folder);
    expect(code).toBe(0);
    const daemon = await startContainerdDaemon('files', { version, tree: join(folder, 'etc/containerd') });
    try {
      const image = by === 'tag' ? BY_TAG : byDigest();
      const failure = await pullImage(daemon.socket, { image, timeout: 60_000 }).catch(
        (error: unknown) => error,
      );
      expect(failure === undefined).toBe(isAsked);
      expect(edgeProxy.requests.length > 0).toBe(isAsked);
    } finally {
      await daemon.stop();
    }
  });

  test('with one file for every registry, it says which one it means', async () => {
    const { code } = await runProgram(
      process.execPath,
      [
        MAIN,
        'clients',
        version === '1' ? 'containerd-1' : 'containerd',
        '--tags',
        '--edge',
        edgeProxy.url,
        '--upstream',
        '*',
        '--out',
        folder,
      ],
      {},
    );
    expect(code).toBe(0);
    const daemon = await startContainerdDaemon('files', { version, tree: join(folder, 'etc/containerd') });
    try {
      await pullImage(daemon.socket, { image: BY_TAG, timeout: 60_000 });
      expect(new Set(edgeProxy.requests.map(({ query }) => query.get('ns')))).toEqual(new Set(['docker.io']));
    } finally {
      await daemon.stop();
    }
  });

  test.each<readonly [string, () => Node]>([
    ['a good file', () => ({ config: TABLE[version] + ONE_FOLDER, files: hosts(good()) })],
    ['no config_path', () => ({ config: TABLE[version], files: hosts(good()) })],
    ['an empty config_path', () => ({ config: `${TABLE[version]}config_path = ""\n`, files: hosts(good()) })],
    [
      'two folders',
      () => ({
        config: `${TABLE[version]}config_path = "/etc/containerd/certs.d:/etc/docker/certs.d"\n`,
        files: hosts(good()),
      }),
    ],
    [
      'mirrors beside config_path',
      () => ({
        config: `${TABLE[version]}${ONE_FOLDER}[plugins."${PLUGIN[version]}".registry.mirrors."docker.io"]\nendpoint = ["${edgeProxy.url}"]\n`,
        files: hosts(good()),
      }),
    ],
    [
      'a version of the file before that of containerd',
      () => ({ config: TABLE[1] + ONE_FOLDER, files: hosts(good()) }),
    ],
    [
      'a drop-in that config.toml imports',
      () => ({
        config: `version = ${version === '1' ? 2 : 3}\nimports = ["/etc/containerd/conf.d/*.toml"]\n`,
        files: { ...hosts(good()), 'conf.d/mirrors.toml': TABLE[version] + ONE_FOLDER },
      }),
    ],
    [
      'a drop-in that config.toml does not import',
      () => ({
        config: `version = ${version === '1' ? 2 : 3}\n`,
        files: { ...hosts(good()), 'conf.d/mirrors.toml': TABLE[version] + ONE_FOLDER },
      }),
    ],
    [
      'a capability that no containerd knows',
      () => ({
        config: TABLE[version] + ONE_FOLDER,
        files: hosts(good().replace('"resolve"', '"resolve", "fetch"')),
      }),
    ],
    [
      'a path without override_path',
      () => ({
        config: TABLE[version] + ONE_FOLDER,
        files: hosts(good().replace('override_path = true\n', '')),
      }),
    ],
    [
      'keys at the top without a server',
      () => ({
        config: TABLE[version] + ONE_FOLDER,
        files: hosts('capabilities = ["pull", "resolve"]\noverride_path = true\n'),
      }),
    ],
    [
      'a file that is no TOML',
      () => ({
        config: TABLE[version] + ONE_FOLDER,
        files: hosts(good().replace('"resolve"]', '"resolve"')),
      }),
    ],
    [
      'an empty folder that hides _default',
      () => ({
        config: TABLE[version] + ONE_FOLDER,
        files: { 'certs.d/_default/hosts.toml': `[host."${edgeProxy.url}"]\n` },
        folders: ['certs.d/docker.io'],
      }),
    ],
    [
      'a file for every registry',
      () => ({
        config: TABLE[version] + ONE_FOLDER,
        files: { 'certs.d/_default/hosts.toml': `[host."${edgeProxy.url}"]\n` },
      }),
    ],
  ])('the check is right about %s', async (_, node) => {
    const { says, isAsked } = await observe(version, node(), BY_TAG);
    expect(says === 'no' ? 'not asked' : 'asked').toBe(isAsked ? 'asked' : 'not asked');
  });
});

const PLUGIN = { 1: 'io.containerd.grpc.v1.cri', 2: 'io.containerd.cri.v1.images' } as const;

describe('skopeo', () => {
  test.each<readonly [string, readonly string[], string, boolean]>([
    ['for tags too, it pulls a tag', ['--tags'], 'tag', true],
    ['for digests, it pulls a digest', [], 'digest', true],
    ['for digests, it does not ask for a tag', [], 'tag', false],
  ])('with the file %s', async (_, options, by, isAsked) => {
    const program = await requireProgram('skopeo');
    expect((await lifeboat('podman', ...options, '--out', folder)).code).toBe(0);
    const drop = '/etc/containers/registries.conf.d';
    const sandbox = await createSandbox('skopeo', [drop]);
    try {
      await cp(join(folder, drop), join(sandbox.directory, drop), { recursive: true });
      const image = `docker://${by === 'tag' ? BY_TAG : byDigest()}`;
      const { code } = await sandbox.run(program, ['copy', image, `dir:${join(folder, 'image')}`]);
      expect(code === 0).toBe(isAsked);
      expect(edgeProxy.requests.length > 0).toBe(isAsked);
      expect(await checked(folder, '2', /podman/)).toBe('first');
    } finally {
      await sandbox.remove();
    }
  });
});

test('Docker pulls with its file, and the check agrees', async () => {
  expect((await lifeboat('docker', '--out', folder)).code).toBe(0);
  expect(await checked(folder, '2', /Docker/)).toBe('first');
  const { stdout } = await lifeboat('docker');
  const docker = await startDocker(stdout);
  try {
    expect(await docker.pull(BY_TAG)).toBe(digestOfTag(images, TAG));
    expect(edgeProxy.requests).not.toEqual([]);
  } finally {
    await docker.stop();
  }
});
