/** Builds the images of infra/images/ with BuildKit, from the files of the clone and base images of this machine. */
import { cp, mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startBuildKit } from '../clients/buildkit.ts';
import { expectSuccess } from '../clients/run.ts';
import { runProgram } from '../process.ts';
import { startDockerRegistry } from '../upstream.ts';
import { pushBaseImage, type BaseImage } from './base-image.ts';

const PROJECT = join(import.meta.dirname, '../../..');

export interface BuiltImages {
  /** The path of each image, a tar with an OCI layout. */
  readonly job: string;
  readonly edge: string;
  stop(): Promise<void>;
}

/** @throws if a program is missing, or if a Dockerfile cannot be built. The message has BuildKit's output */
export async function buildImages(): Promise<BuiltImages> {
  const registry = await startDockerRegistry();
  const context = await mkdtemp(join(tmpdir(), 'lifeboat-context-'));
  const { host } = registry;
  const buildkit = await startBuildKit(
    `[registry."docker.io"]\nmirrors = ["${host}"]\n[registry."gcr.io"]\nmirrors = ["${host}"]\n[registry."${host}"]\nhttp = true\n`,
  );
  const stop = async () => {
    await buildkit.stop();
    await registry.stop();
    await rm(context, { recursive: true, force: true });
  };
  try {
    await copyClone(context);
    const NODE_DIGEST = await pushBaseImage(host, await nodeSlim());
    const build = async (name: string, base: BaseImage) =>
      buildkit.buildFile({
        context,
        file: `infra/images/${name}/Dockerfile`,
        arguments: { NODE_DIGEST, BASE_DIGEST: await pushBaseImage(host, base) },
      });
    return {
      job: await build('job', {
        name: 'distroless/nodejs24-debian12:latest',
        programs: { '/nodejs/bin/node': process.execPath },
      }),
      edge: await build('edge', {
        name: 'distroless/cc-debian12:latest',
        // The image has this program's libraries, and the program itself is that of the image's own layer.
        programs: { '/usr/local/bin/workerd': workerd() },
      }),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Copies what a clean clone has, with the changes that are not committed yet. */
async function copyClone(context: string): Promise<void> {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const files = await expectSuccess(runProgram('git', args, { cwd: PROJECT }));
  for (const file of new Set(files.split('\0').filter((name) => name !== ''))) {
    await mkdir(dirname(join(context, file)), { recursive: true });
    // A file that is deleted and not committed is still listed.
    await cp(join(PROJECT, file), join(context, file)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
}

/** Node with npm, and the programs of the shell that the builds use. */
async function nodeSlim(): Promise<BaseImage> {
  return {
    name: 'library/node:24-slim',
    programs: {
      '/usr/local/bin/node': process.execPath,
      '/bin/sh': await pathOf('sh'),
      '/bin/sed': await pathOf('sed'),
      '/usr/bin/env': await pathOf('env'),
    },
    folders: { '/usr/local/lib/node_modules/npm': dirname(dirname(await pathOf('npm'))) },
    links: { '/usr/local/bin/npm': '../lib/node_modules/npm/bin/npm-cli.js' },
  };
}

async function pathOf(program: string): Promise<string> {
  return realpath((await expectSuccess(runProgram('sh', ['-c', `command -v ${program}`]))).trim());
}

function workerd(): string {
  const processor = process.arch === 'x64' ? '64' : process.arch;
  return join(PROJECT, `node_modules/@cloudflare/workerd-linux-${processor}/bin/workerd`);
}
