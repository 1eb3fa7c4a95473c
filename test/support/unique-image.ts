/** Images of which no two share a layer, so that a client which has pulled one still asks for all of another. */
import { AMD64, ARM64, addImage, addLayer, tagAs } from './builder.ts';
import type { Repository } from './content.ts';

/** For this machine, with a layer that the edge streams by default, and one that it redirects. */
export async function addUniqueImage(repository: Repository, tag: string): Promise<void> {
  const layers = [
    await addLayer(repository, `${tag}-small`, { size: 5000 }),
    await addLayer(repository, `${tag}-large`, { size: 100_000 }),
  ];
  const platform = process.arch === 'arm64' ? ARM64 : AMD64;
  tagAs(repository, addImage(repository, { layers, platform }), tag);
}
