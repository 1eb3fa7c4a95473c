/** Writes an OCI image layout, under another name until it is complete. */
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';

export interface LayoutWriter {
  /** The most files that may be written in parallel. */
  readonly concurrency: number;
  /**
   * Writes a file of the layout. Each name may be written once.
   * @param size the bytes that the body has to have
   * @throws what the body and the file system throw; nothing more can be written then
   */
  write(name: string, size: number, body: AsyncIterable<Uint8Array>): Promise<void>;
  /** Gives the layout its name. @throws errors of the file system */
  finish(): Promise<void>;
  /** Removes everything that was written. */
  abandon(): Promise<void>;
}

/**
 * @returns a name beside the target, so that the layout can be renamed. It begins with a dot, so that nobody takes it
 * for the layout
 */
export function partialName(target: string): string {
  return join(dirname(target), `.${basename(target)}.${randomBytes(4).toString('hex')}.partial`);
}

/** @throws the file system's error if the folder cannot be made */
export async function writeFolder(target: string): Promise<LayoutWriter> {
  const partial = partialName(target);
  await mkdir(partial);
  return {
    concurrency: 4,
    async write(name, _size, body) {
      const path = join(partial, name);
      await mkdir(dirname(path), { recursive: true });
      await pipeline(body, createWriteStream(path, { flags: 'wx' }));
    },
    finish: () => rename(partial, target),
    // The removal tries again, because a file that is still being written may appear after the folder was read.
    abandon: () => rm(partial, { recursive: true, force: true, maxRetries: 3 }),
  };
}
