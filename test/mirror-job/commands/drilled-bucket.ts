/** A bucket that a run has filled, with the list of a cluster that runs more than it has, for tests of `lifeboat drill`. */
import { ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { addImage, addIndex, addLayer, AMD64, ARM64, tagAs } from '../../support/builder.ts';
import { s3ClientOf } from '../../support/bucket-reader.ts';
import { emptyRepository } from '../../support/content.ts';
import { writeLayout } from '../../support/oci-layout.ts';
import { emptyBuckets, type Buckets } from '../../support/shared.ts';
import { createIo, runMain, type Ended } from '../support/io.ts';

const HOUR_MS = 3_600_000;
const ENV = { PASSWORD: 'secret' };

/** An image of a list. An empty digest stands for the first one. */
export interface Seen {
  readonly reference: string;
  readonly digest?: string | undefined;
  readonly platforms?: readonly string[];
  readonly uses?: readonly object[];
  readonly useCount?: number;
}

/** When the cluster was looked at. */
export const NOW = new Date(Date.now() - 3 * HOUR_MS).toISOString();
export const use = (name: string, namespace = 'shop') => ({
  namespace,
  kind: 'Deployment',
  name,
  how: 'running',
});

/** The images of the cluster prod, of which two images would be lost. */
const IMAGES: readonly Seen[] = [
  { reference: 'docker.io/library/app:one', platforms: ['linux/amd64'], uses: [use('web')] },
  {
    reference: 'docker.io/library/app:one',
    digest: '',
    platforms: ['linux/amd64', 'linux/arm64'],
    uses: [use('arm')],
  },
  { reference: 'docker.io/library/app:latest', digest: '', platforms: ['linux/amd64'], uses: [use('old')] },
  {
    reference: 'quay.io/org/tool:1',
    uses: [use('a'), use('b'), use('c', 'tool'), use('d', 'tool')],
    useCount: 9,
  },
];

export class DrilledBucket {
  readonly folder: string;
  readonly store: Buckets;
  /** The first digest of latest, which runs in part, and the second. */
  readonly digests: string[] = [];

  private constructor(folder: string, store: Buckets) {
    this.folder = folder;
    this.store = store;
  }

  /** Makes two buckets, with `lifeboat.yaml` for the one and `empty.yaml` for the other, which has no list. */
  static async fill(): Promise<DrilledBucket> {
    const own = new DrilledBucket(await mkdtemp(join(tmpdir(), 'lifeboat-drill-')), await emptyBuckets(2));
    const [bucket = '', empty = ''] = own.store.buckets;
    await own.configure('lifeboat.yaml', bucket);
    await own.configure('empty.yaml', empty);
    await own.#mirror();
    await own.publish('prod', IMAGES);
    return own;
  }

  async #mirror(): Promise<void> {
    const app = emptyRepository();
    for (const name of ['one', 'two']) {
      const images = [AMD64, ARM64].map(async (platform) =>
        addImage(app, { platform, layers: [await addLayer(app, `${name} ${platform.architecture}`)] }),
      );
      const index = addIndex(app, await Promise.all(images));
      tagAs(app, index, 'latest', name);
      this.digests.push(index.digest);
      await rm(join(this.folder, 'app'), { recursive: true, force: true });
      await writeLayout(app, join(this.folder, 'app'));
      for (const file of ['lifeboat.yaml', 'empty.yaml']) {
        if (file === 'empty.yaml' && name === 'two') continue;
        const { code, stderr } = await this.lifeboat('sync', '-c', file);
        if (code !== 0) throw new Error(`The bucket was not filled:\n${stderr}`);
      }
    }
  }

  async configure(
    file: string,
    bucket: string,
    { tags = ['*'], ...more }: { readonly tags?: readonly string[] } & Readonly<Record<string, unknown>> = {},
  ): Promise<void> {
    const { endpoint, region, accessKeyId, secretAccessKey } = this.store;
    await writeFile(
      join(this.folder, file),
      JSON.stringify({
        store: { endpoint, bucket, region, accessKeyId, secretAccessKey },
        images: [{ source: 'oci:./app', name: 'docker.io/library/app', tags, platforms: ['linux/amd64'] }],
        ...more,
      }),
    );
  }

  listOf(cluster: string, images: readonly Seen[]): string {
    return JSON.stringify({
      version: 1,
      cluster,
      observed: NOW,
      images: images.map(({ digest, uses = [use('web')], ...image }) => ({
        ...image,
        ...(digest !== undefined && { digest: digest === '' ? this.digests[0] : digest }),
        uses,
        useCount: image.useCount ?? uses.length,
        firstSeen: NOW,
        lastSeen: NOW,
      })),
    });
  }

  async publish(cluster: string, images: readonly Seen[] | string): Promise<void> {
    const client = s3ClientOf(this.store);
    const Body = typeof images === 'string' ? images : this.listOf(cluster, images);
    const [Bucket] = this.store.buckets;
    await client.send(new PutObjectCommand({ Bucket, Key: `state/_clusters/${cluster}.json`, Body }));
    client.destroy();
  }

  /** @returns each key, with what changes when it is written */
  async objects(): Promise<ReadonlyMap<string, string>> {
    const client = s3ClientOf(this.store);
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: this.store.bucket }));
    client.destroy();
    return new Map(
      Contents.map(({ Key = '', ETag, LastModified }) => [Key, `${ETag} ${LastModified?.toISOString()}`]),
    );
  }

  lifeboat(...args: readonly string[]): Promise<Ended> {
    return runMain(args, createIo({ cwd: this.folder, env: ENV }));
  }

  /** Runs the command over a list on standard input. */
  drillOf(images: readonly Seen[], ...args: readonly string[]): Promise<Ended> {
    return this.drillOfList(this.listOf('test', images), ...args);
  }

  drillOfList(list: string, ...args: readonly string[]): Promise<Ended> {
    const stdin = () => Readable.from([list]);
    return runMain(['drill', '-', ...args], createIo({ cwd: this.folder, env: ENV, stdin }));
  }

  stop(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}
