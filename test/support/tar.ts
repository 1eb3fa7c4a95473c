/** Tar archives with one file, so that real clients can unpack the layers that tests make. */
import { blobOf, joinBlobs, type Blob } from './content.ts';

const BLOCK = 512;

/** An archive with the one file, whose bytes are streamed. Nothing in it depends on the time or the machine. */
export function tarOf(name: string, content: Blob): Blob {
  const padding = (BLOCK - (content.size % BLOCK)) % BLOCK;
  return joinBlobs([
    blobOf(fileHeader(name, content.size)),
    content,
    blobOf(Buffer.alloc(padding + 2 * BLOCK)),
  ]);
}

/** https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06 */
function fileHeader(name: string, size: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, offset: number, width: number) =>
    header.write(`${value.toString(8).padStart(width - 1, '0')}\0`, offset, 'latin1');
  header.write(name, 0, 'latin1');
  octal(0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  header.write('0', 156, 'latin1');
  header.write('ustar\u000000', 257, 'latin1');
  // The sum counts its own field as spaces.
  header.fill(' ', 148, 156);
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return header;
}
