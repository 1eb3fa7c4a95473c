/** A bucket behind the S3 API. docs/providers.md says what each provider needs, and why each setting is here. */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import {
  StoreError,
  UploadLostError,
  type ComparableStore,
  type ListedObject,
  type OpenUpload,
  type PutOptions,
  type PutResult,
  type StoredObject,
  type UploadPart,
} from '../engine/store.ts';
import type { AwsConnection } from '../node/proxies.ts';

export interface S3StoreOptions {
  /** Undefined for AWS itself. */
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly bucket: string;
  /** Empty, or ends in a slash. */
  readonly prefix: string;
  readonly pathStyle: boolean;
  /** Undefined: the AWS SDK's own chain. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
}

/** AWS answers a conditional write with 409 while another one is under way: to be asked again, not to be lost. */
const CONFLICT_ATTEMPTS = 5;

/** Between two pieces of a body. Milliseconds. */
const SILENCE = 60_000;

export class S3Store implements ComparableStore {
  readonly name: string;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #silence: number;

  /**
   * @param connection how to reach it, where that is not directly
   * @param silence between two pieces of a body, milliseconds
   */
  constructor(options: S3StoreOptions, connection: AwsConnection = {}, silence = SILENCE) {
    this.#silence = silence;
    const { endpoint, region, bucket, prefix, pathStyle, credentials } = options;
    this.#bucket = bucket;
    this.#prefix = prefix;
    this.name = `The bucket "${bucket}"${prefix === '' ? '' : ` (prefix "${prefix}")`} at ${endpoint ?? `AWS, ${region}`}`;
    this.#client = new S3Client({
      region,
      forcePathStyle: pathStyle,
      maxAttempts: 4,
      // The newer checksums are trailers in a chunked body, which several providers refuse. Each body is signed
      // with its own SHA-256 as it is, so a store that checks signatures checks the bytes too.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      // Waiting for "100 Continue" costs seconds a part where the server does not send it.
      expectContinueHeader: false,
      requestHandler: {
        connectionTimeout: 10_000,
        requestTimeout: 120_000,
        throwOnRequestTimeout: true,
        ...connection,
      },
      ...(endpoint !== undefined && { endpoint }),
      ...(credentials !== undefined && { credentials }),
    });
  }

  async get(key: string): Promise<StoredObject | undefined> {
    return this.#call('read', key, async (name) => {
      try {
        const { Body, ETag, ContentType } = await this.#client.send(new GetObjectCommand(name));
        if (Body === undefined || ETag === undefined) throw new Error('the answer has no body or no ETag');
        // What is read whole is small: the client bounds the wait for the answer, and nobody that for its body.
        return {
          bytes: await inTime(Body.transformToByteArray(), this.#silence),
          etag: ETag,
          contentType: ContentType,
        };
      } catch (error) {
        if (isCalled(error, 'NoSuchKey')) return undefined;
        throw error;
      }
    });
  }

  async stream(key: string, offset: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    return this.#call('read', key, async (name) => {
      try {
        const range = offset === 0 ? {} : { Range: `bytes=${offset}-` };
        const { Body } = await this.#client.send(new GetObjectCommand({ ...name, ...range }));
        if (Body === undefined) throw new Error('the answer has no body');
        return this.#pieces(key, Body.transformToWebStream());
      } catch (error) {
        if (isCalled(error, 'NoSuchKey')) return undefined;
        throw error;
      }
    });
  }

  /** The client bounds the wait for an answer; this bounds that for each piece of it. */
  async *#pieces(key: string, body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
    const reader = body.getReader();
    try {
      for (;;) {
        const { done, value } = await this.#call('read', key, () => inTime(reader.read(), this.#silence));
        if (done) return;
        yield value;
      }
    } finally {
      // Also when nobody wants the rest: the connection must not stay open with it.
      await reader.cancel().catch(() => {});
    }
  }

  async size(key: string): Promise<number | undefined> {
    return this.#call('look at', key, async (name) => {
      try {
        const { ContentLength } = await this.#client.send(new HeadObjectCommand(name));
        return ContentLength ?? 0;
      } catch (error) {
        // A HEAD has no body that could name the error.
        if (statusOf(error) === 404) return undefined;
        throw error;
      }
    });
  }

  async put(key: string, bytes: Uint8Array, { contentType, condition }: PutOptions): Promise<PutResult> {
    return this.#call('write', key, async (name) => {
      const command = new PutObjectCommand({
        ...name,
        Body: bytes,
        ContentType: contentType,
        ...(condition !== undefined &&
          ('ifMatch' in condition ? { IfMatch: condition.ifMatch } : { IfNoneMatch: condition.ifNoneMatch })),
      });
      for (let attempt = 1; ; attempt += 1) {
        try {
          await this.#client.send(command);
          return 'written';
        } catch (error) {
          const status = statusOf(error);
          if (condition !== undefined && status === 412) return 'conflict';
          // If-Match on an object that is gone: AWS says 404 where others say 412.
          if (condition !== undefined && 'ifMatch' in condition && isCalled(error, 'NoSuchKey'))
            return 'conflict';
          if (status !== 409 || attempt === CONFLICT_ATTEMPTS) throw error;
        }
      }
    });
  }

  async list(prefix: string, limit: number): Promise<readonly string[]> {
    return this.#call('list', prefix, async ({ Key }) => {
      const keys: string[] = [];
      let token: string | undefined;
      do {
        const page = await this.#client.send(
          new ListObjectsV2Command({
            Bucket: this.#bucket,
            Prefix: Key,
            MaxKeys: Math.min(limit - keys.length, 1000),
            ContinuationToken: token,
          }),
        );
        for (const { Key: found = '' } of page.Contents ?? []) keys.push(found.slice(this.#prefix.length));
        token = page.NextContinuationToken;
      } while (token !== undefined && keys.length < limit);
      return keys;
    });
  }

  async *entries(prefix: string): AsyncGenerator<ListedObject> {
    let token: string | undefined;
    do {
      const page = await this.#call('list', prefix, ({ Bucket, Key }) =>
        this.#client.send(new ListObjectsV2Command({ Bucket, Prefix: Key, ContinuationToken: token })),
      );
      for (const { Key: found = '', Size = 0, ETag = '' } of page.Contents ?? []) {
        yield { key: found.slice(this.#prefix.length), size: Size, etag: ETag };
      }
      token = page.NextContinuationToken;
    } while (token !== undefined);
  }

  async beginUpload(key: string, contentType: string): Promise<string> {
    return this.#call('begin an upload to', key, async (name) => {
      const { UploadId } = await this.#client.send(
        new CreateMultipartUploadCommand({ ...name, ContentType: contentType }),
      );
      if (UploadId === undefined) throw new Error('the answer has no upload id');
      return UploadId;
    });
  }

  async putPart(key: string, upload: string, number: number, bytes: Uint8Array): Promise<UploadPart> {
    return this.#call(`upload part ${number} of`, key, async (name) => {
      const { ETag } = await this.#client.send(
        new UploadPartCommand({ ...name, UploadId: upload, PartNumber: number, Body: bytes }),
      );
      if (ETag === undefined) throw new Error('the answer has no ETag');
      return { number, etag: ETag };
    });
  }

  async completeUpload(key: string, upload: string, parts: readonly UploadPart[]): Promise<void> {
    await this.#call('complete the upload to', key, (name) =>
      this.#client.send(
        new CompleteMultipartUploadCommand({
          ...name,
          UploadId: upload,
          MultipartUpload: { Parts: parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag })) },
        }),
      ),
    );
  }

  async abortUpload(key: string, upload: string): Promise<void> {
    await this.#call('abort the upload to', key, async (name) => {
      try {
        await this.#client.send(new AbortMultipartUploadCommand({ ...name, UploadId: upload }));
      } catch (error) {
        if (!isCalled(error, 'NoSuchUpload')) throw error;
      }
    });
  }

  async openUploads(prefix: string): Promise<readonly OpenUpload[]> {
    return this.#call('list the uploads below', prefix, async ({ Key }) => {
      const open: OpenUpload[] = [];
      let marker: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } | undefined = {};
      while (marker !== undefined) {
        const page = await this.#uploadsPage(Key, marker);
        for (const { Key: found = '', UploadId, Initiated } of page?.Uploads ?? []) {
          if (UploadId === undefined || Initiated === undefined) continue;
          open.push({ key: found.slice(this.#prefix.length), id: UploadId, begun: Initiated });
        }
        marker =
          page?.IsTruncated === true
            ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
            : undefined;
      }
      return open;
    });
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
      // A provider that cannot list them clears them by its own rules; nothing of a run depends on it.
      if (statusOf(error) === 501 || isCalled(error, 'NotImplemented')) return undefined;
      throw error;
    }
  }

  /** Every failure becomes a sentence that names the bucket, the call and the key. */
  async #call<Result>(
    what: string,
    key: string,
    send: (name: { Bucket: string; Key: string }) => Promise<Result>,
  ): Promise<Result> {
    try {
      return await send({ Bucket: this.#bucket, Key: `${this.#prefix}${key}` });
    } catch (error) {
      if (isCalled(error, 'NoSuchUpload')) {
        throw new UploadLostError(`${this.name}: the upload to ${key} is not there any more.`, {
          cause: error,
        });
      }
      throw new StoreError(`${this.name}: could not ${what} ${key === '' ? 'it' : key}: ${explain(error)}`, {
        cause: error,
      });
    }
  }
}

class SilenceError extends Error {
  override readonly name = 'SilenceError';
}

/** @throws {SilenceError} when nothing has come after the time that is borne */
async function inTime<Value>(promise: Promise<Value>, silence: number): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new SilenceError('It fell silent.')), silence);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function isCalled(error: unknown, name: string): boolean {
  return error instanceof S3ServiceException && error.name === name;
}

function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}

/** What went wrong, and what to do about the cases that configuration causes. Never a header, never a key. */
function explain(error: unknown): string {
  if (error instanceof S3ServiceException) {
    switch (error.name) {
      case 'NoSuchBucket':
        return 'there is no such bucket. Create it, or correct store.bucket.';
      case 'InvalidAccessKeyId':
      case 'SignatureDoesNotMatch':
        return `the keys are not accepted (${error.name}). Check store.accessKeyId, store.secretAccessKey and store.region.`;
      default:
        if (error.$metadata.httpStatusCode === 401) {
          return `the keys are not accepted (${error.name}). Check store.accessKeyId and store.secretAccessKey.`;
        }
        if (error.$metadata.httpStatusCode === 403) {
          return `access is denied (${error.name}). The job's key has to read, list and write this bucket.`;
        }
        return `${error.$metadata.httpStatusCode ?? 'no status'} ${error.name}.`;
    }
  }
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'CredentialsProviderError') {
    return 'no keys were found. Set store.accessKeyId and store.secretAccessKey, or what the AWS SDK reads (AWS_ACCESS_KEY_ID, a profile, a role).';
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return `it does not answer (${code}). Check store.endpoint.`;
}
