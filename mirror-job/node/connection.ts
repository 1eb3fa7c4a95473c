/** Connections to an upstream from Node: undici's own fetch, because only it takes further root certificates. */
import { readFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import { Agent, fetch } from 'undici';
import type { Fetch } from '../registry/registry-options.ts';

/** Milliseconds to connect, TLS included. */
const CONNECT_TIMEOUT = 10_000;

/**
 * @param ca a PEM file whose certificates are trusted besides the usual ones
 * @throws when the file cannot be read
 */
export async function connect(ca: string | undefined): Promise<Fetch> {
  const dispatcher = new Agent({
    allowH2: false,
    // The registry's client bounds each wait itself, by the configuration.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: {
      timeout: CONNECT_TIMEOUT,
      ...(ca !== undefined && { ca: [...rootCertificates, await readFile(ca, 'utf8')] }),
    },
  });
  return (url, init) => fetch(url, { ...init, dispatcher });
}
