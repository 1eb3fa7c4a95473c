/** The connections to an S3 store in Workers. */
import { TimeoutError } from '../../engine/support/timeout-error.ts';
import type { S3Answer, S3Connection, S3Headers, S3Request } from '../../storage/s3/s3-connection.ts';
import { XmlBucket } from '../../storage/s3/xml-bucket.ts';
import { ResponseBody, sendRequest } from './send-request.ts';

export const fetchS3Connection: S3Connection = {
  async send({ method, origin, path, headers, body, timeoutMs }: S3Request): Promise<S3Answer> {
    // `fetch` sends the host and the length by itself.
    const { host: _host, 'content-length': _length, ...sent } = headers;
    try {
      const response = await sendRequest(
        new URL(path, origin),
        {
          method,
          headers: { ...sent, 'accept-encoding': 'identity' },
          ...(body !== undefined && { body }),
        },
        timeoutMs,
      );
      return new FetchedAnswer(response);
    } catch (error) {
      if (error instanceof TimeoutError) throw error;
      // The store's client repeats a request after this code of Node's, and Workers' errors of a connection have none.
      const message = error instanceof Error ? error.message : String(error);
      throw Object.assign(new Error(message), { code: 'ECONNRESET' });
    }
  },
  bucketCalls: async (options) => new XmlBucket(options, fetchS3Connection),
};

class FetchedAnswer implements S3Answer {
  readonly statusCode: number;
  readonly headers: S3Headers;
  readonly #body: ResponseBody;

  constructor(response: Response) {
    this.statusCode = response.status;
    this.headers = Object.fromEntries(response.headers);
    this.#body = new ResponseBody(response);
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this.#body[Symbol.asyncIterator]();
  }

  destroy(): void {
    this.#body.discard();
  }
}
