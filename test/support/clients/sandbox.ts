/** Makes a sandbox for one client: a directory for all its files, and a mount namespace for all its programs. */
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  pause,
  runProgram,
  startProgram,
  type Finished,
  type Program,
  type ProgramOptions,
} from '../process.ts';

export interface Sandbox {
  /**
   * A new folder whose path is short enough for a socket. It contains each of the `folders`, at the folder's own path.
   */
  readonly directory: string;
  /** Makes the host name lead to this machine, or another address, for the programs in the sandbox alone. */
  resolve(name: string, address?: string): Promise<void>;
  /** @throws if the program has not ended after `timeout` milliseconds */
  run(command: string, args: readonly string[], options?: RunOptions): Promise<Finished>;
  start(command: string, args: readonly string[]): Promise<Program>;
  /** Stops all processes of the sandbox, and removes its directory. */
  remove(): Promise<void>;
}

export type RunOptions = Pick<ProgramOptions, 'env'> & { readonly timeout?: number };

// The variables are emptied, because the environment of the tests' user may have a proxy. HOME is another folder,
// because the user's own may have logins.
const NO_PROXY = { http_proxy: '', https_proxy: '', HTTP_PROXY: '', HTTPS_PROXY: '' };

// Bind mounts give the programs their own host names, because nothing else makes every resolver know them. They also
// give the programs their own configuration, in the documented folders. The namespace ends with its last program, and
// all mounts that a client would have left end with it.
const MOUNT_AND_RUN =
  'while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit; shift 2; done; shift; exec "$@"';

const LOOPBACK = '127.0.0.1';

/** Programs in Go trust the certificates in this folder. */
const CERTIFICATES_FOLDER = '/etc/ssl/certs';

/**
 * Registries that the documentation names. Their names lead to this machine, where no program listens on their port. So
 * they are down for every client, with and without a network.
 */
const DEAD_REGISTRIES = ['registry-1.docker.io', 'quay.io', 'gcr.io'];

/**
 * @param replaced folders of this machine, such as /etc/containerd, in whose place the programs see folders of the sandbox
 * @param root the only root certificate, in PEM, that the programs trust; by default they trust those of this machine
 * @throws if the user is not root
 */
export async function createSandbox(
  name: string,
  replaced: readonly string[] = [],
  root?: string,
): Promise<Sandbox> {
  if (process.getuid?.() !== 0) throw new Error(`The tests with ${name} must be run by root.`);
  const directory = await mkdtemp(join(tmpdir(), `lifeboat-${name}-`));
  const hosts = join(directory, 'hosts');
  const addresses = new Map(DEAD_REGISTRIES.map((host) => [host, LOOPBACK]));
  const original = await readFile('/etc/hosts', 'utf8');
  const writeHosts = async () =>
    writeFile(
      hosts,
      `${original}\n${[...addresses].map(([host, address]) => `${address} ${host}\n`).join('')}`,
    );
  await writeHosts();
  const folders = root === undefined ? replaced : [...replaced, CERTIFICATES_FOLDER];
  for (const folder of folders) await mkdir(join(directory, folder), { recursive: true });
  if (root !== undefined) await writeFile(join(directory, CERTIFICATES_FOLDER, 'ca-certificates.crt'), root);

  const mounts = [hosts, '/etc/hosts', ...folders.flatMap((folder) => [join(directory, folder), folder])];
  const inNamespace = ['--mount', 'sh', '-c', MOUNT_AND_RUN, 'sh', ...mounts, '--'];
  const inside = (command: string, args: readonly string[]) => [...inNamespace, command, ...args];
  const env = { ...NO_PROXY, HOME: directory };
  return {
    directory,
    resolve: async (host, address = LOOPBACK) => {
      if (addresses.get(host) === address) return;
      addresses.set(host, address);
      await writeHosts();
    },
    run: async (command, args, options = {}) =>
      runProgram('unshare', inside(command, args), { ...options, env: { ...env, ...options.env } }),
    start: async (command, args) => startProgram('unshare', inside(command, args), { env }),
    remove: async () => {
      await endAll(directory);
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/**
 * Ends the helpers of podman and containerd, which clean up after a container and normally end by themselves. Their
 * command lines name the directory.
 */
async function endAll(directory: string): Promise<void> {
  for (let round = 0; round < 100; round += 1) {
    const pids = await pidsNaming(directory);
    if (pids.length === 0) return;
    if (round >= 40) for (const pid of pids) kill(pid);
    await pause(50);
  }
  throw new Error(`Programs that use ${directory} cannot be ended.`);
}

async function pidsNaming(directory: string): Promise<number[]> {
  const pids: number[] = [];
  for (const entry of await readdir('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (commandLine.includes(directory)) pids.push(pid);
  }
  return pids;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // The process has ended meanwhile.
  }
}
