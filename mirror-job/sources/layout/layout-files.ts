/** The files of an OCI image layout, in a folder or in a tar: the same layout, wherever a tool has put it. */
import { open, opendir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createReadStream } from 'node:fs';
import { FileRefusedError, isBelow, openFileBelow } from './file-below.ts';
import { indexTar, type TarEntry } from './tar-index.ts';

export interface LayoutFiles {
  /** How a message calls a file: its path, or its name and the tar that it is in. */
  place(name: string): string;
  /**
   * Looks into a folder once, because asking for each of its files takes 0.3 ms.
   * @returns whether there may be a file of this name in the folder; where it says so, asking for the file tells
   */
  lookUp(folder: string): Promise<(name: string) => boolean>;
  /** Bytes; undefined when there is no such file. @throws as `read` */
  size(name: string): Promise<number | undefined>;
  /**
   * @param limit the most bytes that such a file has
   * @returns undefined when there is no such file
   * @throws {FileRefusedError} for one that is larger, or no regular file of the layout
   * @throws what the file system throws for anything else
   */
  read(name: string, limit: number): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** The bytes of a file that is there, from `offset` on. @throws as `read`, while it is read */
  stream(name: string, offset: number): AsyncIterable<Uint8Array>;
}

const CHUNK_BYTES = 256 * 1024;
/** Of a larger folder each file is asked for, because the names would take much memory. */
const MAX_NAMES = 250_000;

/**
 * @param path a folder, or a tar, which is read once for its list of files
 * @throws {TarInvalidError} for a file that is no tar, or a broken one; what the file system throws; the signal's reason
 */
export async function openLayoutFiles(path: string, signal?: AbortSignal): Promise<LayoutFiles> {
  // A missing path is taken for a folder, so that the message names the file which a layout begins with.
  const isFile = (await ifThere(stat(path)))?.isFile() === true;
  return isFile ? tarFiles(path, await indexTar(path, signal)) : folderFiles(path);
}

function folderFiles(folder: string): LayoutFiles {
  const openFile = (name: string) => ifThere(openFileBelow(folder, name));
  return {
    place: (name) => join(folder, name),
    lookUp: (name) => lookUpNames(folder, name),
    async size(name) {
      const opened = await openFile(name);
      await opened?.file.close();
      return opened?.size;
    },
    async read(name, limit) {
      const opened = await openFile(name);
      if (opened === undefined) return undefined;
      await using file = opened.file;
      refuseLarge(opened.size, limit);
      return readPart(file, opened.size, 0);
    },
    async *stream(name, offset) {
      const { file } = await openFileBelow(folder, name);
      // The stream closes the file.
      yield* chunksOf(file.createReadStream({ start: offset, highWaterMark: CHUNK_BYTES }));
    },
  };
}

function tarFiles(path: string, entries: ReadonlyMap<string, TarEntry>): LayoutFiles {
  return {
    place: (name) => `${name} in ${path}`,
    lookUp: async (folder) => (name) => entries.has(`${folder}/${name}`),
    size: async (name) => entries.get(name)?.size,
    async read(name, limit) {
      const entry = entries.get(name);
      if (entry === undefined) return undefined;
      refuseLarge(entry.size, limit);
      await using file = await open(path);
      return readPart(file, entry.size, entry.offset);
    },
    async *stream(name, offset) {
      const entry = entries.get(name);
      if (entry === undefined || offset >= entry.size) return;
      const [start, end] = [entry.offset + offset, entry.offset + entry.size - 1];
      yield* chunksOf(createReadStream(path, { start, end, highWaterMark: CHUNK_BYTES }));
    },
  };
}

async function lookUpNames(folder: string, name: string): Promise<(name: string) => boolean> {
  try {
    const path = await ifThere(realpath(join(folder, name)));
    if (path === undefined) return () => false;
    // Each of its files is refused by its name.
    if (!isBelow(await realpath(folder), path)) return () => true;
    const names = new Set<string>();
    for await (const entry of await opendir(path, { bufferSize: 1024 })) {
      if (names.size === MAX_NAMES) return () => true;
      names.add(entry.name);
    }
    return (one) => names.has(one);
  } catch {
    // A file can be read in a folder that cannot, and if not, its own error says why.
    return () => true;
  }
}

function refuseLarge(size: number, limit: number): void {
  if (size <= limit) return;
  throw new FileRefusedError(`has ${size} bytes, and ${limit} is the most that is read of such a file.`);
}

/** Fewer bytes than `size` if the file became shorter. */
async function readPart(
  file: Awaited<ReturnType<typeof open>>,
  size: number,
  position: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const { bytesRead, buffer } = await file.read(new Uint8Array(size), 0, size, position);
  return buffer.subarray(0, bytesRead);
}

async function* chunksOf(stream: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    if (chunk instanceof Uint8Array) yield chunk;
  }
}

async function ifThere<Value>(found: Promise<Value>): Promise<Value | undefined> {
  try {
    return await found;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
