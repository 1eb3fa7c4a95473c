/** Twenty images and a repository of many tags, mirrored by the job into an S3 server behind a proxy that counts. */
import {
  addArtifact,
  addImage,
  addIndex,
  addJson,
  addLayer,
  AMD64,
  ARM64,
  tagAs,
  type Descriptor,
  type Layer,
} from '../builder.ts';
import { emptyRepository, type Digest, type Repository } from '../content.ts';
import { startCountingProxy, type CountingProxy } from '../counting-proxy.ts';
import { SPDX } from '../media-types.ts';
import { startRogueRegistry } from '../rogue-registry.ts';
import { startS3Server, type S3Server } from '../s3-server.ts';
import { sync } from '../sync.ts';

const IMAGES = 20;
export const TAG = '1.0';
/** The repository with many tags, and their number. */
export const TAGGED = 'mirror.test/team/tagged';
export const TAGS = 250;
/** Larger than STREAM_BELOW, so that the edge redirects to it. */
const LARGE_LAYER_BYTES = 200_000;

/** An image as a client that pulls it knows it in the end. */
export interface LoadedImage {
  readonly repository: string;
  /** The digest that the tag points to, of an index. */
  readonly index: Digest;
  /** The manifest of the platform that is pulled. */
  readonly manifest: Digest;
  /** The config and the small layer, which the edge streams. */
  readonly streamed: readonly [Descriptor, Descriptor];
  /** A layer that the edge redirects to. */
  readonly redirected: Descriptor;
  /** The content of the upstream. */
  readonly content: Repository;
  readonly sbom: Digest;
}

export interface LoadedMirror {
  readonly images: readonly LoadedImage[];
  /** The store as the edge is to open it: its endpoint is the proxy. */
  readonly store: Omit<S3Server, 'stop'>;
  readonly proxy: CountingProxy;
  stop(): Promise<void>;
}

/** @param latency milliseconds, which are read for each request to the store */
export async function startLoadedMirror(
  audience: 'public' | 'token',
  latency: { ms: number },
): Promise<LoadedMirror> {
  const server = await startS3Server();
  const proxy = await startCountingProxy({
    target: server.endpoint,
    get latency() {
      return latency.ms;
    },
  });
  const stop = async () => {
    await proxy.stop();
    await server.stop();
  };
  try {
    const repositories = new Map<string, Repository>();
    const images: LoadedImage[] = [];
    for (let number = 0; number < IMAGES; number += 1) {
      const repository = emptyRepository();
      repositories.set(`team/app-${number}`, repository);
      images.push(await addLoadedImage(repository, number));
    }
    repositories.set('team/tagged', await manyTags());
    const registry = await startRogueRegistry({ corpus: { repositories } });
    try {
      const { code, stderr } = await sync(
        { ...server, audience },
        configurationOf(registry.host, repositories),
      );
      if (code !== 0) throw new Error(`The images could not be mirrored:\n${stderr}`);
    } finally {
      await registry.stop();
    }
    return { images, store: { ...server, endpoint: proxy.url }, proxy, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function configurationOf(host: string, repositories: ReadonlyMap<string, Repository>) {
  return {
    upstreams: { [host]: { insecure: true, credentials: [] } },
    images: [...repositories.keys()].map((path) => ({
      source: `${host}/${path}`,
      name: `mirror.test/${path}`,
      tags: ['*'],
    })),
  };
}

async function addLoadedImage(repository: Repository, number: number): Promise<LoadedImage> {
  const small = await addLayer(repository, `small ${number}`);
  const large: Layer = await addLayer(repository, `large ${number}`, { size: LARGE_LAYER_BYTES });
  const image = addImage(repository, { layers: [small, large], platform: AMD64 });
  const other = addImage(repository, { layers: [small], platform: ARM64 });
  const index = addIndex(repository, [image, other]);
  tagAs(repository, index, TAG);
  const document = addJson(repository, SPDX, { spdxVersion: 'SPDX-2.3', name: `image ${number}` });
  const sbom = addArtifact(repository, { artifactType: SPDX, subject: index, layers: [document] });
  const manifest = repository.manifests.get(image.digest);
  const { config }: { config: Descriptor } = JSON.parse(Buffer.from(manifest?.bytes ?? []).toString());
  return {
    repository: `mirror.test/team/app-${number}`,
    index: index.digest,
    manifest: image.digest,
    streamed: [config, small],
    redirected: large,
    content: repository,
    sbom: sbom.digest,
  };
}

async function manyTags(): Promise<Repository> {
  const repository = emptyRepository();
  const image = addImage(repository, { layers: [await addLayer(repository, 'tagged')] });
  tagAs(repository, image, ...tagNames());
  return repository;
}

/** The tags of `TAGGED`, in their order. */
export function tagNames(): string[] {
  return Array.from({ length: TAGS }, (_, index) => `v${String(index).padStart(4, '0')}`);
}
