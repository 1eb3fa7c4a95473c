/** Runs Docker Engine. Each call starts a separate dockerd, which starts a containerd of its own. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitFor } from '../process.ts';
import { requireProgram } from '../programs.ts';
import { PullFailedError } from './client.ts';
import { expectSuccess } from './run.ts';
import { createSandbox, type Sandbox } from './sandbox.ts';

const FOLDER = '/etc/docker';

export interface Docker {
  /** The address of its socket, as DOCKER_HOST has it. */
  readonly host: string;
  /** The folder that contains /etc/docker as the daemon sees it. */
  readonly root: string;
  /** Runs another program of the node, which sees the daemon's /etc/docker. The caller checks its exit code. */
  run: Sandbox['run'];
  /** @returns the names of all images */
  images(): Promise<string>;
  /** @returns the digest of the image that the reference names. @throws {PullFailedError} */
  pull(reference: string): Promise<string>;
  stop(): Promise<void>;
}

/**
 * @param configuration the content of daemon.json
 * @throws if a program is missing, or if the daemon does not answer
 */
export async function startDocker(configuration: string): Promise<Docker> {
  const dockerd = await requireProgram('dockerd');
  const docker = await requireProgram('docker');
  // dockerd makes the folder at its first start. It has to be there to have another one mounted on it.
  await mkdir(FOLDER, { recursive: true });
  const sandbox = await createSandbox('docker', [FOLDER]);
  const { directory } = sandbox;
  const host = `unix://${join(directory, 'socket')}`;
  await writeFile(join(directory, FOLDER, 'daemon.json'), configuration);
  const daemon = await sandbox.start(dockerd, sandboxSettings(directory, host));
  const run = async (...args: readonly string[]) => sandbox.run(docker, ['--host', host, ...args]);
  const stop = async () => {
    await daemon.stop(20_000);
    await sandbox.remove();
  };
  try {
    await waitFor('dockerd', async () => (await run('version')).code === 0, { program: daemon });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    host,
    root: directory,
    run: async (...program) => sandbox.run(...program),
    images: async () => expectSuccess(run('images', '--digests')),
    pull: async (reference) => {
      const { code, stdout, stderr } = await run('pull', reference);
      if (code !== 0) throw new PullFailedError('docker', reference, stdout + stderr);
      const inspect = run('image', 'inspect', '--format', '{{index .RepoDigests 0}}', reference);
      return (await expectSuccess(inspect)).trim().replace(/^.*@/, '');
    },
    stop,
  };
}

/**
 * Returns settings that the sandbox needs, and that do not concern mirrors: separate folders, no networks, and a
 * storage driver that needs no file system of its own.
 */
function sandboxSettings(directory: string, host: string): string[] {
  return [
    `--host=${host}`,
    `--pidfile=${join(directory, 'pid')}`,
    `--data-root=${join(directory, 'root')}`,
    `--exec-root=${join(directory, 'exec')}`,
    '--storage-driver=vfs',
    '--iptables=false',
    '--ip6tables=false',
    '--bridge=none',
  ];
}
