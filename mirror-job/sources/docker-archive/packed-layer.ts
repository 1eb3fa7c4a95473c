/** A layer of an archive that is compressed as a registry has it, known by its first bytes. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { algorithmOf, digestFromHash, type Digest } from '../../../core/digest.ts';
import { SourceError } from '../../engine/source.ts';
import type { LayoutFiles } from '../layout/layout-files.ts';

export interface PackedLayer {
  /** The digest of the compressed bytes. */
  readonly digest: Digest;
  /** The end of its media type. */
  readonly suffix: string;
}

/** https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1 and https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1 */
const FORMATS = [
  { magic: '1f8b', suffix: '+gzip', open: createGunzip },
  { magic: '28b52ffd', suffix: '+zstd', open: createZstdDecompress },
] as const;

/**
 * Hashes the layer as it is, and its unpacked bytes too, because only those show that it is the layer of the config.
 * @param id the digest of the unpacked bytes, as the config has it
 * @returns undefined for a layer without compression
 * @throws {SourceError} for one that is not the config's
 */
export async function readPackedLayer(
  where: string,
  files: LayoutFiles,
  file: string,
  id: Digest,
): Promise<PackedLayer | undefined> {
  const head = (await firstBytes(files, file)).toString('hex');
  const format = FORMATS.find(({ magic }) => head.startsWith(magic));
  if (format === undefined) return undefined;
  const packed = createHash('sha256');
  const unpacked = createHash(algorithmOf(id));
  try {
    await pipeline(
      Readable.from(files.stream(file, 0)),
      async function* hashed(chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          packed.update(chunk);
          yield chunk;
        }
      },
      format.open(),
      unpacked,
    );
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SourceError(`${where}: the layer ${file} cannot be unpacked (${reason}).`, { cause: error });
  }
  const actual = digestFromHash(algorithmOf(id), unpacked.digest());
  if (actual !== id) {
    throw new SourceError(`${where}: the layer ${file} has ${actual} in it, and the config says ${id}.`);
  }
  return { digest: digestFromHash('sha256', packed.digest()), suffix: format.suffix };
}

async function firstBytes(files: LayoutFiles, file: string): Promise<Buffer> {
  for await (const chunk of files.stream(file, 0)) return Buffer.from(chunk.subarray(0, 4));
  return Buffer.alloc(0);
}
