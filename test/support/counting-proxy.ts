/**
 * Starts a reverse proxy that counts requests and bytes, and lets a test act at exactly one request. It buffers
 * nothing.
 */
import { once } from 'node:events';
import {
  Agent,
  createServer,
  request,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { close, listen } from './http-server.ts';
import { pass } from './passing.ts';
import { pause } from './process.ts';

export interface ProxiedRequest {
  readonly method: string;
  /** The path without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The number of requests before this one. */
  readonly index: number;
  /** 1 for the first PUT, POST, PATCH or DELETE, 2 for the next one, and so on. 0 for any other method. */
  readonly write: number;
  /** The status of the answer; 0 as long as the server has not answered. */
  status: number;
  /** The bytes of the request's body so far. */
  sent: number;
  /** The bytes of the answer's body so far. */
  received: number;
}

/**
 * The value `drop` closes the client's connection instead of going on. A status is answered in the place of the server, which
 * does not get the request.
 */
export type HookResult = void | 'drop' | { readonly status: number; readonly body: string };
export type Hook = (request: ProxiedRequest) => HookResult | Promise<HookResult>;

export interface ProxyOptions {
  /** The address `http://host:port`. */
  readonly target: string;
  /** The address of this machine to listen on; 127.0.0.1 by default. */
  readonly host?: string;
  /**
   * The milliseconds that are added to each request. This and the rate are read for each request, so a getter can
   * change them.
   */
  readonly latency?: number;
  /**
   * The rate of each answer's body. It is the rate of a connection too, because HTTP/1.1 has one answer at a time on
   * it.
   */
  readonly bytesPerSecond?: number | undefined;
  /** The Date that replaces the server's own; null for no Date. */
  readonly date?: string | null | undefined;
  /** Is called before any part of the request reaches the server. */
  readonly before?: Hook;
  /** Is called after the server has answered, before any part of the answer reaches the client. */
  readonly after?: Hook;
  /**
   * @returns the change of this answer's body; undefined for none. If the changed body is shorter than the answer's headers say, the
   * connection is closed after it
   */
  readonly spoil?: (request: ProxiedRequest) => ((body: Buffer) => Buffer) | undefined;
  /** The port to listen on; any free one by default. */
  readonly port?: number;
  /** With a certificate the proxy is reached by HTTPS. The server behind it never is. */
  readonly certificate?: { readonly pem: string; readonly keyPem: string };
}

export interface CountingProxy {
  readonly url: string;
  readonly requests: ProxiedRequest[];
  /** Returns the number of requests by method. */
  counts(): Record<string, number>;
  /** Sets all counts to 0, and restarts `index` and `write`. */
  reset(): void;
  stop(): Promise<void>;
}

const WRITES: ReadonlySet<string> = new Set(['PUT', 'POST', 'PATCH', 'DELETE']);

/** The Host header passes unchanged, so that signatures made for the proxy's address stay valid. */
export async function startCountingProxy(options: ProxyOptions): Promise<CountingProxy> {
  const target = new URL(options.target);
  const agent = new Agent({ keepAlive: true });
  const requests: ProxiedRequest[] = [];

  const handle = async (incoming: IncomingMessage, response: ServerResponse) => {
    const record = recordOf(incoming, requests);
    requests.push(record);
    if (options.latency !== undefined) await pause(options.latency);
    const instead = await options.before?.(record);
    if (instead === 'drop') {
      response.destroy();
      return;
    }
    if (instead !== undefined) {
      record.status = instead.status;
      // An answer to half a request would break the connection of a client that is still sending.
      incoming.resume();
      await once(incoming, 'end');
      response.writeHead(instead.status, { 'Content-Type': 'application/xml' }).end(instead.body);
      return;
    }
    // The client may have closed the connection during the wait.
    if (response.destroyed) return;
    const outgoing = request({
      agent,
      host: target.hostname,
      port: target.port,
      method: incoming.method,
      path: incoming.url,
      headers: forwarded(incoming.rawHeaders),
    });
    response.once('close', () => outgoing.destroy());
    const answering = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once('response', resolve);
      outgoing.once('error', reject);
      outgoing.once('close', () => reject(new Error('The server closed the connection.')));
    });
    // A server may answer and close before it has read the whole request, and its answer still counts.
    const sending = pass(incoming, outgoing).catch(() => {});
    count(incoming, (bytes) => (record.sent += bytes));
    const answer = await answering;
    record.status = answer.statusCode ?? 0;
    if ((await options.after?.(record)) === 'drop') {
      response.destroy();
      return;
    }
    response.sendDate = options.date !== null;
    response.writeHead(record.status, redated(answer.rawHeaders, options.date));
    const change = options.spoil?.(record);
    if (change !== undefined) {
      const body = change(await buffer(answer));
      record.received = body.length;
      // Only bytes that have reached the socket are certainly sent before the connection ends.
      response.write(body, () => response.socket?.end(() => response.destroy()));
      return;
    }
    const passing = pass(answer, response, options.bytesPerSecond);
    count(answer, (bytes) => (record.received += bytes));
    await passing;
    await sending;
  };

  const answerAll = (incoming: IncomingMessage, response: ServerResponse) => {
    handle(incoming, response).catch(() => response.destroy());
  };
  const { host = '127.0.0.1', certificate } = options;
  const server =
    certificate === undefined
      ? createServer(answerAll)
      : createSecureServer({ cert: certificate.pem, key: certificate.keyPem }, answerAll);
  const port = await listen(server, host, options.port);
  return {
    url: `${certificate === undefined ? 'http' : 'https'}://${host}:${port}`,
    requests,
    counts: () => countBy(requests),
    reset: () => {
      requests.length = 0;
    },
    stop: async () => {
      await close(server);
      agent.destroy();
    },
  };
}

function recordOf(incoming: IncomingMessage, earlier: readonly ProxiedRequest[]): ProxiedRequest {
  const method = incoming.method ?? 'GET';
  const url = new URL(incoming.url ?? '/', 'http://proxy.invalid');
  const writes = earlier.findLast((one) => one.write > 0)?.write ?? 0;
  return {
    method,
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    index: earlier.length,
    write: WRITES.has(method) ? writes + 1 : 0,
    status: 0,
    sent: 0,
    received: 0,
  };
}

function countBy(requests: readonly ProxiedRequest[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { method } of requests) counts[method] = (counts[method] ?? 0) + 1;
  return counts;
}

/**
 * Returns the headers without Expect, because this proxy has already sent 100-continue, and the client would wait for a
 * second one.
 */
function forwarded(raw: readonly string[]): string[] {
  const headers: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    const [name = '', value = ''] = raw.slice(index, index + 2);
    if (name.toLowerCase() !== 'expect') headers.push(name, value);
  }
  return headers;
}

/** @param date undefined leaves the server's own */
function redated(raw: readonly string[], date: string | null | undefined): string[] {
  if (date === undefined) return [...raw];
  const headers: string[] = date === null ? [] : ['Date', date];
  for (let index = 0; index < raw.length; index += 2) {
    const [name = '', value = ''] = raw.slice(index, index + 2);
    if (name.toLowerCase() !== 'date') headers.push(name, value);
  }
  return headers;
}

/** Counts by a listener, because another stream in between would cost more than everything else here. */
function count(stream: IncomingMessage, add: (bytes: number) => void): void {
  stream.on('data', (chunk: Buffer) => add(chunk.length));
}
