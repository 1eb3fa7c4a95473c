/** One image per row of the table: an index with one image of a small layer, which the edge streams, and a large one. */
import { AMD64, ARM64, addImage, addIndex, addLayer, tagAs } from '../builder.ts';
import { bytesOf, emptyRepository, randomBlob, type Digest, type Repository } from '../content.ts';
import type { Row } from './rows.ts';

export const TAG = '1.0';

const SMALL_BYTES = 5000;
/** The edge redirects clients to the store for blobs of 64 KiB and more. */
const LARGE_BYTES = 300_000;

export interface FaultImage {
  readonly repository: Repository;
  readonly index: Digest;
  readonly image: Digest;
  readonly config: Digest;
  readonly smallLayer: Digest;
  readonly largeLayer: Digest;
  /** The bytes of everything in it. */
  readonly bytes: ReadonlyMap<Digest, Buffer>;
  /** The files in its layers, by their paths in a container. */
  readonly files: ReadonlyMap<string, Buffer>;
}

/** @param seed makes the content unlike that of every other image */
export async function makeFaultImage(seed: string): Promise<FaultImage> {
  const repository = emptyRepository();
  const small = await addLayer(repository, `${seed}-small`, { size: SMALL_BYTES });
  const large = await addLayer(repository, `${seed}-large`, { size: LARGE_BYTES });
  const platform = process.arch === 'arm64' ? ARM64 : AMD64;
  const image = addImage(repository, { layers: [small, large], platform });
  const index = addIndex(repository, [image]);
  tagAs(repository, index, TAG);
  const layers = new Set([small.digest, large.digest]);
  const config = [...repository.blobs.keys()].find((digest) => !layers.has(digest)) ?? '';
  const bytes = new Map<Digest, Buffer>();
  for (const [digest, manifest] of repository.manifests) bytes.set(digest, Buffer.from(manifest.bytes));
  for (const [digest, blob] of repository.blobs) bytes.set(digest, await bytesOf(blob));
  return {
    repository,
    index: index.digest,
    image: image.digest,
    config,
    smallLayer: small.digest,
    largeLayer: large.digest,
    bytes,
    files: new Map([
      [`files/${seed}-small`, await bytesOf(randomBlob(`${seed}-small`, SMALL_BYTES))],
      [`files/${seed}-large`, await bytesOf(randomBlob(`${seed}-large`, LARGE_BYTES))],
    ]),
  };
}

/** @returns the name by which the row's clients pull the image */
export function referenceOf({ upstream, repository, table }: Row, { index }: FaultImage): string {
  return `${upstream}/${repository}${table.by === 'tag' ? `:${TAG}` : `@${index}`}`;
}
