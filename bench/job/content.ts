/** Builds the images that the peers and we mirror. They have the same bytes in each run. */
import {
  AMD64,
  ARM64,
  addImage,
  addIndex,
  addLayer,
  addStreamedLayer,
  tagAs,
  type Descriptor,
  type Layer,
} from '../../test/support/builder.ts';
import { emptyRepository, type Digest, type Repository } from '../../test/support/content.ts';

export const MANY_LAYERS = 'source/app';
export const MANY_TAGS = 'source/many';
export const LARGE = 'source/large';

const KIB = 1024;
const MIB = 1024 * KIB;
const TAGS = 50;
const PLATFORMS = [AMD64, ARM64];
/** The tag that moves. */
export const CHANGED_TAG = tagName(7);

export interface TaggedImages {
  readonly repository: Repository;
  /** The images of `CHANGED_TAG` before and after it moves. Both are in the repository. */
  readonly original: Digest;
  readonly changed: Digest;
}

/**
 * Builds 50 tags × 2 platforms, 40 MB. Each platform has one layer that all tags share, one that ten tags share, one of
 * its own, and a config. Distinct tags name 150 manifests and 212 blobs. The tag that moves adds 7 more objects.
 */
export async function buildTaggedImages(): Promise<TaggedImages> {
  const repository = emptyRepository();
  const shared = new Map<string, Layer>();
  const layer = async (seed: string, size: number): Promise<Layer> => {
    const layerOf = shared.get(seed) ?? (await addLayer(repository, seed, { size }));
    shared.set(seed, layerOf);
    return layerOf;
  };
  const index = async (tag: number, own: string): Promise<Descriptor> => {
    const images: Descriptor[] = [];
    for (const platform of PLATFORMS) {
      const name = platform.architecture;
      const layers = [
        await layer(`${name}-all`, 2 * MIB),
        await layer(`${name}-ten-${Math.floor(tag / 10)}`, 1600 * KIB),
        await layer(`${name}-${own}`, 200 * KIB),
      ];
      images.push(addImage(repository, { layers, platform }));
    }
    return addIndex(repository, images);
  };
  let original: Digest = '';
  for (let tag = 0; tag < TAGS; tag += 1) {
    const { digest, ...rest } = await index(tag, `own-${tag}`);
    tagAs(repository, { digest, ...rest }, tagName(tag));
    if (tagName(tag) === CHANGED_TAG) original = digest;
  }
  const changed = await index(7, 'own-changed');
  return { repository, original, changed: changed.digest };
}

/**
 * Makes `count` tags, each with a manifest of its own. Config and layer are the same for all.
 * @param first the number in the first tag's name
 */
export async function buildManyTags(count: number, first = 0): Promise<Repository> {
  const repository = emptyRepository();
  const layers = [await addLayer(repository, 'many', { size: 10 * KIB })];
  for (let tag = first; tag < first + count; tag += 1) {
    const annotations = { 'org.opencontainers.image.version': tagName(tag) };
    tagAs(repository, addImage(repository, { layers, annotations }), tagName(tag));
  }
  return repository;
}

export interface NamedRepository {
  readonly name: string;
  readonly repository: Repository;
}

/** Makes `count` repositories of `tagsEach` tags each. No tag name appears in two of them. */
export async function manyRepositories(count: number, tagsEach: number): Promise<readonly NamedRepository[]> {
  const all: NamedRepository[] = [];
  for (let index = 0; index < count; index += 1) {
    const repository = await buildManyTags(tagsEach, index * tagsEach);
    all.push({ name: `source/repository-${index}`, repository });
  }
  return all;
}

/** Makes one image with one layer of about `size` bytes. */
export async function buildLargeImage(size: number): Promise<Repository> {
  return buildLayers('large', 1, size);
}

/** Makes one image with several layers of about `size` bytes each. @param seed tells its bytes from those of others */
export async function buildLayers(seed: string, count: number, size: number): Promise<Repository> {
  const repository = emptyRepository();
  const layers: Layer[] = [];
  for (let index = 0; index < count; index += 1) {
    layers.push(await addStreamedLayer(repository, `${seed}-${index}`, size));
  }
  tagAs(repository, addImage(repository, { layers }), 'v1');
  return repository;
}

function tagName(tag: number): string {
  return `v1.${tag}`;
}
