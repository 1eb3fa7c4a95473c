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
import { isCalled, statusOf, OddAnswerError } from './s3-error.ts';
import type { Keys } from './request-signer.ts';
import type { BucketCalls, ListedPage, ListedUpload } from './bucket-calls.ts';
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
    const { IsTruncated, NextContinuationToken = '' } = page;
    // Some servers send an empty token with the last page, which would lead to the first page again.
    const next = IsTruncated === false || NextContinuationToken === '' ? undefined : NextContinuationToken;
    // Otherwise half a list would pass for a whole one.
    if (next !== undefined && next === token)
      throw new OddAnswerError('the pages of the list lead in a circle');
    return {
      objects: (page.Contents ?? []).map(({ Key = '', Size = 0, ETag = '' }) => ({
        key: Key,
        size: Size,
        etag: ETag,
      })),
      next,
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

  async abortUpload(key: string, upload: string): Promise<void> {
    try {
      await this.#client.send(new AbortMultipartUploadCommand({ ...this.#name(key), UploadId: upload }));
    } catch (error) {
      if (!isCalled(error, 'NoSuchUpload')) throw error;
    }
  }

  async openUploads(prefix: string): Promise<readonly ListedUpload[]> {
    const open: ListedUpload[] = [];
    let marker: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } | undefined = {};
    while (marker !== undefined) {
      const page = await this.#uploadsPage(prefix, marker);
      for (const { Key = '', UploadId, Initiated } of page?.Uploads ?? []) {
        if (UploadId === undefined || Initiated === undefined) continue;
        open.push({ key: Key, id: UploadId, begun: Initiated });
      }
      const { IsTruncated = false, NextKeyMarker = '', NextUploadIdMarker } = page ?? {};
      // A server that says "more" without a new marker would be asked the same for ever.
      const isFurther: boolean =
        NextKeyMarker !== marker.KeyMarker || NextUploadIdMarker !== marker.UploadIdMarker;
      marker =
        IsTruncated && NextKeyMarker !== '' && isFurther
          ? { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker }
          : undefined;
    }
    return open;
  }

  async #uploadsPage(
    prefix: string,
    marker: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined },
  ) {
    try {
      return await this.#client.send(
        new ListMultipartUploadsCommand({ Bucket: this.#bucket, Prefix: prefix, ...marker }),
      );
    } catch (error) {
      // A provider that cannot list uploads clears them by its own rules. No run depends on the list.
      if (statusOf(error) === 501 || isCalled(error, 'NotImplemented')) return undefined;
      throw error;
    }
  }

  #name(key: string): Name {
    return { Bucket: this.#bucket, Key: key };
  }
}
