/** The connections to a store, which the runtime makes: storage/ imports nothing of a runtime. */
import type { Agent as HttpAgent, IncomingMessage } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';

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

export interface S3Connection {
  /** The AWS SDK sends its requests through them. */
  readonly agents: { readonly httpAgent: HttpAgent; readonly httpsAgent: HttpsAgent };
  /**
   * @returns the response, whatever its status. The caller has to read or to destroy its body
   * @throws {TimeoutError}, and Node's error for a connection
   */
  send(request: S3Request): Promise<IncomingMessage>;
}
