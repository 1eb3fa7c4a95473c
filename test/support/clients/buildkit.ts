/** Runs BuildKit: a buildkitd of its own, whose worker starts containers with runc. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitFor } from '../process.ts';
import { requireProgram } from '../programs.ts';
import { PullFailedError } from './client.ts';
import { createSandbox } from './sandbox.ts';

export interface BuildKit {
  /**
   * Builds an image of the base image and one more file, and writes it into a file.
   * @returns the path of the file, a tar with an OCI layout
   * @throws {PullFailedError}
   */
  build(base: string): Promise<string>;
  stop(): Promise<void>;
}

/**
 * @param configuration the content of buildkitd.toml
 * @throws if a program is missing, or if the daemon does not answer
 */
export async function startBuildKit(configuration: string): Promise<BuildKit> {
  const buildkitd = await requireProgram('buildkitd');
  const buildctl = await requireProgram('buildctl');
  const runc = await requireProgram('runc');
  const sandbox = await createSandbox('buildkit');
  const { directory } = sandbox;
  const context = join(directory, 'context');
  const configurationFile = join(directory, 'buildkitd.toml');
  const address = `unix://${join(directory, 'socket')}`;
  await mkdir(context);
  await writeFile(configurationFile, configuration);
  const daemon = await sandbox.start(buildkitd, [
    `--config=${configurationFile}`,
    `--addr=${address}`,
    `--root=${join(directory, 'root')}`,
    '--containerd-worker=false',
    '--oci-worker=true',
    '--oci-worker-snapshotter=native',
    '--oci-worker-net=host',
    `--oci-worker-binary=${runc}`,
  ]);
  const run = async (...args: readonly string[]) => sandbox.run(buildctl, ['--addr', address, ...args]);
  const stop = async () => {
    await daemon.stop();
    await sandbox.remove();
  };
  try {
    const answers = async () => (await run('debug', 'workers')).code === 0;
    await waitFor('buildkitd', answers, { program: daemon });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    build: async (base) => {
      await writeFile(join(context, 'Dockerfile'), `FROM ${base}\nCOPY Dockerfile /\n`);
      const image = join(directory, 'image.tar');
      const local = ['--local', `context=${context}`, '--local', `dockerfile=${context}`];
      const output = ['--output', `type=oci,dest=${image}`];
      const frontend = ['--progress', 'plain', '--frontend', 'dockerfile.v0'];
      const { code, stdout, stderr } = await run('build', ...frontend, ...local, ...output);
      if (code !== 0) throw new PullFailedError('BuildKit', base, stdout + stderr);
      return image;
    },
    stop,
  };
}
