/** Builds content beside the shared corpus: tags of many versions, and images that change between two runs. */
import {
  addImage,
  addIndex,
  addLayer,
  tagAs,
  AMD64,
  ARM64,
  type Descriptor,
  type Platform,
} from '../builder.ts';
import { emptyRepository, type Corpus, type Repository } from '../content.ts';

const S390: Platform = { os: 'linux', architecture: 's390x' };

/** Adds one image with one small layer of its own, under the tags. */
export async function addSmallImage(
  repository: Repository,
  seed: string,
  ...tags: readonly string[]
): Promise<Descriptor> {
  const image = addImage(repository, { layers: [await addLayer(repository, seed, { size: 200 })] });
  tagAs(repository, image, ...tags);
  return image;
}

/** Makes a repository in which each tag has an image of its own. */
export async function smallImages(seed: string, tags: readonly string[]): Promise<Repository> {
  const repository = emptyRepository();
  for (const tag of tags) await addSmallImage(repository, `${seed}-${tag}`, tag);
  return repository;
}

/** Adds an index for three platforms, each with a layer of its own. */
export async function addThreePlatforms(repository: Repository, seed: string, tag: string): Promise<void> {
  const images: Descriptor[] = [];
  for (const platform of [AMD64, ARM64, S390]) {
    const layers = [await addLayer(repository, `${seed}-${platform.architecture}`)];
    images.push(addImage(repository, { platform, layers }));
  }
  tagAs(repository, addIndex(repository, images), tag);
}

export function corpusOf(repositories: Readonly<Record<string, Repository>>): Corpus {
  return { repositories: new Map(Object.entries(repositories)) };
}
