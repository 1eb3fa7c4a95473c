/** The files of an OCI image layout, in a folder or in a tar: the same layout, wherever a tool has put it. */
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fs } from '../node/builtin.ts';
import { indexTar, type TarEntry } from './tar-index.ts';

export interface LayoutFiles {
  /** How a message calls a file: its path, or its name and the tar that it is in. */
  place(name: string): string;
  /** Bytes; undefined when there is no such file. @throws what the file system throws for anything else */
  size(name: string): Promise<number | undefined>;
  /** Undefined when there is no such file. @throws what the file system throws for anything else */
  read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** The bytes of a file that is there, from `offset` on. @throws what the file system throws, while it is read */
  stream(name: string, offset: number): AsyncIterable<Uint8Array>;
}

/**
 * @param path a folder, or a tar, which is read once for its list of files
 * @throws {TarInvalidError} for a file that is no tar, or a broken one; what the file system throws
 */
export async function openLayoutFiles(path: string): Promise<LayoutFiles> {
  // What is not there is taken for a folder, so that the message names the file which a layout begins with.
  const isFile = (await ifThere(stat(path)))?.isFile() === true;
  return isFile ? tarFiles(path, await indexTar(path)) : folderFiles(path);
}

function folderFiles(folder: string): LayoutFiles {
  const place = (name: string): string => join(folder, name);
  return {
    place,
    size: async (name) => (await ifThere(stat(place(name))))?.size,
    async read(name) {
      const bytes = await ifThere(readFile(place(name)));
      return bytes === undefined ? undefined : new Uint8Array(bytes);
    },
    stream: (name, offset) => streamFile(place(name), offset),
  };
}

function tarFiles(path: string, entries: ReadonlyMap<string, TarEntry>): LayoutFiles {
  return {
    place: (name) => `${name} in ${path}`,
    size: async (name) => entries.get(name)?.size,
    async read(name) {
      const entry = entries.get(name);
      if (entry === undefined) return undefined;
      await using file = await open(path);
      const { bytesRead, buffer } = await file.read(new Uint8Array(entry.size), 0, entry.size, entry.offset);
      return buffer.subarray(0, bytesRead);
    },
    async *stream(name, offset) {
      const entry = entries.get(name);
      if (entry === undefined || offset >= entry.size) return;
      yield* streamFile(path, entry.offset + offset, entry.offset + entry.size);
    },
  };
}

/** @param end the byte after the last one; the file's end where it is left out */
async function* streamFile(path: string, start: number, end = Infinity): AsyncGenerator<Uint8Array> {
  for await (const chunk of fs.createReadStream(path, { start, end: end - 1, highWaterMark: 256 * 1024 })) {
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
