/** A registry that stays within the bounds of each response, and never sends the last one, so that the job holds the others. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { OCI_INDEX, OCI_MANIFEST } from '../../../support/media-types.ts';

export type Hoard = 'children' | 'pages of referrers' | 'pages that do not end' | 'odd JSON';

interface Stored {
  readonly mediaType: string;
  readonly digest: string;
  readonly bytes: Buffer;
}

const CONFIG = Buffer.from('{}');
const MIB = 1024 * 1024;
const PIECE = 64 * 1024;

export interface HoardingRegistry {
  readonly host: string;
  /** The time of the last request or byte, in milliseconds. */
  readonly active: () => number;
  /** The bytes of all responses that were begun. The system decides how many of them are on their way. */
  readonly begun: () => number;
  /** The number of requests for second pages. */
  readonly secondPages: () => number;
  readonly stop: () => void;
}

export async function startHoardingRegistry(hoard: Hoard): Promise<HoardingRegistry> {
  const manifests = new Map<string, Stored>();
  const put = (mediaType: string, content: object): Stored => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...content }));
    const stored = { mediaType, digest: digestOf(bytes), bytes };
    manifests.set(stored.digest, stored);
    return stored;
  };
  const config = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(CONFIG), size: 2 };
  const image = (index: number, padding: number): Stored =>
    put(OCI_MANIFEST, {
      config,
      layers: [],
      annotations: { index: `${index}`, padding: 'x'.repeat(padding) },
    });
  const silent = new Set<string>();
  const indexOf = (count: number, padding: number): Stored => {
    const children = Array.from({ length: count }, (_, index) => image(index, padding));
    const last = image(count, padding);
    silent.add(last.digest);
    return put(OCI_INDEX, { manifests: [...children, last].map(descriptorOf) });
  };
  const plain = image(0, 10);
  const hasPages = hoard === 'pages of referrers' || hoard === 'pages that do not end';
  const top = hoard === 'children' ? indexOf(60, 250_000) : hasPages ? indexOf(8, 10) : plain;
  if (hasPages) silent.clear();
  const page = Buffer.from(
    JSON.stringify({ manifests: [], annotations: { padding: 'y'.repeat(4 * MIB - 100) } }),
  );
  const list = Buffer.from(
    hoard === 'odd JSON' ? `{"tags":[],"x":[${'{},'.repeat(5_000_000)}{}]}` : '{"tags":[]}',
  );
  const asked = new Set<string>();
  let active = Date.now();
  let begun = 0;
  let secondPages = 0;
  /** Sends the body in pieces, which show how long the job goes on reading. */
  function* piecesOf(bytes: Buffer): Generator<Buffer> {
    for (let offset = 0; offset < bytes.length; offset += PIECE) {
      active = Date.now();
      yield bytes.subarray(offset, offset + PIECE);
    }
  }
  const send = (response: ServerResponse, bytes: Buffer, end = true): void => {
    begun += bytes.length;
    // The run may end in the middle of a response.
    pipeline(piecesOf(bytes), response, { end }).catch(() => {});
  };

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? '', 'http://x');
    const [, repository = '', kind, reference = ''] =
      /^\/v2\/(\w+)\/(tags|manifests|blobs|referrers)\/(.+)$/.exec(url.pathname) ?? [];
    if (kind === 'tags') return send(response, list);
    if (kind === 'blobs') return void response.end(CONFIG);
    if (kind === 'referrers') {
      response.setHeader('content-type', OCI_INDEX);
      if (url.searchParams.has('page')) {
        secondPages += 1;
        response.flushHeaders();
        return;
      }
      const isFirst = !asked.has(repository);
      asked.add(repository);
      // The first response shows that there is such an API, so that the next requests are sent at the same time.
      if (!hasPages || isFirst) {
        return void response.end('{"manifests":[]}');
      }
      response.setHeader('link', `<${url.pathname}?page=1>; rel="next"`);
      return send(response, page, hoard !== 'pages that do not end');
    }
    const stored =
      kind === 'manifests'
        ? (manifests.get(reference) ?? (reference === 'one' ? top : undefined))
        : undefined;
    if (kind === 'manifests' && stored === undefined) {
      response.statusCode = 404;
      return void response.end('{}');
    }
    if (stored === undefined) return void response.end('{}');
    response.writeHead(200, {
      'content-type': stored.mediaType,
      'docker-content-digest': stored.digest,
      'content-length': stored.bytes.length,
    });
    if (request.method === 'HEAD') response.end();
    else if (silent.has(stored.digest)) response.flushHeaders();
    else send(response, stored.bytes);
  };

  const server = createServer((request, response) => {
    active = Date.now();
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The registry has no port.');
  return {
    host: `127.0.0.1:${address.port}`,
    active: () => active,
    begun: () => begun,
    secondPages: () => secondPages,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function descriptorOf({ mediaType, digest, bytes }: Stored) {
  return { mediaType, digest, size: bytes.length };
}
