/**
 * Does the same as infra/kubernetes/Dockerfile, without Docker: it makes the same copies and starts the same command.
 */
import { cp, mkdir, readFile, symlink, utimes } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { runProgram } from './process.ts';

const PROJECT = join(import.meta.dirname, '../..');
/** The WORKDIR of both stages. */
const WORKDIR = '/opt/lifeboat';
/**
 * A time after that of the build. Docker keeps the times of the files in a clone, and these may be later than the times
 * of a build that Docker has cached.
 */
const LATER = new Date(Date.now() + 3_600_000);

/**
 * Builds both stages in `folder`. It uses the project's own packages, because `npm ci` needs a network.
 * @returns the image's ENTRYPOINT, with the paths of `folder`
 * @throws if the build fails, or if the Node of the image does not make it
 */
export async function buildImageTree(folder: string): Promise<string[]> {
  const dockerfile = await readFile(join(PROJECT, 'infra/kubernetes/Dockerfile'), 'utf8');
  const [build = '', run = ''] = dockerfile.split(/^FROM /m).slice(1);
  const copy = async (stage: string, to: string) => {
    for (const [, names = '', target = ''] of stage.matchAll(/^COPY (.+) (\S+)$/gm)) {
      const [first, ...others] = names.split(' ');
      const isBuilt = first === '--from=build';
      for (const name of isBuilt ? others : names.split(' ')) {
        const from = isBuilt ? name.replace(WORKDIR, join(folder, 'build')) : join(PROJECT, name);
        const path = target.endsWith('/') ? join(target, basename(name)) : target;
        await cp(from, join(folder, to, path), { recursive: true });
        if (to === 'run' && !isBuilt) await utimes(join(folder, to, path), LATER, LATER);
      }
    }
  };
  await mkdir(join(folder, 'build'), { recursive: true });
  await copy(build, 'build');
  await symlink(join(PROJECT, 'node_modules'), join(folder, 'build/node_modules'));
  const [, script = ''] = /^RUN (node .+)$/m.exec(build) ?? [];
  if (script === '')
    throw new Error('The bundle is not built by the Node of the image: no line "RUN node …".');
  const built = await runProgram('sh', ['-c', script], { cwd: join(folder, 'build') });
  if (built.code !== 0 || built.stderr !== '') {
    throw new Error(`"${script}" ended with ${built.code}: ${built.stderr}`);
  }
  await copy(run, 'run');
  const [, entrypoint = '[]'] = /^ENTRYPOINT (\[.+\])$/m.exec(run) ?? [];
  const words: unknown = JSON.parse(entrypoint);
  if (!Array.isArray(words)) throw new Error(`This is no list of words: ${entrypoint}`);
  return words.map((word) => String(word).replace(WORKDIR, join(folder, 'run')));
}
