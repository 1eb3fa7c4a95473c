/**
 * Writes the files that commands produce. A file that cannot be written is refused early, and a file is whole at each
 * moment.
 */
import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { access, constants, copyFile, link, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { errorCode } from '../../runtime/node/error-code.ts';
import { UsageError } from '../../configuration/usage-error.ts';
import { followOwnLinks, ForeignFileError, isTrusted } from './own-links.ts';

/**
 * Refuses a file that cannot be written before the run begins, because a run may take hours.
 * @param option the option's name on the command line
 * @param cwd the folder against which a relative name is resolved
 * @throws {UsageError}
 */
export async function refuseUnwritable(option: string, file: string, cwd: string): Promise<void> {
  refuseUnnamed(option, file);
  const whole = resolve(cwd, file);
  try {
    const { path, isStream } = await locate(whole);
    // The slash makes sure that the parent is a directory, and not a file of that name.
    await access(isStream ? path : `${dirname(path)}/`, constants.W_OK);
  } catch (error) {
    throw new UsageError(`${option} ${file}: ${describeUnwritable(error)}`, { cause: error });
  }
  const found = await stat(whole).catch(() => undefined);
  if (found?.isDirectory() === true)
    throw new UsageError(`${option} ${file}: this is a directory. Name a file.`);
}

/** Refuses an empty name, which an unset variable gives, because it would name a directory. @throws {UsageError} */
export function refuseUnnamed(option: string, file: string): void {
  if (file === '') throw new UsageError(`${option} names no file.`);
}

/** Says that a file cannot be written, why, and what to do. */
export function describeUnwritable(error: unknown): string {
  const advice =
    error instanceof ForeignFileError
      ? 'Name a file in a directory where nobody else may write.'
      : 'Its directory has to exist, and this user has to be allowed to write in it.';
  return `it cannot be written (${whyUnwritable(error)}). ${advice}`;
}

/** The reason why a file could not be written, as a clause or a code. */
export function whyUnwritable(error: unknown): string {
  return error instanceof ForeignFileError ? error.message : errorCode(error);
}

/**
 * Writes the whole file or nothing, because a program that watches the file may read it at any moment. An existing file
 * keeps its permissions and its group.
 * @param mode the permissions that the file gets, also if it exists; left out for those that it has
 * @throws {ForeignFileError}, and errors of the file system
 */
export async function writeOutput(file: string, text: string, mode?: number): Promise<void> {
  const { path, isStream, access: present } = await locate(file);
  if (isStream) {
    await writeFile(path, text);
    return;
  }
  const previous = present === undefined || mode === undefined ? present : { ...present, mode };
  await writeBeside(path, text, previous, (draft) => rename(draft, path), mode);
}

/**
 * Does the same as `writeOutput`, but never replaces a file, even one that appears meanwhile. @throws EEXIST, and other
 * errors of the file system
 */
export async function writeNewOutput(file: string, text: string): Promise<void> {
  const whole = resolve(file);
  // The last part is not followed: a link there counts as an existing file.
  const path = join(await followOwnLinks(dirname(whole)), basename(whole));
  await writeBeside(path, text, undefined, async (draft) => {
    try {
      await link(draft, path);
    } catch (error) {
      // Some file systems have no links.
      if (!NO_LINKS.has(errorCode(error))) throw error;
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

/**
 * @param previous the permissions and the group of the file that is replaced; undefined for those of a new file
 * @param publish gives the finished file its name
 * @param mode of a new file, from which the umask takes permissions
 */
async function writeBeside(
  path: string,
  text: string,
  previous: Access | undefined,
  publish: (draft: string) => Promise<void>,
  mode = previous?.mode,
): Promise<void> {
  // Nobody can guess the name, so nobody can put a link there. Prometheus' collector looks at *.prom alone.
  const draft = `${path}.${randomBytes(8).toString('hex')}.tmp`;
  const file = await open(draft, 'wx', mode);
  try {
    try {
      // The group changes while the file is empty. A user who is not in that group may not give it the file.
      if (previous !== undefined) await file.chown(-1, previous.gid).catch(() => undefined);
      await file.writeFile(text);
      // The mode is set again, because the umask took permissions away from the mode of the call above.
      if (previous !== undefined) await file.chmod(previous.mode);
    } finally {
      await file.close();
    }
    await publish(draft);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/**
 * The names of open outputs. An output may be redirected into a file, and replacing that file would cut the output off.
 */
const OUTPUT = /^\/(?:dev\/(?:std(?:out|err)$|fd\/)|proc\/)/;

/** Whether a file is another name of standard output, or a link to it. Standard output then gets nothing else. */
export async function isStandardOutput(file: string): Promise<boolean> {
  // A path that cannot be followed is refused when it is written.
  const path = await followOwnLinks(file, isOutput).catch(() => file);
  return /^\/(?:dev\/stdout|(?:dev|proc\/self)\/fd\/1)$/.test(path);
}

/** Links are followed only up to an open output, because no name behind a pipe can be opened. */
function isOutput(path: string): boolean {
  return OUTPUT.test(path);
}

interface Access {
  /** The permission bits. */
  readonly mode: number;
  readonly gid: number;
}

interface Location {
  /** The path after all links are followed, so that the links themselves stay. */
  readonly path: string;
  /** Whether the path is a pipe, or another object that must not be replaced. */
  readonly isStream: boolean;
  /**
   * The access of an existing file; undefined for a new file. Also undefined for a file of another user, who would
   * otherwise choose it.
   */
  readonly access: Access | undefined;
}

/** @throws {ForeignFileError}, and errors of the file system */
async function locate(file: string): Promise<Location> {
  const path = await followOwnLinks(file, isOutput);
  if (isOutput(path)) return { path, isStream: true, access: undefined };
  let found: Stats;
  try {
    found = await stat(path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    return { path, isStream: false, access: undefined };
  }
  refuseForeignStream(path, found);
  const { gid, mode, uid } = found;
  return {
    path,
    isStream: !found.isFile(),
    access: isTrusted(uid) ? { mode: mode & 0o777, gid } : undefined,
  };
}

/**
 * Refuses a pipe or a socket of another user, because the owner could read the text, or make the job wait for ever.
 * Devices are not checked, because only root makes them.
 */
function refuseForeignStream(path: string, found: Stats): void {
  const kind = found.isFIFO() ? 'pipe' : 'socket';
  if ((found.isFIFO() || found.isSocket()) && !isTrusted(found.uid)) {
    throw new ForeignFileError(
      `${path} is a ${kind} of another user, uid ${found.uid}, and is not written to`,
    );
  }
}
