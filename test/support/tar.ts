/** Streams tar archives: layers that real clients can unpack, and layouts in one file. */
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { blobOf, joinBlobs, type Blob } from './content.ts';
import { fileBlob } from './oci-layout.ts';

const BLOCK = 512;

/** Makes an archive with one file. Its bytes do not depend on the time or the machine. */
export function tarOf(name: string, content: Blob): Blob {
  return joinBlobs([...entryOf(name, content), blobOf(Buffer.alloc(2 * BLOCK))]);
}

/** The way in which an archive stores values that do not fit into a header of 512 bytes. */
type TarFormat = 'pax' | 'gnu';

export interface TarOptions {
  readonly format?: TarFormat;
  /** The text before each name, such as the `./` of `./index.json`. */
  readonly prefix?: string;
}

/** Makes an archive of all files below a folder, as common tools write it. */
export async function tarOfFolder(
  folder: string,
  { format = 'pax', prefix = '' }: TarOptions = {},
): Promise<Blob> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const parts: Blob[] = [];
  for (const entry of found) {
    const path = join(entry.parentPath, entry.name);
    const name = `${prefix}${relative(folder, path)}`;
    if (entry.isFile()) parts.push(...longEntryOf(name, await fileBlob(path), format));
    else parts.push(blobOf(header(`${name}/`, 0, '5')));
  }
  return joinBlobs([...parts, blobOf(Buffer.alloc(2 * BLOCK))]);
}

function longEntryOf(name: string, content: Blob, format: TarFormat): Blob[] {
  if (name.length <= 100) return entryOf(name, content);
  const stored = format === 'pax' ? paxRecord('path', name) : `${name}\0`;
  const label = format === 'pax' ? 'PaxHeaders/0' : '././@LongLink';
  const extension = entryOf(label, blobOf(Buffer.from(stored)), format === 'pax' ? 'x' : 'L');
  return [...extension, ...entryOf(name.slice(0, 100), content)];
}

/** Makes a record. The length at its start includes the length's own digits. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const length = rest.length + String(rest.length + 3).length;
  return `${length}${rest}`;
}

function entryOf(name: string, content: Blob, type = '0'): Blob[] {
  const padding = (BLOCK - (content.size % BLOCK)) % BLOCK;
  return [blobOf(header(name, content.size, type)), content, blobOf(Buffer.alloc(padding))];
}

/** Makes a header. https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06 */
function header(name: string, size: number, type: string): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, offset: number, width: number) =>
    block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, offset, 'latin1');
  block.write(name, 0, 'latin1');
  octal(0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  block.write(type, 156, 'latin1');
  block.write('ustar\u000000', 257, 'latin1');
  // The checksum is computed with its own field filled with spaces.
  block.fill(' ', 148, 156);
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return block;
}
