/**
 * Calls to a bucket through the AWS SDK: the rare ones that are answered in XML, and those that find AWS's own address
 * and keys. A run that needs none of them never loads this module.
 */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadBucketCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';
import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import type { BucketCalls, ListedPage, ListedUpload } from './bucket-calls.ts';
import { abortIfOpen, readUploads, tokenAfter, type UploadMarker, type UploadsPage } from './pages.ts';
import type { Keys } from './request-signer.ts';
import { OddAnswerError } from './s3-error.ts';
import type { S3StoreOptions } from './s3-options.ts';

/** The name of an object. Every key in this file has the prefix. */
interface Name {
  readonly Bucket: string;
  readonly Key: string;
}

/** The connections of the SDK. */
interface Agents {
  readonly httpAgent: HttpAgent;
  readonly httpsAgent: HttpsAgent;
}

/** Its methods throw what the SDK throws. */
export class SdkBucket implements BucketCalls {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor({ endpoint, region, bucket, pathStyle, credentials }: S3StoreOptions, agents: Agents) {
    this.#bucket = bucket;
    this.#client = new S3Client({
      region,
      forcePathStyle: pathStyle,
      maxAttempts: 4,
      // The newer checksums are trailers in a chunked body, which several providers refuse.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: {
        connectionTimeout: 10_000,
        requestTimeout: 120_000,
        throwOnRequestTimeout: true,
        ...agents,
      },
      ...(endpoint !== undefined && { endpoint }),
      ...(credentials !== undefined && { credentials }),
    });
  }

  /** @returns keys from the SDK's chain, which renews them before they expire */
  keys(): Promise<Keys> {
    return this.#client.config.credentials();
  }

  /** @returns the bucket's address at AWS, by the region and the settings that the SDK reads. It ends in a slash */
  async address(): Promise<URL> {
    const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner');
    const url = new URL(await getSignedUrl(this.#client, new HeadBucketCommand({ Bucket: this.#bucket })));
    return new URL(url.pathname.endsWith('/') ? url.pathname : `${url.pathname}/`, url.origin);
  }

  async listPage(prefix: string, limit: number | undefined, token: string | undefined): Promise<ListedPage> {
    const page = await this.#client.send(
      new ListObjectsV2Command({
        Bucket: this.#bucket,
        Prefix: prefix,
        MaxKeys: limit,
        ContinuationToken: token,
      }),
    );
    return {
      objects: (page.Contents ?? []).map(({ Key = '', Size = 0, ETag = '', LastModified: written }) => ({
        key: Key,
        size: Size,
        etag: ETag,
        written,
      })),
      next: tokenAfter(page.IsTruncated, page.NextContinuationToken ?? '', token),
    };
  }

  async beginUpload(key: string, contentType: string): Promise<string> {
    const command = new CreateMultipartUploadCommand({ ...this.#name(key), ContentType: contentType });
    const { UploadId } = await this.#client.send(command);
    if (UploadId === undefined) throw new OddAnswerError('the answer has no upload id');
    return UploadId;
  }

  /** @param etags by the number of a part, in any order */
  async completeUpload(key: string, upload: string, etags: ReadonlyMap<number, string>): Promise<void> {
    const parts = [...etags].toSorted(([one], [other]) => one - other);
    await this.#client.send(
      new CompleteMultipartUploadCommand({
        ...this.#name(key),
        UploadId: upload,
        MultipartUpload: { Parts: parts.map(([number, etag]) => ({ PartNumber: number, ETag: etag })) },
      }),
    );
  }

  abortUpload(key: string, upload: string): Promise<void> {
    return abortIfOpen(async () => {
      await this.#client.send(new AbortMultipartUploadCommand({ ...this.#name(key), UploadId: upload }));
    });
  }

  openUploads(prefix: string): Promise<readonly ListedUpload[]> {
    return readUploads((marker) => this.#uploadsPage(prefix, marker));
  }

  async #uploadsPage(prefix: string, marker: UploadMarker | undefined): Promise<UploadsPage> {
    const page = await this.#client.send(
      new ListMultipartUploadsCommand({
        Bucket: this.#bucket,
        Prefix: prefix,
        KeyMarker: marker?.key,
        UploadIdMarker: marker?.id,
      }),
    );
    const { Uploads = [], IsTruncated = false, NextKeyMarker = '', NextUploadIdMarker } = page;
    return {
      uploads: Uploads.flatMap(({ Key = '', UploadId: id, Initiated: begun }) =>
        id === undefined || begun === undefined ? [] : [{ key: Key, id, begun }],
      ),
      next: IsTruncated ? { key: NextKeyMarker, id: NextUploadIdMarker } : undefined,
    };
  }

  #name(key: string): Name {
    return { Bucket: this.#bucket, Key: key };
  }
}
