/** Makes a layer with one program in it: a gzipped tar whose bytes depend on nothing but the program. */
import { crc32 } from 'node:zlib';

const BLOCK_BYTES = 512;
const REGULAR_FILE = '0';

/**
 * Makes a tar with one file, which is executable, owned by root and dated 1970.
 * https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06
 */
export function tarOf(name: string, program: Uint8Array): Uint8Array<ArrayBuffer> {
  const content = Math.ceil(program.length / BLOCK_BYTES) * BLOCK_BYTES;
  // Two empty blocks end an archive.
  const tar = new Uint8Array(BLOCK_BYTES + content + 2 * BLOCK_BYTES);
  tar.set(fileHeader(name, program.length));
  tar.set(program, BLOCK_BYTES);
  return tar;
}

function fileHeader(name: string, size: number): Uint8Array {
  const header = Buffer.alloc(BLOCK_BYTES);
  header.write(name, 0);
  header.write(octal(0o755, 7), 100);
  header.write(octal(0, 7), 108); // owner
  header.write(octal(0, 7), 116); // group
  header.write(octal(size, 11), 124);
  header.write(octal(0, 11), 136); // seconds since 1970
  header.write(REGULAR_FILE, 156);
  header.write('ustar\u000000', 257);
  // The checksum covers the header, with its own field filled with spaces.
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0`, 148);
  return header;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

/** The most bytes of one stored block. */
const MAX_STORED = 0xffff;

/**
 * Makes a gzip file that stores the bytes uncompressed, because compressors differ between versions and processors, and
 * a layer's digest must not.
 * https://www.rfc-editor.org/rfc/rfc1952 and https://www.rfc-editor.org/rfc/rfc1951#page-11
 * @throws {RangeError} for more than 65535 bytes
 */
export function storedGzip(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  if (bytes.length > MAX_STORED) throw new RangeError(`${bytes.length} bytes do not fit into one block.`);
  const header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]; // gzip, deflate, no flags, no time, no system
  const lastStoredBlock = 1;
  const gzip = new Uint8Array(header.length + 5 + bytes.length + 8);
  const view = new DataView(gzip.buffer);
  gzip.set([...header, lastStoredBlock]);
  view.setUint16(11, bytes.length, true);
  view.setUint16(13, ~bytes.length, true);
  gzip.set(bytes, 15);
  view.setUint32(15 + bytes.length, crc32(bytes), true);
  view.setUint32(19 + bytes.length, bytes.length, true);
  return gzip;
}
