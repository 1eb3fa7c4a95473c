/** The connections to a store, which the runtime makes: storage/ imports nothing of a runtime. */
import type { BucketCalls } from './bucket-calls.ts';
import type { S3StoreOptions } from './s3-options.ts';

export interface S3Request {
  readonly method: string;
  /** Scheme, host and port; its path and query do not count. */
  readonly origin: URL;
  /** Percent-encoded, with the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
  /** Until the response begins, connecting included. */
  readonly timeoutMs: number;
}

/** The names of the headers are in lower case. */
export type S3Headers = Readonly<Record<string, string | string[] | undefined>>;

/** An answer, whose body is read as it comes. Node's `IncomingMessage` is one. */
export interface S3Answer extends AsyncIterable<Uint8Array> {
  readonly statusCode?: number | undefined;
  readonly headers: S3Headers;
  /** Drops the rest of the body. It never fails. */
  destroy(): void;
}

/** @returns the first value of a header; undefined for none */
export function headerOf({ headers }: Pick<S3Answer, 'headers'>, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

export interface S3Connection {
  /**
   * @returns the response, whatever its status. The caller has to read or to destroy its body
   * @throws {TimeoutError}, and the runtime's error for a connection
   */
  send(request: S3Request): Promise<S3Answer>;
  /** Opens the calls that are answered in XML, for a store that needs them. */
  bucketCalls(options: S3StoreOptions): Promise<BucketCalls>;
}
