/** Pulls with containerd, by its own command line or by the interface that a kubelet uses. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Algorithm, Digest } from '../content.ts';
import { PullFailedError, type Client, type Login, type PullRequest } from './client.ts';
import {
  HOSTS_FOLDER,
  startContainerdDaemon,
  type ContainerdDaemon,
  type ContainerdOptions,
  type Namespace,
} from './containerd-daemon.ts';
import { CONTAINERD_MODES, writeHostsToml } from './hosts-toml.ts';
import { pullImage } from './image-service.ts';
import { locate, requireMode } from './location.ts';
import { expectSuccess } from './run.ts';
import { hashFiles, readPulled, type NamedFile } from './stored.ts';

/**
 * Pulls with ctr. All pulls share one store of content, so a later pull requests no blob that an earlier one stored.
 * @throws if a program is missing, or if the daemon does not answer
 */
export async function startContainerd(): Promise<Client> {
  const daemon = await startContainerdDaemon('containerd');
  return clientOf('containerd', daemon, 'default', async (reference, { platforms, timeout }) => {
    const pull = ['images', 'pull', '--hosts-dir', HOSTS_FOLDER, '--snapshotter', 'native'];
    const all = platforms === 'all' ? ['--all-platforms'] : [];
    const { code, stdout, stderr } = await daemon.ctr('default', [...pull, ...all, reference], timeout);
    if (code !== 0) throw new PullFailedError('ctr', reference, stdout + stderr);
    return stdout + stderr;
  });
}

export interface CriOptions extends ContainerdOptions {
  /** The pod's login for the upstream, which the edge must never see. */
  readonly pullSecret?: Login;
}

/** Pulls through the Container Runtime Interface. Otherwise it is the same as `startContainerd`. */
export async function startCri({ pullSecret, ...options }: CriOptions = {}): Promise<Client> {
  const daemon = await startContainerdDaemon('cri', options);
  return clientOf('cri', daemon, 'k8s.io', async (reference, { platforms, timeout = 60_000 }) => {
    if (platforms === 'all') throw new Error('The Container Runtime Interface pulls one platform.');
    const secret = pullSecret === undefined ? {} : { login: pullSecret };
    try {
      await pullImage(daemon.socket, { image: reference, timeout, ...secret });
    } catch (error) {
      throw new PullFailedError('containerd', reference, String(error));
    }
    return '';
  });
}

function clientOf(
  name: 'containerd' | 'cri',
  daemon: ContainerdDaemon,
  namespace: Namespace,
  pull: (reference: string, request: PullRequest) => Promise<string>,
): Client {
  const state = { containers: 0 };
  return {
    name,
    modes: CONTAINERD_MODES,
    pull: async (request) => {
      requireMode(name, CONTAINERD_MODES, request.mode);
      const location = locate(request);
      if (request.mode === 'host') await daemon.resolve(location.host);
      await writeHostsToml(daemon.hosts, request, location);
      const { reference } = location;
      const output = await pull(reference, request);
      const digest = await digestOfImage(daemon, namespace, reference);
      const stored = await hashFiles(await filesOf(daemon.blobs));
      return readPulled({ reference, digest, stored, output });
    },
    run: async ({ reference }) => {
      state.containers += 1;
      // An empty cgroup means none, because nothing is limited here, and then nothing has to be removed.
      const run = ['run', '--rm', '--runtime', daemon.shim, '--snapshotter', 'native', '--cgroup', ''];
      return expectSuccess(daemon.ctr(namespace, [...run, reference, `run-${state.containers}`]));
    },
    stop: async () => daemon.stop(),
  };
}

async function digestOfImage(
  daemon: ContainerdDaemon,
  namespace: Namespace,
  reference: string,
): Promise<Digest> {
  const list = await expectSuccess(daemon.ctr(namespace, ['images', 'list', `name==${reference}`]));
  const digest = /\ssha(?:256|512):[0-9a-f]+\s/.exec(list)?.[0].trim();
  if (digest === undefined) throw new Error(`containerd has no image ${reference}:\n${list}`);
  return digest;
}

async function filesOf(blobs: string): Promise<NamedFile[]> {
  const files: NamedFile[] = [];
  const algorithms: readonly Algorithm[] = ['sha256', 'sha512'];
  for (const algorithm of algorithms) {
    const folder = join(blobs, algorithm);
    const names = await readdir(folder).catch(() => []);
    for (const name of names) files.push({ path: join(folder, name), algorithm });
  }
  return files;
}
