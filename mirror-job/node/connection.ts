/** Connections to an upstream from Node: undici's own fetch, because only it takes further root certificates. */
import { readFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import { Agent, EnvHttpProxyAgent, fetch, type Dispatcher } from 'undici';
import type { Fetch } from '../registry/registry-options.ts';
import { keepAfterHeads } from './head-connection.ts';
import { NO_PROXIES, type Proxies } from './proxies.ts';

/** Milliseconds to connect, TLS included. */
const CONNECT_TIMEOUT = 10_000;

/**
 * @param ca a PEM file whose certificates are trusted besides the usual ones
 * @param proxies the way to hosts that are not excepted
 * @throws when the file cannot be read
 */
export async function connect(ca: string | undefined, proxies: Proxies = NO_PROXIES): Promise<Fetch> {
  const tls = {
    timeout: CONNECT_TIMEOUT,
    ...(ca !== undefined && { ca: [...rootCertificates, await readFile(ca, 'utf8')] }),
  };
  const options = {
    allowH2: false,
    // The registry's client bounds each wait itself, by the configuration.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: tls,
  };
  const through = (proxy: string): Dispatcher =>
    // Without an address of one's own for each, it would send https by way of HTTP_PROXY.
    new EnvHttpProxyAgent({
      ...options,
      requestTls: tls,
      connectTimeout: CONNECT_TIMEOUT,
      httpProxy: proxy,
      httpsProxy: proxy,
      noProxy: proxies.except,
    }).compose(keepAfterHeads());
  const direct = new Agent(options).compose(keepAfterHeads());
  const https = proxies.https === undefined ? direct : through(proxies.https);
  const http = proxies.http === undefined ? direct : through(proxies.http);
  return async (url, init) => {
    const dispatcher = url.startsWith('https:') ? https : http;
    try {
      return await fetch(url, { ...init, dispatcher });
    } catch (error) {
      if (dispatcher === direct) throw error;
      throw explainProxy(error, dispatcher === https ? 'HTTPS_PROXY' : 'HTTP_PROXY');
    }
  };
}

/** Who reads that a host cannot be reached has to know that another one was asked, unless NO_PROXY excepts it. */
function explainProxy(error: unknown, variable: string): unknown {
  if (!(error instanceof Error)) return error;
  // What refuses a tunnel arrives as a request that was cancelled for a reason.
  let cause = error;
  while (cause.cause instanceof Error) cause = cause.cause;
  // undici has codes of its own for these, which say nothing.
  const status = cause.message.startsWith('Proxy Authentication Required')
    ? '407'
    : /^Proxy response \((\d+)\)/.exec(cause.message)?.[1];
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message;
  const reason = status === undefined ? `${code}; ${variable} is set` : `the proxy answered ${status}`;
  return new Error(reason, { cause: new Error(reason) });
}
