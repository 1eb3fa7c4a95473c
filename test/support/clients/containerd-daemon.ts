/** A containerd of one's own, beside whatever runs on the machine. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitFor, type Finished } from '../process.ts';
import { requireProgram } from '../programs.ts';
import { createSandbox } from './sandbox.ts';

/** containerd keeps what Kubernetes pulls apart from what others do. */
export type Namespace = 'default' | 'k8s.io';

export interface ContainerdDaemon {
  readonly socket: string;
  /** Where hosts.toml files are read from, at each pull anew. */
  readonly hosts: string;
  /** Where it keeps content by its digests. */
  readonly blobs: string;
  /** Makes the name this machine's own, for the daemon and for ctr. */
  resolve(name: string): Promise<void>;
  /** Its exit code is the caller's to judge. */
  ctr(namespace: Namespace, args: readonly string[], timeout?: number): Promise<Finished>;
  stop(): Promise<void>;
}

/** @throws when a program is missing, or the daemon does not answer */
export async function startContainerdDaemon(name: string): Promise<ContainerdDaemon> {
  const containerd = await requireProgram('containerd');
  const ctr = await requireProgram('ctr');
  // The daemon finds it by itself, and says little when it does not.
  await requireProgram('runc');

  const sandbox = await createSandbox(name);
  const socket = join(sandbox.directory, 'socket');
  const hosts = join(sandbox.directory, 'hosts.d');
  const config = join(sandbox.directory, 'config.toml');
  await writeFile(config, configOf(sandbox.directory, socket, hosts));
  const daemon = await sandbox.start(containerd, ['--config', config]);
  const run: ContainerdDaemon['ctr'] = async (namespace, args, timeout) =>
    sandbox.run(
      ctr,
      ['--address', socket, '--namespace', namespace, ...args],
      timeout === undefined ? {} : { timeout },
    );
  const stop = async () => {
    await daemon.stop();
    await sandbox.remove();
  };
  try {
    const answers = async () => (await run('default', ['version'])).code === 0;
    await waitFor('containerd', answers, { program: daemon });
  } catch (error) {
    await stop();
    throw error;
  }
  const blobs = join(sandbox.directory, 'root', 'io.containerd.content.v1.content', 'blobs');
  return { socket, hosts, blobs, resolve: async (host) => sandbox.resolve(host), ctr: run, stop };
}

/**
 * What needs a file system, a kernel module or rights that a machine for tests may lack is left out.
 * https://github.com/containerd/containerd/blob/release/1.6/docs/cri/config.md
 */
function configOf(directory: string, socket: string, hosts: string): string {
  return `version = 2
root = "${join(directory, 'root')}"
state = "${join(directory, 'state')}"

[grpc]
  address = "${socket}"

[plugins."io.containerd.internal.v1.opt"]
  path = "${join(directory, 'opt')}"

[plugins."io.containerd.grpc.v1.cri"]
  disable_cgroup = true
  disable_apparmor = true
  restrict_oom_score_adj = true

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
    disable_snapshot_annotations = true

  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${hosts}"
`;
}
