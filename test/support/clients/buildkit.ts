/** Runs BuildKit: a buildkitd of its own, whose worker starts containers with runc. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
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
  /** Builds a Dockerfile, and writes the image as `build` does. @throws if the build fails */
  buildFile(build: Build): Promise<string>;
  stop(): Promise<void>;
}

export interface Build {
  /** The folder whose files the Dockerfile copies. */
  readonly context: string;
  /** The Dockerfile's path in that folder. */
  readonly file: string;
  readonly arguments: Readonly<Record<string, string>>;
}

/** A build may install all packages of the project. */
const MAX_BUILD_MS = 900_000;

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
    '--oci-worker-snapshotter=auto',
    '--oci-worker-net=host',
    `--oci-worker-binary=${runc}`,
  ]);
  const run = async (...args: readonly string[]) =>
    sandbox.run(buildctl, ['--addr', address, ...args], { timeout: MAX_BUILD_MS });
  const buildInto = async (image: string, { context: from, file, arguments: given }: Build) => {
    const local = ['--local', `context=${from}`, '--local', `dockerfile=${join(from, dirname(file))}`];
    const values = Object.entries(given).map(([name, value]) => `--opt=build-arg:${name}=${value}`);
    const output = ['--output', `type=oci,dest=${image}`];
    const frontend = ['--progress', 'plain', '--frontend', 'dockerfile.v0', ...values];
    const { code, stdout, stderr } = await run('build', ...frontend, ...local, ...output);
    return { code, output: stdout + stderr };
  };
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
      const { code, output } = await buildInto(image, { context, file: 'Dockerfile', arguments: {} });
      if (code !== 0) throw new PullFailedError('BuildKit', base, output);
      return image;
    },
    buildFile: async (build) => {
      const image = join(directory, `${build.file.replaceAll('/', '-')}.tar`);
      const { code, output } = await buildInto(image, build);
      if (code !== 0) throw new Error(`BuildKit cannot build ${build.file}:\n${output}`);
      return image;
    },
    stop,
  };
}
