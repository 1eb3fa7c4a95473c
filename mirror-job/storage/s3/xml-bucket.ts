/**
 * The calls to a bucket that are answered in XML, without the AWS SDK, whose client does not run in Workers.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
 */
import { ServerClock } from '../../engine/support/server-clock.ts';
import type { BucketCalls, ListedPage, ListedUpload } from './bucket-calls.ts';
import { ObjectClient, type ObjectRequest } from './object-client.ts';
import {
  abortIfOpen,
  readUploads,
  timeOf,
  tokenAfter,
  type UploadMarker,
  type UploadsPage,
} from './pages.ts';
import type { Keys } from './request-signer.ts';
import { bucketAddress } from './s3-address.ts';
import { headerOf, type S3Connection } from './s3-connection.ts';
import { OddAnswerError, S3AnswerError } from './s3-error.ts';
import type { S3StoreOptions } from './s3-options.ts';
import { withStallTimeout } from './silence.ts';
import { escapeXml, parseXml, type XmlElement } from './xml.ts';

/** A page of a thousand keys of the longest kind has less. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
const SILENCE_MS = 60_000;

/** It has an endpoint and keys, because only the SDK finds those of AWS by itself. */
type Options = Pick<S3StoreOptions, 'endpoint' | 'region' | 'bucket' | 'pathStyle' | 'credentials'>;

export class XmlBucket implements BucketCalls {
  readonly #options: Options;
  readonly #client: ObjectClient;

  constructor(options: Options, connection: S3Connection) {
    this.#options = options;
    const access = { address: () => this.#findAddress(), keys: () => this.keys() };
    this.#client = new ObjectClient(options.region, access, connection, SILENCE_MS, new ServerClock());
  }

  /** @throws if the configuration has none */
  async keys(): Promise<Keys> {
    const { credentials } = this.#options;
    if (credentials === undefined) throw new OddAnswerError('there are no keys for this store');
    return credentials;
  }

  async address(): Promise<URL> {
    return this.#findAddress();
  }

  #findAddress(): URL {
    const { endpoint, bucket, pathStyle } = this.#options;
    if (endpoint === undefined) throw new OddAnswerError('there is no endpoint for this store');
    return bucketAddress(endpoint, bucket, pathStyle);
  }

  async listPage(prefix: string, limit: number | undefined, token: string | undefined): Promise<ListedPage> {
    const list = await this.#call({
      method: 'GET',
      key: '',
      query: {
        'list-type': '2',
        prefix,
        ...(limit !== undefined && { 'max-keys': String(limit) }),
        ...(token !== undefined && { 'continuation-token': token }),
      },
    });
    refuseOther(list, 'ListBucketResult');
    const isTruncated = list.text('IsTruncated') !== 'false';
    return {
      objects: list.all('Contents').map((object) => ({
        key: object.text('Key') ?? '',
        size: Number(object.text('Size') ?? 0),
        etag: object.text('ETag') ?? '',
        written: timeOf(object.text('LastModified')),
      })),
      next: tokenAfter(isTruncated, list.text('NextContinuationToken') ?? '', token),
    };
  }

  async beginUpload(key: string, contentType: string): Promise<string> {
    const begun = await this.#call({
      method: 'POST',
      key,
      query: { uploads: '' },
      headers: { 'content-type': contentType },
    });
    const id = begun.text('UploadId');
    if (id === undefined || id === '') throw new OddAnswerError('the answer has no upload id');
    return id;
  }

  async completeUpload(key: string, upload: string, etags: ReadonlyMap<number, string>): Promise<void> {
    const parts = [...etags]
      .toSorted(([one], [other]) => one - other)
      .map(
        ([number, etag]) => `<Part><PartNumber>${number}</PartNumber><ETag>${escapeXml(etag)}</ETag></Part>`,
      );
    const text = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join('')}</CompleteMultipartUpload>`;
    const completed = await this.#call({
      method: 'POST',
      key,
      query: { uploadId: upload },
      headers: { 'content-type': 'application/xml' },
      body: new TextEncoder().encode(text),
    });
    refuseOther(completed, 'CompleteMultipartUploadResult');
  }

  abortUpload(key: string, upload: string): Promise<void> {
    return abortIfOpen(async () => {
      const answer = await this.#client.send({ method: 'DELETE', key, query: { uploadId: upload } });
      answer.destroy();
    });
  }

  openUploads(prefix: string): Promise<readonly ListedUpload[]> {
    return readUploads((marker) => this.#uploadsPage(prefix, marker));
  }

  async #uploadsPage(prefix: string, marker: UploadMarker | undefined): Promise<UploadsPage> {
    const query = {
      uploads: '',
      prefix,
      ...(marker !== undefined && { 'key-marker': marker.key }),
      ...(marker?.id !== undefined && { 'upload-id-marker': marker.id }),
    };
    const page = await this.#call({ method: 'GET', key: '', query });
    return {
      uploads: page.all('Upload').flatMap((upload) => {
        const [id, begun] = [upload.text('UploadId'), upload.text('Initiated')];
        if (id === undefined || begun === undefined) return [];
        return [{ key: upload.text('Key') ?? '', id, begun: new Date(begun) }];
      }),
      next:
        page.text('IsTruncated') === 'true'
          ? { key: page.text('NextKeyMarker') ?? '', id: page.text('NextUploadIdMarker') }
          : undefined,
    };
  }

  async #call(request: ObjectRequest): Promise<XmlElement> {
    const answer = await this.#client.send(request);
    const chunks: Uint8Array[] = [];
    let length = 0;
    const read = async (): Promise<void> => {
      for await (const chunk of answer) {
        length += chunk.length;
        if (length > MAX_ANSWER_BYTES) throw new OddAnswerError('the answer is too long');
        chunks.push(chunk);
      }
    };
    try {
      await withStallTimeout(read(), SILENCE_MS);
    } finally {
      answer.destroy();
    }
    const text = Buffer.concat(chunks).toString('utf8');
    const root = parseXml(text);
    // AWS sends 200 before it has joined the parts, and then perhaps an error.
    if (root.name === 'Error')
      throw new S3AnswerError(answer.statusCode ?? 200, text, headerOf(answer, 'x-amz-bucket-region'));
    return root;
  }
}

function refuseOther({ name }: XmlElement, wanted: string): void {
  if (name !== wanted) throw new OddAnswerError(`the answer is <${name}> and not <${wanted}>`);
}
