/**
 * Lists the files of a tar with their offsets and sizes, so that they can be read where they stand instead of being
 * unpacked. Understands ustar, and the additions of pax and GNU tar for long names and large files.
 * https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06
 */
import { open, type FileHandle } from 'node:fs/promises';

export interface TarEntry {
  /** Bytes from the beginning of the tar. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

/** Not a tar, or one that is damaged; the message is the rest of a sentence that begins with the tar's name. */
export class TarInvalidError extends Error {
  override readonly name = 'TarInvalidError';
}

const BLOCK_BYTES = 512;
/** Names and sizes are short; what claims to be more is not a tar that anybody wrote. */
const MAX_EXTENSION_BYTES = 1024 * 1024;

/** The usual compressions, and the program that unpacks each. */
const COMPRESSED: readonly (readonly [magic: readonly number[], tool: string, unpack: string])[] = [
  [[0x1f, 0x8b], 'gzip', 'gunzip'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'zstd', 'unzstd'],
  [[0xfd, 0x37, 0x7a, 0x58], 'xz', 'unxz'],
  [[0x42, 0x5a, 0x68], 'bzip2', 'bunzip2'],
];

/**
 * Reads the headers alone. Of two files with one name the later one counts, as for whoever unpacks it.
 * @returns the regular files by their names, without a leading `./`
 * @throws {TarInvalidError}, what the file system throws, and the signal's reason
 */
export async function indexTar(path: string, signal?: AbortSignal): Promise<ReadonlyMap<string, TarEntry>> {
  await using file = await open(path);
  const { size: length } = await file.stat();
  const entries = new Map<string, TarEntry>();
  let overrides: Extension = {};
  let last = '';
  for (let offset = 0; ;) {
    signal?.throwIfAborted();
    const block = await read(file, offset, BLOCK_BYTES);
    if (offset === 0) refuseCompressed(block);
    if (block.length < BLOCK_BYTES) throw cut(last);
    if (block.every((byte) => byte === 0)) return entries;
    const header = parseHeader(block, offset);
    offset += BLOCK_BYTES;
    const size = overrides.size ?? header.size;
    const end = offset + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
    if (offset + size > length) throw cut(overrides.path ?? header.name);
    if (header.type === 'x' || header.type === 'L') {
      if (size > MAX_EXTENSION_BYTES)
        throw new TarInvalidError(`has a header of ${size} bytes for one name.`);
      const bytes = await read(file, offset, size);
      const extension = header.type === 'x' ? parsePax(bytes) : { path: text(bytes, 0, size) };
      overrides = { path: extension.path ?? overrides.path, size: extension.size ?? overrides.size };
    } else {
      last = overrides.path ?? header.name;
      // "0" and, from before 1988, nothing: a regular file. Folders, links and devices hold nothing to read.
      if (header.type === '0' || header.type === '') {
        entries.set(last.replace(/^(?:\.?\/)+/, ''), { offset, size });
      }
      overrides = {};
    }
    offset = end;
  }
}

/** The path and the size that a header of its own gives to the entry after it. */
interface Extension {
  readonly path?: string | undefined;
  readonly size?: number | undefined;
}

function refuseCompressed(block: Uint8Array): void {
  const found = COMPRESSED.find(([magic]) => magic.every((byte, index) => block[index] === byte));
  if (found === undefined) return;
  const [, tool, unpack] = found;
  throw new TarInvalidError(
    `is compressed with ${tool}, and only a plain tar can be read without unpacking it. Run ${unpack} on it first.`,
  );
}

function cut(entry: string): TarInvalidError {
  return new TarInvalidError(
    entry === '' ? 'is not a tar.' : `ends in the middle, at ${entry}. Copy or write it again.`,
  );
}

function parseHeader(block: Uint8Array, offset: number): { name: string; size: number; type: string } {
  const sum = block.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
  if (number(block, 148, 8) !== sum) {
    throw new TarInvalidError(
      offset === 0 ? 'is not a tar.' : `is damaged: there is no header at byte ${offset}.`,
    );
  }
  const isUstar = text(block, 257, 6) === 'ustar';
  const prefix = isUstar ? text(block, 345, 155) : '';
  const name = text(block, 0, 100);
  const size = number(block, 124, 12);
  if (size === undefined) throw new TarInvalidError(`is damaged: ${name} has no size.`);
  return { name: prefix === '' ? name : `${prefix}/${name}`, size, type: text(block, 156, 1) };
}

/** `<length> <key>=<value>\n`, one after the other; the length counts itself. */
function parsePax(bytes: Uint8Array): Extension {
  let path: string | undefined;
  let size: number | undefined;
  for (let start = 0; start < bytes.length;) {
    const space = bytes.indexOf(0x20, start);
    const length = space === -1 ? Number.NaN : Number(text(bytes, start, space - start));
    if (!Number.isSafeInteger(length) || length < 5 || start + length > bytes.length) {
      throw new TarInvalidError('is damaged: it has a pax header that cannot be read.');
    }
    const [, key, value] = /^([^=]*)=(.*)\n$/s.exec(text(bytes, space + 1, start + length - space - 1)) ?? [];
    if (key === 'path') path = value;
    if (key === 'size' && value !== undefined && /^\d{1,15}$/.test(value)) size = Number(value);
    start += length;
  }
  return { path, size };
}

/** Octal digits or, where the first bit is set, a number in base 256; undefined for neither. */
function number(block: Uint8Array, start: number, length: number): number | undefined {
  const field = block.subarray(start, start + length);
  const [first = 0] = field;
  if (first === 0x80) {
    const value = field.subarray(1).reduce((total, byte) => total * 256 + byte, 0);
    return Number.isSafeInteger(value) ? value : undefined;
  }
  const digits = text(block, start, length).trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : undefined;
}

/** Up to the first NUL. */
function text(block: Uint8Array, start: number, length: number): string {
  const field = block.subarray(start, start + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end === -1 ? field : field.subarray(0, end));
}

async function read(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const { bytesRead, buffer } = await file.read(new Uint8Array(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
