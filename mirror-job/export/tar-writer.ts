/**
 * Writes an OCI image layout as a tar, from its beginning to its end. So no file of it is ever whole in memory, or
 * twice on disk. The bytes of the tar do not depend on the time or the machine.
 * https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06
 */
import { open, rename, rm } from 'node:fs/promises';
import { partialName, type LayoutWriter } from './layout-writer.ts';

const BLOCK_BYTES = 512;
const MAX_NAME_BYTES = 100;
/** The header has eleven octal digits for the size: 8 GiB. */
const MAX_HEADER_BYTES = 8 ** 11 - 1;

/** @throws the file system's error if the file cannot be made */
export async function writeTar(target: string): Promise<LayoutWriter> {
  const partial = partialName(target);
  const file = await open(partial, 'wx');
  const writeAll = async (bytes: Uint8Array): Promise<void> => {
    for (let written = 0; written < bytes.length;) {
      written += (await file.write(bytes, written)).bytesWritten;
    }
  };
  return {
    concurrency: 1,
    async write(name, size, body) {
      await writeAll(entryHeader(name, size));
      for await (const chunk of body) await writeAll(chunk);
      await writeAll(padding(size));
    },
    async finish() {
      await writeAll(new Uint8Array(2 * BLOCK_BYTES));
      // The file is synced, because it may be on a stick that is about to be removed.
      await file.sync();
      await file.close();
      await rename(partial, target);
    },
    async abandon() {
      await file.close();
      await rm(partial, { force: true });
    },
  };
}

/** Makes a header. A pax header comes before it if the name (a sha512 has 128 digits) or the size needs more room. */
function entryHeader(name: string, size: number): Uint8Array {
  const records = [
    ...(name.length > MAX_NAME_BYTES ? [paxRecord('path', name)] : []),
    ...(size > MAX_HEADER_BYTES ? [paxRecord('size', String(size))] : []),
  ].join('');
  const own = header(name.slice(0, MAX_NAME_BYTES), Math.min(size, MAX_HEADER_BYTES), '0');
  if (records === '') return own;
  const extension = Buffer.from(records);
  const before = header(`PaxHeaders/${name.slice(0, 80)}`, extension.length, 'x');
  return Buffer.concat([before, extension, padding(extension.length), own]);
}

/**
 * Makes the record `<length> <key>=<value>
 * `, whose length includes its own digits.
 */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (length !== rest.length + String(length).length) length = rest.length + String(length).length;
  return `${length}${rest}`;
}

function header(name: string, size: number, type: '0' | 'x'): Uint8Array {
  const block = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, offset: number, width: number): void => {
    block.write(value.toString(8).padStart(width - 1, '0'), offset, 'latin1');
  };
  block.write(name, 0, MAX_NAME_BYTES, 'latin1');
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
    8,
  );
  block[155] = 0;
  return block;
}

function padding(size: number): Uint8Array {
  return new Uint8Array((BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES);
}
