/** Runs Docker Engine. Each call starts a separate dockerd, which starts a containerd of its own. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitFor } from '../process.ts';
import { requireProgram } from '../programs.ts';
import { PullFailedError } from './client.ts';
import { expectSuccess } from './run.ts';
import { createSandbox } from './sandbox.ts';

export interface Docker {
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
  const sandbox = await createSandbox('docker');
  const { directory } = sandbox;
  const configurationFile = join(directory, 'daemon.json');
  const host = `unix://${join(directory, 'socket')}`;
  await writeFile(configurationFile, configuration);
  const settings = sandboxSettings(directory, host);
  const daemon = await sandbox.start(dockerd, [`--config-file=${configurationFile}`, ...settings]);
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
