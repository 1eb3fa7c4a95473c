/**
 * Files of containerd that lie elsewhere than in /etc/containerd: `lifeboat clients --check` follows config.toml to them, and says
 * what the edge sees. The registry that the reference names is down.
 */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startContainerdDaemon, type ContainerdVersion } from '../support/clients/containerd-daemon.ts';
import { pullImage } from '../support/clients/image-service.ts';
import { createSandbox } from '../support/clients/sandbox.ts';
import { startCountingProxy, type CountingProxy } from '../support/counting-proxy.ts';
import { startEdge, type Edge } from '../support/edge.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';

const MAIN = resolve(import.meta.dirname, '../../mirror-job/start.ts');
/** The edge knows images of this name, whatever is in the bucket. */
const IMAGE = 'docker.io/lifeboat-probe/0123456789abcdef:probe';

let store: S3Server;
let edge: Edge;
let proxy: CountingProxy;
/** A folder of this machine, which the node sees under the same path. */
let elsewhere: string;

beforeAll(async () => {
  store = await startS3Server();
  edge = await startEdge(store);
  proxy = await startCountingProxy({ target: edge.url });
});
beforeEach(async () => {
  proxy.reset();
  elsewhere = await mkdtemp(join(tmpdir(), 'lifeboat-elsewhere-'));
});
afterEach(async () => {
  await rm(elsewhere, { recursive: true });
});
afterAll(async () => {
  await proxy?.stop();
  await edge?.stop();
  await store?.stop();
});

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(join(elsewhere, path)), { recursive: true });
  await writeFile(join(elsewhere, path), content);
}

/** @returns the verdict on containerd, by the check in the daemon's sandbox, which stands for a node */
async function checked(
  node: Pick<Awaited<ReturnType<typeof createSandbox>>, 'run'>,
  version: ContainerdVersion,
): Promise<{ readonly asked: string; readonly reasons: readonly string[] }> {
  const args = ['clients', '--check', '--json', '--containerd', version];
  const edgeArgs = ['--edge', proxy.url, '--upstream', 'docker.io'];
  const { stdout } = await node.run(process.execPath, [MAIN, ...args, ...edgeArgs]);
  const { verdicts }: { verdicts: { runtime: string; asked: string; reasons: string[] }[] } =
    JSON.parse(stdout);
  const found = verdicts.find(({ runtime }) => runtime === `containerd ${version}`);
  if (found === undefined) throw new Error(`The check says nothing of containerd: ${stdout}`);
  return found;
}

/** @returns what the check says, and whether a pull asked the edge */
async function observe(version: ContainerdVersion, configuration: string) {
  const daemon = await startContainerdDaemon('paths', { version, configuration });
  try {
    const { asked } = await checked(daemon, version);
    await pullImage(daemon.socket, { image: IMAGE, timeout: 60_000 }).catch(() => undefined);
    return { says: asked, isAsked: proxy.requests.some(({ status }) => status === 200) };
  } finally {
    await daemon.stop();
  }
}

const TABLE = {
  1: 'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n',
  2: 'version = 3\n[plugins."io.containerd.cri.v1.images".registry]\n',
} as const;
const VERSION = { 1: 'version = 2\n', 2: 'version = 3\n' } as const;
const HUB = 'certs.d/docker.io/hosts.toml';

function good(): string {
  return `server = "https://registry-1.docker.io"\n[host."${proxy.url}/v2/docker.io"]\noverride_path = true\n`;
}

/** @returns `config_path`, in its table */
function setTo(version: ContainerdVersion, folder: string): string {
  return `${TABLE[version]}config_path = "${elsewhere}/${folder}"\n`;
}

const VERSIONS: readonly ContainerdVersion[] = ['1', '2'];

describe.each(VERSIONS)('containerd %s', (version) => {
  test.each<readonly [string, () => Promise<string>, boolean]>([
    [
      'a config_path elsewhere, with a slash at its end',
      async () => {
        await write(HUB, good());
        return setTo(version, 'certs.d/');
      },
      true,
    ],
    [
      'a config_path elsewhere, without a file for the registry',
      async () => {
        await write('certs.d/quay.io/hosts.toml', good());
        return setTo(version, 'certs.d');
      },
      false,
    ],
    [
      'the file that microk8s brings',
      async () => {
        await write(
          HUB,
          'server = "https://docker.io"\n[host."https://registry-1.docker.io"]\ncapabilities = ["pull", "resolve"]\n',
        );
        return setTo(version, 'certs.d');
      },
      false,
    ],
    [
      'a file that k3s writes',
      async () => {
        await write(
          HUB,
          `server = "https://registry-1.docker.io/v2"\ncapabilities = ["pull", "resolve", "push"]\n${good().replace(/^.*\n/, '')}`,
        );
        return setTo(version, 'certs.d');
      },
      true,
    ],
    [
      'two folders, the first of which has another mirror',
      async () => {
        await write('first/docker.io/hosts.toml', '[host."https://other.test"]\n');
        await write(HUB, good());
        return setTo(version, `first:${elsewhere}/certs.d`);
      },
      false,
    ],
    [
      'an empty list of capabilities',
      async () => {
        await write(HUB, `${good()}capabilities = []\n`);
        return setTo(version, 'certs.d');
      },
      true,
    ],
    [
      'capabilities in capitals',
      async () => {
        await write(HUB, `${good()}capabilities = ["Pull", "RESOLVE"]\n`);
        return setTo(version, 'certs.d');
      },
      true,
    ],
    [
      'a config_path that is a link',
      async () => {
        await write('7/docker.io/hosts.toml', good());
        await symlink('7', join(elsewhere, 'current'));
        return setTo(version, 'current');
      },
      true,
    ],
    [
      'an import elsewhere, by a pattern',
      async () => {
        await write(HUB, good());
        await write('conf.d/mirror-1.toml', setTo(version, 'certs.d'));
        return `${VERSION[version]}imports = ["${elsewhere}/c*.d/mirror-*.toml"]\n`;
      },
      true,
    ],
    [
      'a pattern that goes into no folder',
      async () => {
        await write(HUB, good());
        await write('conf.d/deep/mirror.toml', setTo(version, 'certs.d'));
        return `${VERSION[version]}imports = ["${elsewhere}/conf.d/*.toml"]\n`;
      },
      false,
    ],
    [
      'an import of an import, after the imports beside it',
      async () => {
        await write(HUB, good());
        await write('a.toml', `${VERSION[version]}imports = ["c.toml"]\n`);
        await write('b.toml', setTo(version, 'missing'));
        await write('c.toml', setTo(version, 'certs.d'));
        return `${VERSION[version]}imports = ["${elsewhere}/a.toml", "${elsewhere}/b.toml"]\n`;
      },
      true,
    ],
  ])('the check is right about %s', async (_, prepare, isAsked) => {
    expect(await observe(version, await prepare())).toEqual({ says: isAsked ? 'first' : 'no', isAsked });
  });

  test('an import that does not exist keeps the daemon from starting, as the check says', async () => {
    await write(HUB, good());
    const missing = `${elsewhere}/missing.toml`;
    const configuration = setTo(version, 'certs.d').replace('\n', `\nimports = ["${missing}"]\n`);
    await expect(startContainerdDaemon('paths', { version, configuration })).rejects.toThrow(/missing\.toml/);
    const node = await createSandbox('paths', ['/etc/containerd']);
    try {
      await writeFile(join(node.directory, 'etc/containerd/config.toml'), configuration);
      expect(await checked(node, version)).toMatchObject({
        asked: 'no',
        reasons: [
          expect.stringContaining(`imports ${missing}, which does not exist. containerd does not start`),
        ],
      });
    } finally {
      await node.remove();
    }
  });
});
