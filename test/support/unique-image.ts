/** Adds images without a common layer, so that a client requests all layers of each. */
import { AMD64, ARM64, addImage, addLayer, tagAs } from './builder.ts';
import type { Repository } from './content.ts';

/** Adds an image for this machine. By default the edge streams one of its layers, and redirects to the other. */
export async function addUniqueImage(repository: Repository, tag: string): Promise<void> {
  const layers = [
    await addLayer(repository, `${tag}-small`, { size: 5000 }),
    await addLayer(repository, `${tag}-large`, { size: 100_000 }),
  ];
  const platform = process.arch === 'arm64' ? ARM64 : AMD64;
  tagAs(repository, addImage(repository, { layers, platform }), tag);
}
