/** The images of the simulated upstreams. They are tiny, so that thousands of simulations take seconds, and are made once. */
import {
  addArtifact,
  addBytes,
  addImage,
  addIndex,
  addManifest,
  AMD64,
  ARM64,
  type Descriptor,
  type Layer,
} from '../support/builder.ts';
import { emptyRepository, type Digest, type Repository } from '../support/content.ts';
import { readJson, referencesOf, type Reference } from '../support/manifest-json.ts';
import { OCI_INDEX, OCI_LAYER, OCI_MANIFEST, SPDX } from '../support/media-types.ts';

/** The size of a part: blobs that are larger are uploaded in parts. Bytes. */
export const PART_BYTES = 64;

export interface Content {
  readonly repository: Repository;
  /** Images that a tag can move to. */
  readonly images: readonly [Digest, ...Digest[]];
  /** Images whose descriptors give a wrong size. They must not be mirrored. */
  readonly liars: readonly [Digest, ...Digest[]];
  /** By subject: the referrers. */
  readonly referrers: ReadonlyMap<Digest, readonly Descriptor[]>;
}

function layer(repository: Repository, text: string, bytes: number): Layer {
  const descriptor = addBytes(repository, OCI_LAYER, Buffer.from(text.repeat(bytes).slice(0, bytes)));
  return { ...descriptor, diffId: descriptor.digest };
}

function makeContent(name: string): Content {
  const repository = emptyRepository();
  const base = layer(repository, 'base ', 40);
  const image = (text: string, bytes: number, platform = AMD64): Descriptor =>
    addImage(repository, { layers: [base, layer(repository, `${name} ${text} `, bytes)], platform });
  const small = image('small', 30);
  const multi = addIndex(repository, [image('one', 50), image('two', 20, ARM64)]);
  addArtifact(repository, {
    artifactType: SPDX,
    subject: multi,
    layers: [layer(repository, `${name} sbom `, 25)],
  });
  const large = image('large', 150);
  const shared = addIndex(repository, [small, image('three', 90, ARM64)]);
  const plain = image('plain', 45);
  const images = [small, multi, large, shared, plain].map(({ digest }) => digest);
  const liars = [lyingIndex(repository, image('child of a liar', 35)), lyingImage(repository, plain)];
  return {
    repository,
    images: atLeastOne(images),
    liars: atLeastOne(liars),
    referrers: referrersIn(repository),
  };
}

function lyingIndex(repository: Repository, child: Descriptor): Digest {
  const manifests = [{ ...child, size: child.size + 1 }];
  return addManifest(repository, { schemaVersion: 2, mediaType: OCI_INDEX, manifests }).digest;
}

function descriptorOf({ mediaType, digest, size }: Reference): Descriptor {
  return { mediaType, digest, size };
}

function lyingImage(repository: Repository, like: Descriptor): Digest {
  const stored = repository.manifests.get(like.digest)?.bytes ?? new Uint8Array();
  const { config, layers } = referencesOf(readJson(stored));
  const wrong = layers.map((one, index) => {
    const { mediaType, digest, size } = one;
    return { mediaType, digest, size: index === 1 ? size - 1 : size };
  });
  return addManifest(repository, {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: config === undefined ? undefined : descriptorOf(config),
    layers: wrong,
  }).digest;
}

function referrersIn({ manifests }: Repository): Map<Digest, Descriptor[]> {
  const found = new Map<Digest, Descriptor[]>();
  for (const [digest, { bytes, mediaType }] of manifests) {
    const { subject, artifactType } = referencesOf(readJson(bytes));
    if (subject === undefined) continue;
    const descriptor = {
      mediaType,
      digest,
      size: bytes.length,
      ...(artifactType !== undefined && { artifactType }),
    };
    found.set(subject.digest, [...(found.get(subject.digest) ?? []), descriptor]);
  }
  return found;
}

function atLeastOne(digests: readonly Digest[]): readonly [Digest, ...Digest[]] {
  const [first, ...rest] = digests;
  if (first === undefined) throw new Error('There is no image.');
  return [first, ...rest];
}

/** By the path of the repository. The two share their base layer. */
export const CONTENTS: ReadonlyMap<string, Content> = new Map([
  ['app', makeContent('app')],
  ['lib', makeContent('lib')],
]);
