/** A node whose /etc/containers and /usr/share/containers hold given files, with skopeo and podman. */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Finished } from '../process.ts';
import { requireProgram } from '../programs.ts';
import { containersConfOf } from './podman.ts';
import { createSandbox, type Sandbox } from './sandbox.ts';

const FOLDER = '/etc/containers';
const SHARED_FOLDER = '/usr/share/containers';

export interface ContainersNode {
  /** The folder that contains the node's folders at their own paths. */
  readonly root: string;
  /** Asks for a manifest with skopeo, once for each place that has it. The caller checks its exit code. */
  inspect(image: string): Promise<Finished>;
  /** Runs podman. The caller checks its exit code. */
  podman(...args: readonly string[]): Promise<Finished>;
  /** Runs another program of the node. The caller checks its exit code. */
  run: Sandbox['run'];
  /** Starts another program of the node, which runs on. */
  start: Sandbox['start'];
  /** Makes the host name lead to this machine, or another address, for the node alone. */
  resolve: Sandbox['resolve'];
  stop(): Promise<void>;
}

interface NodeContent {
  /** Files by their paths on the node. */
  readonly files?: Readonly<Record<string, string>>;
  /** A folder that contains an `etc/containers`, as `lifeboat clients --out` writes it. */
  readonly tree?: string;
  /** The only root certificate that it trusts, in PEM. */
  readonly root?: string;
}

/** @throws if a program is missing */
export async function startContainersNode({ files = {}, tree, root }: NodeContent): Promise<ContainersNode> {
  const skopeo = await requireProgram('skopeo');
  const podman = await requireProgram('podman');
  const runc = await requireProgram('runc');
  // Only newer clients read it, so a machine may lack it.
  await mkdir(SHARED_FOLDER, { recursive: true });
  const sandbox = await createSandbox('containers', [FOLDER, SHARED_FOLDER], root);
  const { directory } = sandbox;
  if (tree !== undefined) await cp(join(tree, FOLDER), join(directory, FOLDER), { recursive: true });
  for (const [path, text] of Object.entries({ ...settings(directory, runc), ...files })) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
  return {
    root: directory,
    inspect: async (image) => sandbox.run(skopeo, ['inspect', '--raw', `docker://${image}`]),
    podman: async (...args) => sandbox.run(podman, args),
    run: async (...program) => sandbox.run(...program),
    start: async (...program) => sandbox.start(...program),
    resolve: async (...host) => sandbox.resolve(...host),
    stop: async () => sandbox.remove(),
  };
}

/** The files that podman needs, and that do not concern mirrors. */
function settings(directory: string, runc: string): Readonly<Record<string, string>> {
  return {
    [`${FOLDER}/policy.json`]: '{"default": [{"type": "insecureAcceptAnything"}]}',
    [`${FOLDER}/containers.conf`]: containersConfOf(directory, runc),
    [`${FOLDER}/storage.conf`]: `[storage]\ndriver = "vfs"\ngraphroot = "${directory}/storage"\nrunroot = "${directory}/run"\n`,
  };
}
