/**
 * Makes one registry of two: writes go to an upstream, and the edge answers every read from the content that the job
 * has mirrored. So a suite that pushes its own content reads it from the mirror.
 */
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { digestOf } from './content.ts';
import { close, listen } from './http-server.ts';
import { OCI_EMPTY, OCI_MANIFEST } from './media-types.ts';
import { pass } from './passing.ts';

/** The content that was pushed to one repository. */
export interface Pushed {
  readonly manifests: ReadonlySet<string>;
  readonly hasTags: boolean;
}

export interface WriteReadSplit {
  readonly host: string;
  /** The number of reads that the edge has answered, by the kind of content. */
  readonly reads: Record<string, number>;
  stop(): Promise<void>;
}

export interface SplitOptions {
  /** The host and port of the upstream, as `127.0.0.1:<port>`. */
  readonly upstream: string;
  readonly edge: string;
  /**
   * Mirrors everything that was pushed so far. It is called before a read if something was pushed since the last call.
   */
  readonly mirror: (pushed: ReadonlyMap<string, Pushed>) => Promise<void>;
}

const OCTET_STREAM = 'application/octet-stream';
const WRITES: ReadonlySet<string> = new Set(['PUT', 'POST', 'PATCH', 'DELETE']);
const PATH = /^\/v2\/(?<repository>.+)\/(?<kind>manifests|blobs|tags|referrers)\/(?<last>[^/]*)$/;
const UPLOADS = /^\/v2\/(?<repository>.+)\/blobs\/uploads\//;

export async function startWriteReadSplit(options: SplitOptions): Promise<WriteReadSplit> {
  const agent = new Agent({ keepAlive: true });
  const reads: Record<string, number> = {};
  const pushed = new Map<string, Pushed>();
  /** The uploaded blobs that no manifest names yet, by repository. */
  const loose = new Map<string, Set<string>>();
  let isBehind = false;

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? '/', 'http://split.invalid');
    const { repository: uploaded } = UPLOADS.exec(url.pathname)?.groups ?? {};
    const { repository = '', kind = 'ping', last = '' } = PATH.exec(url.pathname)?.groups ?? {};
    if (uploaded !== undefined) {
      const status = await forward(incoming, response, options.upstream, incoming.url ?? '');
      const digest = url.searchParams.get('digest') ?? url.searchParams.get('mount');
      if (status === 201 && digest !== null) setOf(loose, uploaded).add(digest);
    } else if (WRITES.has(incoming.method ?? '')) {
      const body = await bytesOf(incoming);
      const status = await forward(incoming, response, options.upstream, incoming.url ?? '', body);
      if (status === 201)
        remember(repository, last, body, String(response.getHeader('docker-content-digest')));
    } else {
      if (kind === 'blobs' && loose.get(repository)?.has(last) === true) await nameLooseBlobs(repository);
      if (isBehind) {
        isBehind = false;
        await options.mirror(pushed);
      }
      reads[kind] = (reads[kind] ?? 0) + 1;
      if (repository !== '') url.searchParams.set('ns', options.upstream);
      await forward(incoming, response, options.edge, `${url.pathname}${url.search}`);
    }
  }

  function remember(repository: string, reference: string, body: Buffer, digest: string): void {
    isBehind = true;
    const { manifests = [], hasTags = false } = pushed.get(repository) ?? {};
    pushed.set(repository, {
      manifests: new Set([...manifests, digest]),
      hasTags: hasTags || !reference.includes(':'),
    });
    for (const [, named = ''] of body.toString().matchAll(/"digest":\s*"([^"]+)"/g)) {
      loose.get(repository)?.delete(named);
    }
  }

  /**
   * Pushes an artifact that has the loose blobs as its layers, because the job mirrors only blobs that a manifest
   * names.
   */
  async function nameLooseBlobs(repository: string): Promise<void> {
    const base = `http://${options.upstream}/v2/${repository}`;
    const config = { mediaType: OCI_EMPTY, digest: digestOf(Buffer.from('{}')), size: 2 };
    await expectCreated(
      `${base}/blobs/uploads/?digest=${config.digest}`,
      'POST',
      Buffer.from('{}'),
      OCTET_STREAM,
    );
    const layers = await Promise.all(
      [...setOf(loose, repository)].map(async (digest) => {
        const { headers } = await fetch(`${base}/blobs/${digest}`, { method: 'HEAD' });
        return { mediaType: OCTET_STREAM, digest, size: Number(headers.get('content-length')) };
      }),
    );
    const body = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers }));
    const digest = digestOf(body);
    await expectCreated(`${base}/manifests/${digest}`, 'PUT', body, OCI_MANIFEST);
    remember(repository, digest, body, digest);
  }

  async function forward(
    incoming: IncomingMessage,
    response: ServerResponse,
    host: string,
    path: string,
    body?: Buffer,
  ): Promise<number> {
    const [hostname, port] = host.split(':');
    const { method, headers } = incoming;
    const outgoing = request({ agent, hostname, port, method, path, headers });
    const answering = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once('response', resolve);
      outgoing.once('error', reject);
    });
    if (body === undefined) await pass(incoming, outgoing);
    else outgoing.end(body);
    const answer = await answering;
    for (const [name, value = ''] of Object.entries(answer.headers)) response.setHeader(name, value);
    const { location } = answer.headers;
    // The location leads to the upstream and not to the edge, because the suite reads the location of a write at once.
    if (answer.statusCode === 201 && location?.startsWith('/'))
      response.setHeader('location', `http://${host}${location}`);
    response.statusCode = answer.statusCode ?? 0;
    await pass(answer, response);
    return response.statusCode;
  }

  const server = createServer((incoming, response) => {
    handle(incoming, response).catch((error: unknown) => {
      // The suite reports this error with the check that it broke.
      if (!response.headersSent) response.writeHead(500);
      response.end(String(error));
    });
  });
  const port = await listen(server);
  return {
    host: `127.0.0.1:${port}`,
    reads,
    stop: async () => {
      await close(server);
      agent.destroy();
    },
  };
}

async function expectCreated(
  url: string,
  method: string,
  body: Buffer<ArrayBuffer>,
  mediaType: string,
): Promise<void> {
  const response = await fetch(url, { method, body, headers: { 'content-type': mediaType } });
  if (response.status !== 201) throw new Error(`${method} ${url} answered ${response.status}.`);
}

function setOf(sets: Map<string, Set<string>>, key: string): Set<string> {
  const set = sets.get(key) ?? new Set();
  sets.set(key, set);
  return set;
}

async function bytesOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return Buffer.concat(chunks);
}
