/** A registry that stays within each bound for one answer, and whose last answer never comes: the job holds what came before. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { OCI_INDEX, OCI_MANIFEST } from '../support/media-types.ts';

export type Hoard = 'children' | 'pages of referrers' | 'odd JSON';

interface Stored {
  readonly mediaType: string;
  readonly digest: string;
  readonly bytes: Buffer;
}

const CONFIG = Buffer.from('{}');
const MIB = 1024 * 1024;

export interface HoardingRegistry {
  readonly host: string;
  /** When the last request came, in milliseconds. */
  readonly asked: () => number;
  /** Bytes of the answers that were sent whole. */
  readonly sent: () => number;
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
  const top =
    hoard === 'children' ? indexOf(120, 250_000) : hoard === 'pages of referrers' ? indexOf(8, 10) : plain;
  silent.delete(hoard === 'pages of referrers' ? ([...silent][0] ?? '') : '');
  const page = JSON.stringify({ manifests: [], annotations: { padding: 'y'.repeat(4 * MIB - 100) } });
  const list = hoard === 'odd JSON' ? `{"tags":[],"x":[${'{},'.repeat(5_000_000)}{}]}` : '{"tags":[]}';
  const asked = new Set<string>();

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? '', 'http://x');
    const [, repository = '', kind, reference = ''] =
      /^\/v2\/(\w+)\/(tags|manifests|blobs|referrers)\/(.+)$/.exec(url.pathname) ?? [];
    if (kind === 'tags') return void response.end(list);
    if (kind === 'blobs') return void response.end(CONFIG);
    if (kind === 'referrers') {
      response.setHeader('content-type', OCI_INDEX);
      if (url.searchParams.has('page')) {
        response.flushHeaders();
        return;
      }
      const isFirst = !asked.has(repository);
      asked.add(repository);
      // The first answer tells that there is such an API, so that the others are asked side by side.
      if (hoard !== 'pages of referrers' || isFirst) {
        return void response.end('{"manifests":[]}');
      }
      response.setHeader('link', `<${url.pathname}?page=1>; rel="next"`);
      return void response.end(page);
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
    else response.end(stored.bytes);
  };

  let last = Date.now();
  let sent = 0;
  const server = createServer((request, response) => {
    last = Date.now();
    const { socket } = request;
    const before = socket.bytesWritten;
    response.on('finish', () => {
      last = Date.now();
      sent += socket.bytesWritten - before;
    });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The registry has no port.');
  return {
    host: `127.0.0.1:${address.port}`,
    asked: () => last,
    sent: () => sent,
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
