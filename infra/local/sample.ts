/**
 * Makes the sample image, a program for seven platforms that says hello. With it, a mirror can be filled and pulled
 * from without a network. The whole image is made here, and has the same digests on every machine.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { REF_NAME } from '../../core/bucket-object.ts';
import type { Descriptor } from '../../core/descriptor.ts';
import { algorithmOf, digestOf, hexOf, type Digest } from '../../core/digest.ts';
import { encodeJson } from '../../core/json.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../../core/media-type.ts';
import { storedGzip, tarOf } from './hello/layer.ts';
import { HELLO_PLATFORMS, helloFor, type HelloPlatform } from './hello/platforms.ts';

const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

/** The tags, which all name the same index. */
export const SAMPLE_TAGS = ['1.0', 'latest'] as const;

export interface Sample {
  /** The index over all platforms. */
  readonly index: Descriptor;
  /** The image of each platform, in the index's order. */
  readonly images: readonly Descriptor[];
  readonly blobs: ReadonlyMap<Digest, Uint8Array>;
}

/**
 * Writes the sample as an OCI image layout, over an earlier one if there is one, and returns what it wrote.
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
 * @throws errors of the file system
 */
export async function writeSample(directory: string): Promise<Sample> {
  const sample = await buildSample();
  for (const [digest, bytes] of sample.blobs) {
    const folder = join(directory, 'blobs', algorithmOf(digest));
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, hexOf(digest)), bytes);
  }
  const manifests = SAMPLE_TAGS.map((tag) => named(sample.index, tag));
  const entrance = { schemaVersion: 2, mediaType: OCI_INDEX, manifests };
  await writeFile(join(directory, 'index.json'), encodeJson(entrance));
  await writeFile(join(directory, 'oci-layout'), encodeJson({ imageLayoutVersion: '1.0.0' }));
  return sample;
}

function named(descriptor: Descriptor, tag: string): Descriptor {
  return { ...descriptor, annotations: { [REF_NAME]: tag } };
}

async function buildSample(): Promise<Sample> {
  const blobs = new Map<Digest, Uint8Array>();
  const images: Descriptor[] = [];
  for (const hello of HELLO_PLATFORMS) images.push(await addImage(blobs, hello));
  const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: images };
  return { index: await addBlob(blobs, OCI_INDEX, encodeJson(index)), images, blobs };
}

async function addImage(blobs: Map<Digest, Uint8Array>, hello: HelloPlatform): Promise<Descriptor> {
  const tar = tarOf('hello', helloFor(hello));
  const layer = await addBlob(blobs, LAYER, storedGzip(tar));
  const image = {
    ...hello.platform,
    config: { Entrypoint: ['/hello'] },
    rootfs: { type: 'layers', diff_ids: [await digestOf(tar)] },
  };
  const config = await addBlob(blobs, CONFIG, encodeJson(image));
  const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [layer] };
  return { ...(await addBlob(blobs, OCI_MANIFEST, encodeJson(manifest))), platform: hello.platform };
}

async function addBlob(
  blobs: Map<Digest, Uint8Array>,
  mediaType: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Descriptor> {
  const digest = await digestOf(bytes);
  blobs.set(digest, bytes);
  return { mediaType, digest, size: bytes.length };
}
