/** Files that commands write. A file that cannot be written is refused early, and a written one is whole at each moment. */
import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { access, constants, copyFile, link, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { errorCode } from '../runtime/node/error-code.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { followOwnLinks, ForeignFileError, isTrusted } from './own-links.ts';

/**
 * Refuses a file that cannot be written, before the run, which may take hours.
 * @param option as it is called on the command line
 * @param cwd the folder in which a relative name starts
 * @throws {UsageError}
 */
export async function refuseUnwritable(option: string, file: string, cwd: string): Promise<void> {
  refuseUnnamed(option, file);
  const whole = resolve(cwd, file);
  try {
    const { path, isStream } = await locate(whole);
    // The slash: a directory, not a file that happens to be there.
    await access(isStream ? path : `${dirname(path)}/`, constants.W_OK);
  } catch (error) {
    const advice =
      error instanceof ForeignFileError
        ? ' Name a file in a directory where nobody else may write.'
        : ' Its directory has to exist, and this user has to be allowed to write in it.';
    throw new UsageError(`${option} ${file}: it cannot be written (${whyUnwritable(error)}).${advice}`, {
      cause: error,
    });
  }
  const found = await stat(whole).catch(() => undefined);
  if (found?.isDirectory() === true)
    throw new UsageError(`${option} ${file}: this is a directory. Name a file.`);
}

/** Refuses an empty name, such as an unset variable gives: it would name a directory. @throws {UsageError} */
export function refuseUnnamed(option: string, file: string): void {
  if (file === '') throw new UsageError(`${option} names no file.`);
}

/** The reason why a file could not be written, as a clause or a code. */
export function whyUnwritable(error: unknown): string {
  return error instanceof ForeignFileError ? error.message : errorCode(error);
}

/**
 * Writes the whole file or nothing, because a program that watches the file may read it at any moment. A file that was there keeps
 * its permissions and its group.
 * @throws {ForeignFileError}, and what the file system throws
 */
export async function writeOutput(file: string, text: string): Promise<void> {
  const { path, isStream, access: previous } = await locate(file);
  if (isStream) {
    await writeFile(path, text);
    return;
  }
  await writeBeside(path, text, previous, (draft) => rename(draft, path));
}

/** As `writeOutput`, but never replaces a file, even one that appears meanwhile. @throws EEXIST, and the like */
export async function writeNewOutput(file: string, text: string): Promise<void> {
  const whole = resolve(file);
  // The last part stays as it is: a link there is a file that is there.
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
 * @param previous who may do what with the file; undefined for what a new file has
 * @param publish gives the whole file its name
 */
async function writeBeside(
  path: string,
  text: string,
  previous: Access | undefined,
  publish: (draft: string) => Promise<void>,
): Promise<void> {
  // Nobody can guess the name, so nobody can put a link there. Prometheus' collector looks at *.prom alone.
  const draft = `${path}.${randomBytes(8).toString('hex')}.tmp`;
  const file = await open(draft, 'wx', previous?.mode);
  try {
    try {
      // The group changes while the file is empty. A user who is not in that group may not give it the file.
      if (previous !== undefined) await file.chown(-1, previous.gid).catch(() => undefined);
      await file.writeFile(text);
      // Again, because the umask took permissions away from the mode of the call above.
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

/** Names of open outputs. One may be redirected into a file, and to replace that file would cut the output off. */
const OUTPUT = /^\/(?:dev\/(?:std(?:out|err)$|fd\/)|proc\/)/;

/** Whether a file is another name of standard output, or a link to it. Standard output then gets nothing else. */
export async function isStandardOutput(file: string): Promise<boolean> {
  // A path that cannot be followed is refused when it is written.
  const path = await followOwnLinks(file, isOutput).catch(() => file);
  return /^\/(?:dev\/stdout|(?:dev|proc\/self)\/fd\/1)$/.test(path);
}

/** Links are followed no further than to an open output, because behind a pipe there is no name that can be opened. */
function isOutput(path: string): boolean {
  return OUTPUT.test(path);
}

interface Access {
  /** The permissions. */
  readonly mode: number;
  readonly gid: number;
}

interface Location {
  /** The path after all links, so that they stay links. */
  readonly path: string;
  /** Whether it is a pipe, or another thing that must not be replaced. */
  readonly isStream: boolean;
  /** The access of an existing file; undefined for a new file, and for a file of another user, who would choose it. */
  readonly access: Access | undefined;
}

/** @throws {ForeignFileError}, and what the file system throws */
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

/** The owner of a pipe or a socket could read the text, or let the job wait for ever. Only root makes devices. */
function refuseForeignStream(path: string, found: Stats): void {
  const kind = found.isFIFO() ? 'pipe' : 'socket';
  if ((found.isFIFO() || found.isSocket()) && !isTrusted(found.uid)) {
    throw new ForeignFileError(
      `${path} is a ${kind} of another user, uid ${found.uid}, and is not written to`,
    );
  }
}
