/** A client of the edge over HTTP/1.1 that sends paths as they are, and reads whole answers. */
import { Agent, request, type IncomingHttpHeaders, type RequestOptions } from 'node:http';

export interface EdgeAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface EdgeRequest {
  /** It is sent as it is; `fetch` would take `..` out of it. */
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const LIMIT_MS = 30_000;

export class EdgeClient {
  readonly #url: URL;
  readonly #agent: Agent;

  /** @param sockets the most connections at once */
  constructor(url: string, sockets: number) {
    this.#url = new URL(url);
    this.#agent = new Agent({ keepAlive: true, maxSockets: sockets });
  }

  /** @throws for an error of the transport: no answer in time, a closed connection, a body that breaks off */
  async ask({ path, method = 'GET', headers = {} }: EdgeRequest): Promise<EdgeAnswer> {
    const { hostname, port } = this.#url;
    return answerTo({ agent: this.#agent, hostname, port, path, method, headers });
  }

  /** Requests a path, and closes the connection as soon as the answer begins. */
  async leave({ path, headers = {} }: EdgeRequest): Promise<void> {
    const { hostname, port } = this.#url;
    await new Promise<void>((resolve, reject) => {
      const sent = request({ agent: false, hostname, port, path, headers }, (response) => {
        // The error is that of the connection, which is closed on purpose.
        response.on('error', () => {});
        response.destroy();
        resolve();
      });
      sent.on('error', reject);
      sent.end();
    });
  }

  /** Closes its connections. It can be used again. */
  close(): void {
    this.#agent.destroy();
  }
}

/** Gets an address without the edge, as a client does after a redirect. @throws as `EdgeClient.ask` */
export async function askStore(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<EdgeAnswer> {
  const { hostname, port, pathname, search } = new URL(url);
  return answerTo({ agent: false, hostname, port, path: pathname + search, method: 'GET', headers });
}

async function answerTo(options: RequestOptions): Promise<EdgeAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request({ ...options, timeout: LIMIT_MS }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const { statusCode: status = 0, headers } = response;
        resolve({ status, headers, body: Buffer.concat(chunks) });
      });
    });
    sent.once('error', reject);
    sent.once('timeout', () => sent.destroy(new Error(`There was no answer in ${LIMIT_MS} ms.`)));
    sent.end();
  });
}
