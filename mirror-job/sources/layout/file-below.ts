/**
 * Opens the files of a folder that somebody else may have written. Only regular files inside of the folder are read: a
 * pipe never ends, a device has no end either, and a link can lead to any file of this machine. docs/decisions/0097
 */
import { constants, open, realpath, stat, type FileHandle } from 'node:fs/promises';
import { join, sep } from 'node:path';

/** The file is there and is not read; the message is the rest of a sentence that begins with the file's name. */
export class FileRefusedError extends Error {
  override readonly name = 'FileRefusedError';
}

/**
 * @param name with slashes, below the folder
 * @returns the file, which the caller closes, and its size in bytes
 * @throws {FileRefusedError} for what is no regular file, and for a link that leads out of the folder
 * @throws what the file system throws
 */
export async function openFileBelow(
  folder: string,
  name: string,
): Promise<{ readonly file: FileHandle; readonly size: number }> {
  const path = await realpath(join(folder, name));
  // The folder itself may be a link, because the configuration names it.
  if (!isBelow(await realpath(folder), path)) {
    throw new FileRefusedError(
      `is a link that leads out of the layout, to ${path}. Put the file itself into the layout.`,
    );
  }
  // Looked at before it is opened, because opening alone can wait for ever, or do something to a device.
  if (!(await stat(path)).isFile()) throw noFile();
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  // Somebody may put a link or a pipe there in between. Windows lacks the last two, which then count as 0.
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const found = await file.stat();
    if (!found.isFile()) throw noFile();
    return { file, size: found.size };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Both without links. */
export function isBelow(folder: string, path: string): boolean {
  return path.startsWith(join(folder, sep));
}

function noFile(): FileRefusedError {
  return new FileRefusedError('is not a regular file.');
}
