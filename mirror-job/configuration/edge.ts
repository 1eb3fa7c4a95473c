/** Interprets `edge`: where clients are pointed. The command line of `doctor` takes the same addresses. */
import { resolve } from 'node:path';
import type { EdgeConfiguration } from './configuration.ts';
import type { Problems } from './problems.ts';
import type { EdgeFile } from './schema.ts';

/** A text is not the address of an edge. The message continues a sentence that names the text. */
export class EdgeAddressError extends Error {
  override readonly name = 'EdgeAddressError';
}

/** @returns undefined, after adding a problem, for an address that no client can use */
export function interpretEdge(
  { url, tokenFile }: EdgeFile,
  folder: string,
  problems: Problems,
): EdgeConfiguration | undefined {
  try {
    return {
      url: parseEdgeUrl(url),
      tokenFile: tokenFile === undefined ? undefined : resolve(folder, tokenFile),
    };
  } catch (error) {
    if (!(error instanceof EdgeAddressError)) throw error;
    problems.add(['edge', 'url'], error.message);
    return undefined;
  }
}

/**
 * Parses the address of an edge. Docker takes a mirror only at the root of a host, and the paths of other clients are
 * made from the root too.
 * @returns the origin, without a slash at its end
 * @throws {EdgeAddressError}
 */
export function parseEdgeUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.hostname === '') {
    throw new EdgeAddressError('it must be an address such as https://mirror.example.com.');
  }
  if (url.username !== '' || url.password !== '') {
    throw new EdgeAddressError(
      'it must have no user and no password: a token belongs into a file (--token-file, or edge.tokenFile).',
    );
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw new EdgeAddressError(`it must end after the host: write ${url.origin}.`);
  }
  return url.origin;
}
