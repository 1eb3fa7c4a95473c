/** Reads a bucket with a plain S3 client, below any prefix. */
import {
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  NoSuchKey,
  S3Client,
} from '@aws-sdk/client-s3';
import { createHash } from 'node:crypto';
import type { Algorithm, Digest } from './content.ts';

export interface BucketOptions {
  readonly client: S3Client;
  readonly bucket: string;
  /** The prefix of the bucket's keys, which ends in a slash; empty by default. */
  readonly prefix?: string;
}

export interface StoreAddress {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Makes a client that does not retry, and sends only the checksums that a request needs. */
export function s3ClientOf(store: StoreAddress): S3Client {
  return new S3Client({
    endpoint: store.endpoint,
    region: store.region,
    forcePathStyle: true,
    credentials: { accessKeyId: store.accessKeyId, secretAccessKey: store.secretAccessKey },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 1,
  });
}

export interface StoredObject {
  readonly bytes: Buffer;
  readonly contentType: string | undefined;
}

export class BucketReader {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor({ client, bucket, prefix = '' }: BucketOptions) {
    this.#client = client;
    this.#bucket = bucket;
    this.#prefix = prefix;
  }

  /**
   * Returns every key below the prefix with the object's size in bytes, in the store's order. The keys come without the
   * prefix.
   */
  async sizes(under = ''): Promise<Map<string, number>> {
    const sizes = new Map<string, number>();
    let token: string | undefined;
    do {
      const page = await this.#client.send(
        new ListObjectsV2Command({
          Bucket: this.#bucket,
          Prefix: this.#prefix + under,
          ContinuationToken: token,
        }),
      );
      for (const { Key = '', Size = 0 } of page.Contents ?? [])
        sizes.set(Key.slice(this.#prefix.length), Size);
      token = page.NextContinuationToken;
    } while (token !== undefined);
    return sizes;
  }

  /** @returns undefined if there is no such object */
  async read(key: string): Promise<StoredObject | undefined> {
    const answer = await this.#get(key);
    if (answer?.Body === undefined) return undefined;
    return {
      bytes: Buffer.from(await answer.Body.transformToByteArray()),
      contentType: answer.ContentType,
    };
  }

  /** Streams an object. @returns undefined if there is no such object */
  async digest(key: string, algorithm: Algorithm): Promise<Digest | undefined> {
    const answer = await this.#get(key);
    if (answer?.Body === undefined) return undefined;
    const hash = createHash(algorithm);
    for await (const chunk of answer.Body.transformToWebStream()) hash.update(chunk);
    return `${algorithm}:${hash.digest('hex')}`;
  }

  async #get(key: string) {
    try {
      return await this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key: this.#prefix + key }));
    } catch (error) {
      if (error instanceof NoSuchKey) return undefined;
      throw error;
    }
  }
}

/**
 * Returns the keys of multipart uploads that are neither completed nor aborted.
 * @throws if the store cannot list them, as wrangler's local R2
 */
export async function openMultiparts({ client, bucket, prefix = '' }: BucketOptions): Promise<string[]> {
  const keys: string[] = [];
  let next: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {};
  while (next !== undefined) {
    const page: Awaited<ReturnType<typeof list>> = await list(next);
    keys.push(...(page.Uploads ?? []).map(({ Key = '' }) => Key));
    const { IsTruncated, NextKeyMarker, NextUploadIdMarker } = page;
    next =
      IsTruncated === true && NextKeyMarker !== undefined
        ? {
            KeyMarker: NextKeyMarker,
            ...(NextUploadIdMarker !== undefined && { UploadIdMarker: NextUploadIdMarker }),
          }
        : undefined;
  }
  return keys;

  async function list(from: { KeyMarker?: string; UploadIdMarker?: string }) {
    return client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix, ...from }));
  }
}
