/**
 * Makes the job as `npm ci` leaves it in a clone, in a folder that nobody may write. If root runs the tests, the folder
 * belongs to root, as on a server. If another user runs them, the folder has no permission to write.
 */
import { chmod, cp, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from './process.ts';

const PROJECT = join(import.meta.dirname, '../..');
/** The id of Debian's user `nobody`, who has no rights at all. */
const NOBODY = 65_534;

/** Makes the tree, with its Node and its bundle. @throws if the bundle cannot be built */
export async function installTree(tree: string): Promise<void> {
  for (const part of ['package.json', 'package-lock.json', 'core', 'mirror-job', 'infra']) {
    await cp(join(PROJECT, part), join(tree, part), { recursive: true, preserveTimestamps: true });
  }
  await mkdir(join(tree, 'node_modules/.bin'), { recursive: true });
  await cp(process.execPath, join(tree, 'node_modules/node/bin/node'));
  await symlink('../node/bin/node', join(tree, 'node_modules/.bin/node'));
  const bundle = [join(PROJECT, 'infra/bundle.js'), join(tree, 'dist/job')];
  const { code, stderr } = await runProgram(process.execPath, bundle);
  if (code !== 0) throw new Error(`The bundle cannot be built:\n${stderr}`);
  await forbidWriting(tree);
}

/** Lets everybody read and enter the tree, and nobody but root write it. */
export async function forbidWriting(tree: string): Promise<void> {
  await changeModes(tree, 'a-w,a+rX');
}

/** Lets the owner write the tree again, so that it can be removed. */
export async function allowWriting(tree: string): Promise<void> {
  await changeModes(tree, 'u+w');
}

async function changeModes(tree: string, modes: string): Promise<void> {
  const { code, stderr } = await runProgram('chmod', ['-R', modes, tree]);
  if (code !== 0) throw new Error(stderr);
}

/**
 * Returns a command that gets only these variables. If root runs the tests, it runs as user 65534, otherwise as the
 * tests' own user. The wrapper becomes the command, so its process id is the command's.
 */
export function asNobody(
  command: readonly string[],
  variables: Readonly<Record<string, string>>,
): readonly [string, ...string[]] {
  const named = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const clean = ['env', '-i', ...named, ...command] as const;
  if (process.getuid?.() !== 0) return clean;
  return ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', ...clean];
}

/** Makes a folder that the user of `asNobody` may write. */
export async function makeOwnFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o777);
}

/** Returns the running processes that have this text in their command line, each as `<pid> <command line>`. */
export async function processesWith(text: string): Promise<readonly string[]> {
  const { stdout } = await runProgram('ps', ['-axww', '-o', 'pid=,args=']);
  return stdout.split('\n').filter((line) => line.includes(text));
}
