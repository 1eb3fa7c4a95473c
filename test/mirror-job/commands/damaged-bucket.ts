/** A real bucket that a sync has filled, to be damaged by hand, and `lifeboat verify` over it. */
import { DeleteObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BucketReader, s3ClientOf, type StoredObject } from '../../support/bucket-reader.ts';
import { snapshot } from '../../support/bucket-snapshot.ts';
import { addImage, addLayer, tagAs } from '../../support/builder.ts';
import { emptyRepository, repositoryOf, type Repository } from '../../support/content.ts';
import { buildCorpus } from '../../support/corpus.ts';
import { writeLayout } from '../../support/oci-layout.ts';
import { emptyBuckets, type Buckets } from '../../support/shared.ts';
import { createIo, runMain, type Ended } from '../support/io.ts';

export interface Verified extends Ended {
  /** The problems of the first store. */
  readonly problems: readonly { kind: string; key: string; images: string[]; attachedTo: string[] }[];
  readonly repaired: readonly { kind: string; result: string; detail: string }[];
  readonly report: VerifyJson;
}

interface VerifyJson {
  readonly stores: readonly {
    readonly problems: Verified['problems'];
    readonly unknown: readonly string[];
    readonly checked: { readonly objects: number };
    readonly deep?: { readonly bytes: number; readonly blobs: number; readonly finished?: string };
  }[];
  readonly repaired: Verified['repaired'];
  readonly differences: readonly { readonly differences: readonly { kind: string; key: string }[] }[];
  readonly drift?: {
    readonly drifts: readonly { image: string; how: string }[];
    readonly unknown: readonly string[];
  };
}

export class DamagedBucket {
  readonly folder: string;
  readonly stores: Buckets;
  readonly client: S3Client;
  readonly images: Repository;

  private constructor(folder: string, stores: Buckets, images: Repository) {
    this.folder = folder;
    this.stores = stores;
    this.client = s3ClientOf(stores);
    this.images = images;
  }

  /** @param count of buckets */
  static async open(count = 1): Promise<DamagedBucket> {
    const folder = await mkdtemp(join(tmpdir(), 'lifeboat-verify-'));
    const corpus = await buildCorpus();
    await writeLayout(repositoryOf(corpus, 'library/signed'), join(folder, 'signed'));
    const app = emptyRepository();
    const layers = [await addLayer(app, 'shared', { size: 30_000 }), await addLayer(app, 'own')];
    tagAs(app, addImage(app, { layers }), '1', '2');
    await writeLayout(app, join(folder, 'app'));
    return new DamagedBucket(folder, await emptyBuckets(count), app);
  }

  /** Writes a configuration of the buckets with these numbers, and mirrors by it. */
  async fill(prefix: string, numbers: readonly number[] = [0]): Promise<string> {
    const file = await this.configure(prefix, numbers);
    const { code, stderr } = await this.lifeboat('sync', '-c', file);
    if (code !== 0) throw new Error(`The bucket was not filled:\n${stderr}`);
    return file;
  }

  async configure(
    prefix: string,
    numbers: readonly number[] = [0],
    endpoint = this.stores.endpoint,
  ): Promise<string> {
    const { region, accessKeyId, secretAccessKey, buckets } = this.stores;
    const stores = numbers.map((number) => ({
      endpoint,
      bucket: buckets[number],
      prefix,
      region,
      accessKeyId,
      secretAccessKey,
    }));
    const images = [
      { source: 'oci:./signed', name: 'a.b/signed', tags: ['*'] },
      { source: 'oci:./app', name: 'a.b/app', tags: ['*'] },
    ];
    const file = `${prefix}.yaml`;
    const content = numbers.length === 1 ? { store: stores[0], images } : { stores, images };
    await writeFile(join(this.folder, file), JSON.stringify(content));
    return file;
  }

  lifeboat(...args: string[]): Promise<Ended> {
    return runMain(args, createIo({ cwd: this.folder }));
  }

  /** Runs `lifeboat verify --json`. */
  async verify(file: string, ...options: string[]): Promise<Verified> {
    const ended = await this.lifeboat('verify', '-c', file, '--json', ...options);
    const report: VerifyJson = JSON.parse(ended.stdout || '{"stores":[],"repaired":[]}');
    return { ...ended, report, problems: report.stores[0]?.problems ?? [], repaired: report.repaired };
  }

  reader(prefix: string, number = 0): BucketReader {
    return new BucketReader({
      client: this.client,
      bucket: this.stores.buckets[number] ?? '',
      prefix: `${prefix}/`,
    });
  }

  async keys(prefix: string, pattern: RegExp, number = 0): Promise<string[]> {
    return [...(await this.reader(prefix, number).sizes()).keys()].filter((key) => pattern.test(key));
  }

  async read(prefix: string, key: string, number = 0): Promise<StoredObject> {
    const object = await this.reader(prefix, number).read(key);
    if (object === undefined) throw new Error(`There is no ${key}.`);
    return object;
  }

  async put(prefix: string, key: string, bytes: Uint8Array, contentType?: string, number = 0): Promise<void> {
    const Bucket = this.stores.buckets[number];
    await this.client.send(
      new PutObjectCommand({ Bucket, Key: `${prefix}/${key}`, Body: bytes, ContentType: contentType }),
    );
  }

  async remove(prefix: string, key: string, number = 0): Promise<void> {
    const Bucket = this.stores.buckets[number];
    await this.client.send(new DeleteObjectCommand({ Bucket, Key: `${prefix}/${key}` }));
  }

  /** Changes one byte of an object in the middle. */
  async flip(prefix: string, key: string, number = 0): Promise<void> {
    const { bytes, contentType } = await this.read(prefix, key, number);
    const middle = Math.floor(bytes.length / 2);
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    await this.put(prefix, key, bytes, contentType, number);
  }

  /** The content of every object below a prefix but of the state, to compare two moments. */
  async content(prefix: string, number = 0): Promise<Map<string, string>> {
    const bucket = this.stores.buckets[number] ?? '';
    const all = await snapshot({ client: this.client, bucket, prefix: `${prefix}/` });
    return new Map([...all].filter(([key]) => !key.startsWith('state/')));
  }

  async close(): Promise<void> {
    this.client.destroy();
    await rm(this.folder, { recursive: true, force: true });
  }
}
