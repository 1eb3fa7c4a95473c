/** A place for one client: a directory for all its files, and a mount namespace for all its programs. */
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
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
  /** Empty at first. Its path is short enough for a socket's and like no other's. */
  readonly directory: string;
  /** Makes the name this machine's own, for the programs in here alone. */
  resolve(name: string): Promise<void>;
  /** @throws when it has not ended after `timeout` milliseconds */
  run(command: string, args: readonly string[], options?: RunOptions): Promise<Finished>;
  start(command: string, args: readonly string[]): Promise<Program>;
  /** Ends what is left running of what was started in here, and removes the directory. */
  remove(): Promise<void>;
}

export type RunOptions = Pick<ProgramOptions, 'env'> & { readonly timeout?: number };

// The home directory of whoever runs the tests may hold logins, and their environment a proxy.
const NO_PROXY = { http_proxy: '', https_proxy: '', HTTP_PROXY: '', HTTPS_PROXY: '' };

// A bind mount gives the programs their own host names, since nothing else makes every resolver know them.
// The namespace ends with its last program, and takes along the mounts that a client would have left.
const IN_NAMESPACE = ['--mount', 'sh', '-c', 'mount --bind "$0" /etc/hosts && exec "$@"'];

/** @throws when not run by root */
export async function createSandbox(name: string): Promise<Sandbox> {
  if (process.getuid?.() !== 0) throw new Error(`The tests with ${name} must be run by root.`);
  const directory = await mkdtemp(join(tmpdir(), `lifeboat-${name}-`));
  const hosts = join(directory, 'hosts');
  const names: string[] = [];
  const original = await readFile('/etc/hosts', 'utf8');
  await writeFile(hosts, original);

  const inside = (command: string, args: readonly string[]) => [...IN_NAMESPACE, hosts, command, ...args];
  const env = { ...NO_PROXY, HOME: directory };
  return {
    directory,
    resolve: async (host) => {
      if (names.includes(host)) return;
      names.push(host);
      await writeFile(hosts, `${original}\n${names.map((each) => `127.0.0.1 ${each}\n`).join('')}`);
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
 * podman and containerd leave helpers behind that tidy up after a container and then end by themselves. Their
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
    // It has ended meanwhile.
  }
}
