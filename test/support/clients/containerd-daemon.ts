/** Starts a separate containerd, beside any that runs on the machine. */
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { waitFor, type Finished } from '../process.ts';
import { requireProgram } from '../programs.ts';
import { documentedBlock } from './documented.ts';
import { createSandbox, type Sandbox } from './sandbox.ts';

/** containerd stores the images of Kubernetes in a namespace of their own. */
export type Namespace = 'default' | 'k8s.io';

/** Version `1` is Debian's 1.6. Version `2` is 2.4, whose CRI plugin pulls with the transfer service. */
export type ContainerdVersion = '1' | '2';

const FOLDER = '/etc/containerd';
/** The documentation puts hosts.toml files here, and containerd looks for them here. */
export const HOSTS_FOLDER = `${FOLDER}/certs.d`;

export interface ContainerdDaemon {
  readonly socket: string;
  /** The folder of this machine that the daemon sees as `HOSTS_FOLDER`, and reads anew at each pull. */
  readonly hosts: string;
  /** The folder in which the daemon stores content by its digests. */
  readonly blobs: string;
  /** Makes the host name lead to this machine, or another address, for the daemon and for ctr. */
  resolve(name: string, address?: string): Promise<void>;
  /** The program under which containers run, for `ctr run --runtime`. */
  readonly shim: string;
  /** Runs ctr. The caller checks its exit code. */
  ctr(namespace: Namespace, args: readonly string[], timeout?: number): Promise<Finished>;
  /** Runs another program of the node, which sees the daemon's /etc/containerd. The caller checks its exit code. */
  run: Sandbox['run'];
  stop(): Promise<void>;
}

export interface ContainerdOptions {
  /** The version; `1` by default. */
  readonly version?: ContainerdVersion;
  /** The content of config.toml; by default that of the documentation for the version. */
  readonly configuration?: string;
  /** A folder in whose place the daemon sees /etc/containerd, with its config.toml. */
  readonly tree?: string;
  /** Further files, by their path below /etc/containerd. */
  readonly files?: Readonly<Record<string, string>>;
  /** Empty folders, the same. */
  readonly folders?: readonly string[];
  /** The only root certificate that it trusts, in PEM. */
  readonly root?: string;
}

const PROGRAMS = {
  1: { containerd: 'containerd', ctr: 'ctr', shim: 'containerd-shim-runc-v2', sandbox: sandboxSettings1 },
  2: { containerd: 'containerd2', ctr: 'ctr2', shim: 'containerd2-shim', sandbox: sandboxSettings2 },
} as const;

/** @throws if a program is missing, or if the daemon does not answer */
export async function startContainerdDaemon(
  name: string,
  { version = '1', configuration, tree, files = {}, folders = [], root }: ContainerdOptions = {},
): Promise<ContainerdDaemon> {
  const programs = PROGRAMS[version];
  const containerd = await requireProgram(programs.containerd);
  const ctr = await requireProgram(programs.ctr);
  const shim = await requireProgram(programs.shim);
  // The program is required here, because the daemon searches it itself, and its message is unclear if it is missing.
  await requireProgram('runc');

  const sandbox = await createSandbox(name, [FOLDER], root);
  const { directory } = sandbox;
  const socket = join(directory, 'socket');
  const own = join(directory, FOLDER);
  if (tree !== undefined) await cp(tree, own, { recursive: true });
  for (const path of folders) await mkdir(join(own, path), { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(own, path)), { recursive: true });
    await writeFile(join(own, path), text);
  }
  const inTree = tree === undefined ? undefined : await readFile(join(tree, 'config.toml'), 'utf8');
  const shown = configuration ?? inTree ?? (await documentedBlock(`containerd ${version}.x`));
  await writeFile(join(own, 'config.toml'), shown + programs.sandbox(directory));
  const places = [
    '--root',
    join(directory, 'root'),
    '--state',
    join(directory, 'state'),
    '--address',
    socket,
  ];
  const daemon = await sandbox.start(containerd, places);
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
  return {
    socket,
    hosts: join(directory, HOSTS_FOLDER),
    blobs: join(directory, 'root', 'io.containerd.content.v1.content', 'blobs'),
    shim,
    resolve: async (...host) => sandbox.resolve(...host),
    ctr: run,
    run: async (...program) => sandbox.run(...program),
    stop,
  };
}

/**
 * Returns settings that the sandbox needs, and that do not concern mirrors. They leave out everything that needs a file
 * system, a kernel module or rights that a machine for tests may lack.
 * https://github.com/containerd/containerd/blob/release/1.6/docs/cri/config.md
 */
function sandboxSettings1(directory: string): string {
  return `
[plugins."io.containerd.internal.v1.opt"]
  path = "${join(directory, 'opt')}"

[plugins."io.containerd.grpc.v1.cri"]
  disable_cgroup = true
  disable_apparmor = true
  restrict_oom_score_adj = true

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
`;
}

/** https://github.com/containerd/containerd/blob/release/2.4/docs/cri/config.md */
function sandboxSettings2(directory: string): string {
  return `
[plugins."io.containerd.internal.v1.opt"]
  path = "${join(directory, 'opt')}"

[plugins."io.containerd.cri.v1.images"]
  snapshotter = "native"

[plugins."io.containerd.cri.v1.runtime"]
  disable_cgroup = true
  disable_apparmor = true
  restrict_oom_score_adj = true

[[plugins."io.containerd.transfer.v1.local".unpack_config]]
  platform = "linux"
  snapshotter = "native"
`;
}
