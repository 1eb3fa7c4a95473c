/** A file that a command leaves beside its output: told early where it cannot be written, and whole at each moment. */
import {
  access,
  constants,
  copyFile,
  link,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { UsageError, codeOf } from './command.ts';

/**
 * A run may take hours: that its report has nowhere to go is said before.
 * @param option as it is called on the command line
 * @throws {UsageError}
 */
export async function refuseUnwritable(option: string, file: string): Promise<void> {
  refuseUnnamed(option, file);
  try {
    const { path, isStream } = await locate(file);
    // The slash: a directory, not a file that happens to be there.
    await access(isStream ? path : `${dirname(path)}/`, constants.W_OK);
  } catch (error) {
    throw new UsageError(
      `${option} ${file}: it cannot be written (${codeOf(error)}). Its directory has to exist, and this user has to be allowed to write in it.`,
      { cause: error },
    );
  }
  const found = await stat(file).catch(() => undefined);
  if (found?.isDirectory() === true)
    throw new UsageError(`${option} ${file}: this is a directory. Name a file.`);
}

/** Refuses an empty name, such as an unset variable gives: it would name a directory. @throws {UsageError} */
export function refuseUnnamed(option: string, file: string): void {
  if (file === '') throw new UsageError(`${option} names no file.`);
}

/** At once or not at all: whoever watches the file may read it at any moment. @throws what the file system throws */
export async function writeOutput(file: string, text: string): Promise<void> {
  const { path, isStream } = await locate(file);
  if (isStream) {
    await writeFile(path, text);
    return;
  }
  await writeBeside(path, text, (draft) => rename(draft, path));
}

/** As `writeOutput`, but never replaces a file, even one that appears meanwhile. @throws EEXIST, and the like */
export async function writeNewOutput(file: string, text: string): Promise<void> {
  const path = resolve(file);
  await writeBeside(path, text, async (draft) => {
    try {
      await link(draft, path);
    } catch (error) {
      // Some file systems have no links.
      if (!NO_LINKS.has(codeOf(error))) throw error;
      await copyFile(draft, path, constants.COPYFILE_EXCL);
    }
    await rm(draft);
  });
}

const NO_LINKS: ReadonlySet<string> = new Set([
  'EPERM',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EMLINK',
  'EXDEV',
]);

/** @param publish gives the whole file its name */
async function writeBeside(
  path: string,
  text: string,
  publish: (draft: string) => Promise<void>,
): Promise<void> {
  // Prometheus' collector looks at *.prom alone.
  const draft = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(draft, text);
    await publish(draft);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** What standard output is redirected into: a file maybe, and what stands in its place would be its end. */
const OUTPUT = /^\/(?:dev\/(?:std(?:out|err)$|fd\/)|proc\/)/;

/** Whether a file is another name of standard output, which then gets nothing else. */
export function isStandardOutput(file: string): boolean {
  return /^\/(?:dev\/stdout|(?:dev|proc\/self)\/fd\/1)$/.test(resolve(file));
}

/**
 * @returns where a link leads, so that it stays one; a stream is a pipe, or whatever else must not be replaced
 * @throws what the file system throws
 */
async function locate(file: string): Promise<{ readonly path: string; readonly isStream: boolean }> {
  const path = resolve(file);
  if (OUTPUT.test(path)) return { path, isStream: true };
  try {
    const isStream = !(await stat(path)).isFile();
    return { path: isStream ? path : await realpath(path), isStream };
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    // A link may lead to what is not there yet.
    const target = await readlink(path).catch(() => undefined);
    return target === undefined
      ? { path, isStream: false }
      : locate(resolve(await realpath(dirname(path)), target));
  }
}
