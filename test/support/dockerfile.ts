/**
 * Does the same as infra/images/job/Dockerfile, without Docker: it makes the same copies and starts the same command.
 * images.clients.test.ts builds it with BuildKit.
 */
import { cp, mkdir, readFile, stat, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { runProgram } from './process.ts';

const PROJECT = join(import.meta.dirname, '../..');
/** The Node of the base image. */
const NODE = '/nodejs/bin/node';

/**
 * Builds both stages in `folder`. It uses the project's own packages, because `npm ci` needs a network.
 * @returns the image's ENTRYPOINT, with the paths of `folder`
 * @throws if the build fails, or if the Node of the image does not make it
 */
export async function buildImageTree(folder: string): Promise<string[]> {
  const dockerfile = await readFile(join(PROJECT, 'infra/images/job/Dockerfile'), 'utf8');
  const [build = '', run = ''] = dockerfile.split(/^FROM /m).slice(1);
  await copyAll(build, PROJECT, join(folder, 'build'));
  await symlink(join(PROJECT, 'node_modules'), join(folder, 'build/node_modules'));
  const [, script = ''] = /^RUN (node .+)$/m.exec(build) ?? [];
  if (script === '')
    throw new Error('The bundle is not built by the Node of the image: no line "RUN node …".');
  const built = await runProgram('sh', ['-c', script], { cwd: join(folder, 'build') });
  if (built.code !== 0 || built.stderr !== '') {
    throw new Error(`"${script}" ended with ${built.code}: ${built.stderr}`);
  }
  await copyAll(run.replaceAll(`${workdirOf(build)}/`, ''), join(folder, 'build'), join(folder, 'run'));
  await cp(process.execPath, join(folder, NODE));
  const [, entrypoint = '[]'] = /^ENTRYPOINT (\[.+\])$/m.exec(run) ?? [];
  const words: unknown = JSON.parse(entrypoint);
  if (!Array.isArray(words)) throw new Error(`This is no list of words: ${entrypoint}`);
  const places = new Map([
    [NODE, join(folder, NODE)],
    [workdirOf(run), join(folder, 'run')],
  ]);
  return words.map((word) => {
    const [path, place] = [...places].find(([start]) => String(word).startsWith(start)) ?? ['', ''];
    return String(word).replace(path, place);
  });
}

function workdirOf(stage: string): string {
  const [, workdir = ''] = /^WORKDIR (\S+)$/m.exec(stage) ?? [];
  return workdir;
}

/** Makes the copies of a stage as Docker does: of a folder, it copies what is in it. */
async function copyAll(stage: string, from: string, to: string): Promise<void> {
  for (const [, names = '', target = ''] of stage.matchAll(/^COPY (?:--from=build )?(.+) (\S+)$/gm)) {
    for (const name of names.split(' ')) {
      const isFolder = (await stat(join(from, name))).isDirectory();
      const path = isFolder || !target.endsWith('/') ? target : join(target, basename(name));
      await mkdir(to, { recursive: true });
      await cp(join(from, name), join(to, path), { recursive: true });
    }
  }
}
