/**
 * Starts the destination of a tool. The peers mirror to a registry of the source's kind, and we mirror to an S3 bucket.
 */
import { s3ClientOf } from '../../test/support/bucket-reader.ts';
import { compareWalks } from '../../test/support/compare-walks.ts';
import type { Digest, Repository } from '../../test/support/content.ts';
import { startS3Server } from '../../test/support/s3-server.ts';
import { startDockerRegistry } from '../../test/support/upstream.ts';
import { walkBucket } from '../../test/support/walk-bucket.ts';
import { walkRegistry, type Walk } from '../../test/support/walk-registry.ts';
import { startLink, type Link } from './link.ts';
import { registryKind, storeKind, trafficOf, type Traffic } from './requests.ts';

/** The content that a run has to produce. */
export interface Expected {
  /** The whole source repository, as it was read there. */
  readonly walk: Walk;
  readonly tags: ReadonlyMap<string, Digest>;
}

export interface Destination {
  readonly link: Link;
  /** Only a bucket has these settings. */
  readonly store?: StoreSettings;
  /** The traffic since the link's proxy was last reset. */
  traffic(): Traffic;
  /** Reads every byte of the destination, not through the link. @returns sentences that say what is wrong */
  verify(expected: Expected): Promise<readonly string[]>;
  stop(): Promise<void>;
}

export interface StoreSettings {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** The repository that every peer mirrors to, whatever its name at the source. */
export const COPY = 'copy/app';

/**
 * The time limit is long, because one layer of gigabytes takes long, and many small layers are slow one after the
 * other.
 */
export const WALK = { timeout: 300_000, concurrency: 4 };

/** Starts an empty registry. */
export async function startRegistryDestination(): Promise<Destination> {
  const registry = await startDockerRegistry();
  const link = await startLink(registry.url);
  return {
    link,
    traffic: () => trafficOf(link.proxy.requests, registryKind),
    verify: async ({ walk }) => {
      const copy = await walkRegistry({ url: registry.url, repository: COPY, ...WALK });
      return [...copy.problems, ...compareWalks(walk, copy)];
    },
    stop: async () => {
      await link.proxy.stop();
      await registry.stop();
    },
  };
}

/** Starts a server with an empty bucket. */
export async function startBucketDestination(): Promise<Destination> {
  const server = await startS3Server();
  const { endpoint, bucket, region, accessKeyId, secretAccessKey } = server;
  const link = await startLink(endpoint);
  const settings = { bucket, region, accessKeyId, secretAccessKey };
  return {
    link,
    store: { endpoint: link.proxy.url, ...settings },
    traffic: () => trafficOf(link.proxy.requests, storeKind),
    verify: async ({ tags }) => {
      const client = s3ClientOf({ endpoint, ...settings });
      try {
        const { problems, behind, tags: copied } = await walkBucket({ client, bucket });
        return [...problems, ...behind, ...compareTags(tags, copied)];
      } finally {
        client.destroy();
      }
    },
    stop: async () => {
      await link.proxy.stop();
      await server.stop();
    },
  };
}

/** @param copied the digests by `<repository>:<tag>` */
function compareTags(tags: ReadonlyMap<string, Digest>, copied: ReadonlyMap<string, Digest>): string[] {
  const byTag = new Map([...copied].map(([name, digest]) => [name.slice(name.lastIndexOf(':') + 1), digest]));
  return [...new Set([...tags.keys(), ...byTag.keys()])]
    .filter((tag) => tags.get(tag) !== byTag.get(tag))
    .map((tag) => `The tag ${tag} is ${byTag.get(tag)}, not ${tags.get(tag)}.`);
}

/** Returns the tags of the repository, some of them moved to another digest. */
export function tagsOf(
  repository: Repository,
  moved: Readonly<Record<string, Digest>> = {},
): Map<string, Digest> {
  return new Map([...repository.tags, ...Object.entries(moved)]);
}
