/** Pulls with podman into a storage of its own, and runs containers with runc. */
import { readdir, rmdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Digest } from '../content.ts';
import { PullFailedError, type Client, type Pulled, type PullRequest } from './client.ts';
import { CONTAINERS_IMAGE_MODES, REGISTRIES_FOLDER, writeContainersImageFiles } from './containers-image.ts';
import { locate, requireMode } from './location.ts';
import { requireProgram } from '../programs.ts';
import { expectSuccess } from './run.ts';
import { createSandbox, type RunOptions, type Sandbox } from './sandbox.ts';
import { algorithmOfHex, hashFiles, readPulled, type NamedFile } from './stored.ts';

interface Podman {
  readonly sandbox: Sandbox;
  run(args: readonly string[], options?: RunOptions): ReturnType<Sandbox['run']>;
}

/**
 * Starts podman with one storage, so a later pull finds the content of an earlier one. podman tries a pull that fails
 * at the network four times.
 * @throws if a program is missing
 */
export async function startPodman(): Promise<Client> {
  const program = await requireProgram('podman');
  const runc = await requireProgram('runc');
  await requireProgram('conmon');
  const sandbox = await createSandbox('podman', [REGISTRIES_FOLDER]);
  const containersConf = join(sandbox.directory, 'containers.conf');
  await writeFile(containersConf, containersConfOf(sandbox.directory, runc));
  const storage = [
    '--storage-driver=vfs',
    `--root=${join(sandbox.directory, 'storage')}`,
    `--runroot=${join(sandbox.directory, 'run')}`,
  ];
  const podman: Podman = {
    sandbox,
    run: async (args, options) =>
      sandbox.run(program, [...storage, ...args], {
        ...options,
        env: { CONTAINERS_CONF: containersConf, ...options?.env },
      }),
  };
  return {
    name: 'podman',
    modes: CONTAINERS_IMAGE_MODES,
    pull: async (request) => pull(podman, request),
    run: async ({ reference }) =>
      expectSuccess(
        podman.run([
          'run',
          '--rm',
          '--pull=never',
          '--network=none',
          `--cgroup-parent=${cgroupOf(sandbox)}`,
          reference,
        ]),
      ),
    stop: async () => {
      await sandbox.remove();
      await removeCgroups(cgroupOf(sandbox));
    },
  };
}

/**
 * Returns the settings. podman would ask for a million open files, which not every root may have. crun refuses machines
 * that mount both versions of cgroups. runc does not, but it needs cgroups.
 * https://github.com/containers/common/blob/main/docs/containers.conf.5.md
 */
export function containersConfOf(directory: string, runc: string): string {
  return [
    '[containers]',
    'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]',
    '[engine]',
    'runtime = "runc"',
    'cgroup_manager = "cgroupfs"',
    'events_logger = "none"',
    `tmp_dir = "${join(directory, 'libpod')}"`,
    `image_copy_tmp_dir = "${directory}"`,
    '[engine.runtimes]',
    `runc = ["${runc}"]`,
    '',
  ].join('\n');
}

async function pull(podman: Podman, request: PullRequest): Promise<Pulled> {
  requireMode('podman', CONTAINERS_IMAGE_MODES, request.mode);
  if (request.platforms === 'all') throw new Error('podman pulls one platform.');
  const { directory } = podman.sandbox;
  const location = locate(request);
  if (request.mode === 'host') await podman.sandbox.resolve(location.host);
  const authFile = await writeContainersImageFiles(podman.sandbox, request, location);
  const options = request.timeout === undefined ? {} : { timeout: request.timeout };
  const { code, stdout, stderr } = await podman.run(
    ['pull', '--authfile', authFile, location.reference],
    options,
  );
  const output = stdout + stderr;
  if (code !== 0) throw new PullFailedError('podman', location.reference, output);

  const inspect = ['image', 'inspect', '--format', '{{.Id}} {{.Digest}}', location.reference];
  const [id = '', digest = ''] = (await expectSuccess(podman.run(inspect))).trim().split(' ');
  const stored = await hashFiles(await filesOf(join(directory, 'storage', 'vfs-images', id)));
  return readPulled({ reference: location.reference, digest, stored, output });
}

/**
 * Finds the files whose names are digests. podman stores an image's manifests and its configuration unchanged, and its
 * layers unpacked. The name of a file is its digest in base64. `manifest` is only a copy of one of them.
 */
async function filesOf(image: string): Promise<NamedFile[]> {
  const names = (await readdir(image)).filter((name) => name.startsWith('='));
  return names.flatMap((name): NamedFile[] => {
    const digest: Digest = Buffer.from(name.slice(1), 'base64')
      .toString('utf8')
      .replace(/^manifest-/, '');
    const hex = /^sha(?:256|512):(.*)$/.exec(digest)?.[1];
    return hex === undefined ? [] : [{ path: join(image, name), algorithm: algorithmOfHex(hex) }];
  });
}

function cgroupOf({ directory }: Sandbox): string {
  return `/${basename(directory)}`;
}

/**
 * Removes the cgroups that podman leaves for its containers' monitors. If there are several hierarchies, each has one.
 */
async function removeCgroups(cgroup: string): Promise<void> {
  const root = '/sys/fs/cgroup';
  const hierarchies = ['', ...(await foldersOf(root))];
  for (const hierarchy of hierarchies) await removeCgroup(join(root, hierarchy, cgroup));
}

async function removeCgroup(path: string): Promise<void> {
  for (const child of await foldersOf(path)) await removeCgroup(join(path, child));
  // Errors are ignored, because many hierarchies lack the cgroup, and one with a process in it cannot be removed.
  await rmdir(path).catch(() => {});
}

async function foldersOf(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}
