/** A file that a command leaves beside its output: told early where it cannot be written, and whole at each moment. */
import { access, constants, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { UsageError, codeOf } from './command.ts';

/**
 * A run may take hours: that its report has nowhere to go is said before.
 * @param option as it is called on the command line
 * @throws {UsageError}
 */
export async function refuseUnwritable(option: string, file: string): Promise<void> {
  if (file === '') throw new UsageError(`${option} names no file.`);
  const { path, isStream } = await locate(file);
  try {
    // The slash: a directory, not a file that happens to be there.
    await access(isStream ? path : `${dirname(path)}/`, constants.W_OK);
  } catch (error) {
    throw new UsageError(
      `${option} ${file}: it cannot be written (${codeOf(error)}). Its directory has to exist, and this user to write there.`,
      { cause: error },
    );
  }
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true)
    throw new UsageError(`${option} ${file}: this is a directory. Name a file.`);
}

/** At once or not at all: whoever watches the file may read it at any moment. @throws what the file system throws */
export async function writeOutput(file: string, text: string): Promise<void> {
  const { path, isStream } = await locate(file);
  if (isStream) {
    await writeFile(path, text);
    return;
  }
  // Prometheus' collector looks at *.prom alone.
  const draft = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(draft, text);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** @returns where a link leads, so that it stays one; a stream is a pipe, or whatever else must not be replaced */
async function locate(file: string): Promise<{ readonly path: string; readonly isStream: boolean }> {
  const path = resolve(file);
  const found = await stat(path).catch(() => undefined);
  // /dev/stdout is a file where it is redirected into one, and what stands in its place would be its end.
  if (/^\/(?:dev|proc)\//.test(path) || (found !== undefined && !found.isFile()))
    return { path, isStream: true };
  return { path: found === undefined ? path : await realpath(path), isStream: false };
}
