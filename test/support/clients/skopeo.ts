/** Pulls with skopeo, which copies an image, or a whole index, into a directory, byte by byte. */
import { mkdir, mkdtemp, readFile, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '../content.ts';
import { requireProgram } from '../programs.ts';
import { PullFailedError, type Client, type Pulled, type PullRequest } from './client.ts';
import { CONTAINERS_IMAGE_MODES, REGISTRIES_FOLDER, writeContainersImageFiles } from './containers-image.ts';
import { locate, requireMode } from './location.ts';
import { commandOf, expectSuccess } from './run.ts';
import { createSandbox, type Sandbox } from './sandbox.ts';
import { algorithmOfHex, hashFiles, readPulled, type NamedFile } from './stored.ts';

/**
 * Each pull copies into a directory of its own. A pull of the platform `own` requests the reference's manifest again
 * after the copy, to find the index's digest.
 * @throws if the program is missing
 */
export async function startSkopeo(): Promise<Client> {
  const skopeo = await requireProgram('skopeo');
  const sandbox = await createSandbox('skopeo', [REGISTRIES_FOLDER]);
  const state = { pulls: 0 };
  return {
    name: 'skopeo',
    modes: CONTAINERS_IMAGE_MODES,
    pull: async (request) => {
      state.pulls += 1;
      const directory = join(sandbox.directory, `pull-${state.pulls}`);
      await mkdir(directory);
      return pull(skopeo, sandbox, directory, request);
    },
    run: async (pulled) => run(sandbox, pulled),
    stop: async () => sandbox.remove(),
  };
}

async function pull(
  skopeo: string,
  sandbox: Sandbox,
  directory: string,
  request: PullRequest,
): Promise<Pulled> {
  requireMode('skopeo', CONTAINERS_IMAGE_MODES, request.mode);
  const location = locate(request);
  if (request.mode === 'host') await sandbox.resolve(location.host);
  const authFile = await writeContainersImageFiles(sandbox, request, location);
  const source = `docker://${location.reference}`;
  const common = ['--tmpdir', directory, '--insecure-policy'];
  const ask = async (...args: readonly string[]) => {
    const options = request.timeout === undefined ? {} : { timeout: request.timeout };
    const { code, stdout, stderr } = await sandbox.run(skopeo, [...common, ...args], options);
    if (code !== 0) throw new PullFailedError('skopeo', location.reference, stdout + stderr);
    return { stdout, output: stdout + stderr };
  };

  const image = join(directory, 'image');
  const all = request.platforms === 'all';
  const copy = ['copy', '--authfile', authFile, '--preserve-digests', ...(all ? ['--all'] : [])];
  const { output } = await ask(...copy, source, `dir:${image}`);
  const named = join(image, NAMED);
  // The copy of one image does not name its index, so the index is requested.
  if (!all) await writeFile(named, (await ask('inspect', '--raw', '--authfile', authFile, source)).stdout);
  else await rename(join(image, 'manifest.json'), named);

  const algorithm = request.reference.includes('@sha512:') ? 'sha512' : 'sha256';
  const digest = digestOf(await readFile(named), algorithm);
  const files = (await filesOf(image)).filter((file) => file.path !== named);
  const stored = await hashFiles([...files, { path: named, algorithm }]);
  return readPulled({ reference: location.reference, digest, stored, output });
}

/** The name of the file for the manifest that the reference names, among the files of a copy. */
const NAMED = 'named.manifest.json';

/** Lists the files of a copy. https://github.com/containers/image/blob/main/docs/containers-transports.5.md#dirpath */
async function filesOf(image: string): Promise<NamedFile[]> {
  const names = await readdir(image);
  return names
    .filter((name) => name !== 'version')
    .map((name) => ({ path: join(image, name), algorithm: algorithmOfHex(name.split('.')[0] ?? '') }));
}

/** Unpacks the layers in order, as the root of the entrypoint's file system, and runs the entrypoint. */
async function run(sandbox: Sandbox, pulled: Pulled): Promise<string> {
  const root = await mkdtemp(join(sandbox.directory, 'root-'));
  for (const layer of pulled.layers) {
    const file = pulled.stored.get(layer);
    if (file === undefined) throw new Error(`skopeo did not keep the layer ${layer}.`);
    await expectSuccess(sandbox.run('tar', ['--extract', '--file', file.path, '--directory', root]));
  }
  return expectSuccess(sandbox.run('chroot', [root, ...commandOf(pulled)]));
}
