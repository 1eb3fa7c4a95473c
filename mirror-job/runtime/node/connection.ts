/** Makes the HTTP client of an upstream: Node's own, with further root certificates and through a proxy. */
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { getCACertificates } from 'node:tls';
import { TimeoutError } from '../../engine/support/timeout-error.ts';
import type { HttpResponse, HttpClient } from '../../sources/registry/http-client.ts';
import { USER_AGENT } from '../user-agent.ts';
import { createAgents } from './agents.ts';
import { exchange } from './exchange.ts';
import { freeingChunks } from './garbage-collection.ts';
import { NO_PROXIES, type Proxies } from './proxies.ts';

/** A response of at most this size is read to its end when it is discarded, because a new connection would take longer. */
const SHORT_BYTES = 64 * 1024;
/** The longest time in which such a response is read to its end. */
const LINGER_MS = 5000;

/**
 * @param ca a PEM file with certificates that are trusted in addition to the usual ones
 * @param proxies the proxies for all hosts but the excepted ones
 * @throws if the file cannot be read
 */
export async function connect(ca: string | undefined, proxies: Proxies = NO_PROXIES): Promise<HttpClient> {
  const roots = ca === undefined ? {} : { ca: await withUsualRoots(ca) };
  const keepAliveAgents = createAgents(proxies, roots);
  const closingAgents = createAgents(proxies, { ...roots, keepAlive: false });
  /**
   * The servers that have sent a body to a HEAD. Node takes that body for the next response on the same connection, so
   * each HEAD to such a server gets a connection of its own.
   */
  const sendsBodyToHead = new Set<string>();
  const send: HttpClient = async (url, { method, headers, body, signal, timeoutMs }) => {
    const agents = method === 'HEAD' && sendsBodyToHead.has(url.host) ? closingAgents : keepAliveAgents;
    try {
      const message = await exchange({
        method,
        origin: url,
        path: `${url.pathname}${url.search}`,
        headers: { 'User-Agent': USER_AGENT, ...headers },
        body,
        agents,
        timeoutMs,
        signal,
      });
      return new NodeHttpResponse(message, method);
    } catch (error) {
      if (isBadSyntax(error)) sendsBodyToHead.add(url.host);
      throw error;
    }
  };
  return async (url, request) => {
    const [proxy, variable] =
      url.protocol === 'https:' ? [proxies.https, 'HTTPS_PROXY'] : [proxies.http, 'HTTP_PROXY'];
    if (proxy === undefined) return send(url, request);
    let response: HttpResponse;
    try {
      response = await send(url, request);
    } catch (error) {
      throw explainProxy(error, variable);
    }
    // Without a tunnel, the proxy's 407 comes as a response, and not as an error.
    if (response.status !== 407) return response;
    response.discard();
    throw refusedByProxy(response.status);
  };
}

/**
 * The certificates of Node, of NODE_EXTRA_CA_CERTS and of the file. Reading them takes a while, so only upstreams with a `ca`
 * wait for it.
 */
async function withUsualRoots(file: string): Promise<string[]> {
  return [...getCACertificates('default'), await readFile(file, 'utf8')];
}

class NodeHttpResponse implements HttpResponse {
  readonly status: number;
  readonly headers: HttpResponse['headers'];
  readonly #message: IncomingMessage;
  readonly #hasBody: boolean;
  #isRead = false;

  constructor(message: IncomingMessage, method: string) {
    this.#message = message;
    this.#hasBody = method !== 'HEAD';
    this.status = message.statusCode ?? 0;
    this.headers = {
      get: (name) => {
        const value = message.headers[name.toLowerCase()];
        return Array.isArray(value) ? value.join(', ') : (value ?? null);
      },
    };
    // An error of a response that nobody reads must not end the process. A reader still gets it from the stream.
    message.on('error', () => {});
  }

  get body(): AsyncIterable<Uint8Array> {
    this.#isRead = true;
    return freeingChunks(this.#message);
  }

  discard(): void {
    const length = Number(this.headers.get('Content-Length') ?? Number.NaN);
    const isShort = !this.#hasBody || length <= SHORT_BYTES;
    if (isShort && !this.#isRead) {
      this.#message.resume();
      const late = setTimeout(() => this.#message.destroy(), LINGER_MS);
      late.unref();
      this.#message.once('close', () => clearTimeout(late));
    } else if (!this.#message.readableEnded) this.#message.destroy();
  }
}

function isBadSyntax(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('HPE_');
}

/** Adds the variable of the proxy to the reason, because the host itself was not asked, unless NO_PROXY excepts it. */
function explainProxy(error: unknown, variable: string): unknown {
  if (!(error instanceof Error)) return error;
  if (error instanceof TimeoutError && error.waitedFor === 'an answer') return error;
  const status = 'statusCode' in error ? Number(error.statusCode) : Number.NaN;
  if (!Number.isNaN(status)) return refusedByProxy(status, error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.message;
  return new Error(`${code}; ${variable} is set`, { cause: error.message });
}

function refusedByProxy(status: number, cause?: Error): Error {
  return new Error(`the proxy answered ${status}`, { cause: cause?.message });
}
