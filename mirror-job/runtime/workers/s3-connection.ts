/** The connections to an S3 store in Workers: their `fetch`. */
import { TimeoutError } from '../../engine/support/timeout-error.ts';
import type { S3Answer, S3Connection, S3Headers, S3Request } from '../../storage/s3/s3-connection.ts';
import { XmlBucket } from '../../storage/s3/xml-bucket.ts';

export const fetchS3Connection: S3Connection = {
  async send({ method, origin, path, headers, body, timeoutMs }: S3Request): Promise<S3Answer> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new TimeoutError('an answer')), timeoutMs);
    // `fetch` sends the host and the length by itself.
    const { host: _host, 'content-length': _length, ...sent } = headers;
    try {
      const response = await fetch(new URL(path, origin), {
        method,
        headers: { ...sent, 'accept-encoding': 'identity' },
        redirect: 'manual',
        signal: late.signal,
        ...(body !== undefined && { body }),
      });
      return new FetchedAnswer(response);
    } catch (error) {
      // Another attempt may find the store again. Node's errors of a connection have a code that says so.
      if (error instanceof TimeoutError) throw error;
      throw Object.assign(new Error(error instanceof Error ? error.message : String(error)), {
        code: 'ECONNRESET',
      });
    } finally {
      clearTimeout(timer);
    }
  },
  bucketCalls: async (options) => new XmlBucket(options, fetchS3Connection),
};

class FetchedAnswer implements S3Answer {
  readonly statusCode: number;
  readonly headers: S3Headers;
  readonly #body: ReadableStream<Uint8Array> | null;

  constructor({ status, headers, body }: Response) {
    this.statusCode = status;
    this.headers = Object.fromEntries(headers);
    this.#body = body;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    if (this.#body !== null) yield* this.#body;
  }

  destroy(): void {
    // The connection may be broken already, which does not matter any more.
    if (this.#body?.locked === false) this.#body.cancel().catch(() => undefined);
  }
}
