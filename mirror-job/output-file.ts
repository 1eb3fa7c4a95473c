/** A file that a command leaves beside its output: told early where it cannot be written, and whole at each moment. */
import { access, constants, copyFile, link, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { UsageError, codeOf } from './command.ts';
import { crypto } from './node/builtin.ts';
import { followOwnLinks, ForeignLinkError, isTrusted } from './own-links.ts';

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
    const advice =
      error instanceof ForeignLinkError
        ? ' Name a file in a directory where nobody else may write.'
        : ' Its directory has to exist, and this user has to be allowed to write in it.';
    throw new UsageError(`${option} ${file}: it cannot be written (${whyUnwritable(error)}).${advice}`, {
      cause: error,
    });
  }
  const found = await stat(file).catch(() => undefined);
  if (found?.isDirectory() === true)
    throw new UsageError(`${option} ${file}: this is a directory. Name a file.`);
}

/** Refuses an empty name, such as an unset variable gives: it would name a directory. @throws {UsageError} */
export function refuseUnnamed(option: string, file: string): void {
  if (file === '') throw new UsageError(`${option} names no file.`);
}

/** The reason why a file could not be written, as a clause or a code. */
export function whyUnwritable(error: unknown): string {
  return error instanceof ForeignLinkError ? error.message : codeOf(error);
}

/**
 * Writes at once or not at all, because whoever watches the file may read it at any moment. A file that was there keeps
 * its permissions.
 * @throws {ForeignLinkError}, and what the file system throws
 */
export async function writeOutput(file: string, text: string): Promise<void> {
  const { path, isStream, mode } = await locate(file);
  if (isStream) {
    await writeFile(path, text);
    return;
  }
  await writeBeside(path, text, mode, (draft) => rename(draft, path));
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

/**
 * @param mode the permissions of the file; undefined for those that a new file has
 * @param publish gives the whole file its name
 */
async function writeBeside(
  path: string,
  text: string,
  mode: number | undefined,
  publish: (draft: string) => Promise<void>,
): Promise<void> {
  // Nobody can guess the name, so nobody can put a link there. Prometheus' collector looks at *.prom alone.
  const draft = `${path}.${crypto.randomBytes(8).toString('hex')}.tmp`;
  const file = await open(draft, 'wx', mode);
  try {
    try {
      await file.writeFile(text);
      // What was asked for above, less what the umask took away.
      if (mode !== undefined) await file.chmod(mode);
    } finally {
      await file.close();
    }
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

interface Location {
  /** Where the links lead, so that they stay links. */
  readonly path: string;
  /** A pipe, or whatever else must not be replaced. */
  readonly isStream: boolean;
  /** The permissions of a file that is there. Undefined also where another user made it, to choose them. */
  readonly mode: number | undefined;
}

/** @throws {ForeignLinkError}, and what the file system throws */
async function locate(file: string): Promise<Location> {
  const path = resolve(file);
  if (OUTPUT.test(path)) return { path, isStream: true, mode: undefined };
  const target = await followOwnLinks(path);
  try {
    const found = await stat(target);
    return {
      path: target,
      isStream: !found.isFile(),
      mode: isTrusted(found.uid) ? found.mode & 0o777 : undefined,
    };
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return { path: target, isStream: false, mode: undefined };
  }
}
