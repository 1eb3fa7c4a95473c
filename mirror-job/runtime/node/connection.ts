/** Connections to an upstream: Node's own HTTP client, with further root certificates and by way of a proxy. */
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { getCACertificates } from 'node:tls';
import about from '../../../package.json' with { type: 'json' };
import { TimeoutError } from '../../engine/support/timeout-error.ts';
import type { Answer, Fetch } from '../../sources/registry/answer.ts';
import { createAgents } from './agents.ts';
import { exchange } from './exchange.ts';
import { freeingChunks } from './garbage-collection.ts';
import { NO_PROXIES, type Proxies } from './proxies.ts';

/** Who asks: registries want to know whom to write to before they shut somebody out. */
const USER_AGENT = `${about.name}/${about.version}`;
/** What is left of an answer is read to its end if it is no longer: a new connection would take longer. Bytes. */
const SHORT = 64 * 1024;
/** For so long. Milliseconds. */
const LINGER = 5000;

/**
 * @param ca a PEM file whose certificates are trusted besides the usual ones
 * @param proxies the way to hosts that are not excepted
 * @throws when the file cannot be read
 */
export async function connect(ca: string | undefined, proxies: Proxies = NO_PROXIES): Promise<Fetch> {
  const roots = ca === undefined ? {} : { ca: await withUsualRoots(ca) };
  const keeping = createAgents(proxies, roots);
  const closing = createAgents(proxies, { ...roots, keepAlive: false });
  /** Servers that have sent a body to a HEAD: it is taken for the next answer on its connection, which spoils that. */
  const unclean = new Set<string>();
  const send: Fetch = async (url, { method, headers, body, signal, timeout }) => {
    const agents = method === 'HEAD' && unclean.has(url.host) ? closing : keeping;
    try {
      const message = await exchange({
        method,
        origin: url,
        path: `${url.pathname}${url.search}`,
        headers: { 'User-Agent': USER_AGENT, ...headers },
        body,
        agents,
        timeout,
        signal,
      });
      return new NodeAnswer(message, method);
    } catch (error) {
      if (isBadSyntax(error)) unclean.add(url.host);
      throw error;
    }
  };
  return async (url, request) => {
    const [proxy, variable] =
      url.protocol === 'https:' ? [proxies.https, 'HTTPS_PROXY'] : [proxies.http, 'HTTP_PROXY'];
    if (proxy === undefined) return send(url, request);
    let answer: Answer;
    try {
      answer = await send(url, request);
    } catch (error) {
      throw explainProxy(error, variable);
    }
    // Only where there is a tunnel does it come as an error.
    if (answer.status !== 407) return answer;
    answer.discard();
    throw refusedByProxy(answer.status);
  };
}

/**
 * Node's own, and those of NODE_EXTRA_CA_CERTS. Reading them takes a while, which only an upstream that names a further
 * one is made to wait.
 */
async function withUsualRoots(file: string): Promise<string[]> {
  return [...getCACertificates('default'), await readFile(file, 'utf8')];
}

class NodeAnswer implements Answer {
  readonly status: number;
  readonly headers: Answer['headers'];
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
    // What is let go, or read by nobody any more, fails nobody; who reads hears of it all the same.
    message.on('error', () => {});
  }

  get body(): AsyncIterable<Uint8Array> {
    this.#isRead = true;
    return freeingChunks(this.#message);
  }

  discard(): void {
    const length = Number(this.headers.get('Content-Length') ?? Number.NaN);
    const isShort = !this.#hasBody || length <= SHORT;
    if (isShort && !this.#isRead) {
      this.#message.resume();
      const late = setTimeout(() => this.#message.destroy(), LINGER);
      late.unref();
      this.#message.once('close', () => clearTimeout(late));
    } else if (!this.#message.readableEnded) this.#message.destroy();
  }
}

function isBadSyntax(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('HPE_');
}

/** Who reads that a host cannot be reached has to know that another one was asked, unless NO_PROXY excepts it. */
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
