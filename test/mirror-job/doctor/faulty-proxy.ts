/** A reverse proxy that passes everything on, but for one fault that a test chooses. It buffers bodies. */
import { createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http';
import { RequestSigner, sha256 } from '../../../mirror-job/storage/s3/request-signer.ts';
import { close, listen } from '../../support/http-server.ts';

export interface Passing {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** Lower-case names. A fault may change them before they are passed on. */
  readonly headers: Record<string, string>;
}

export interface Answered {
  status: number;
  /** Lower-case names. */
  headers: Record<string, string>;
  body: Buffer;
}

/** The ways in which a proxy disturbs one request. Each of them is optional. */
export interface Fault {
  /** @returns an answer in place of the server's; `drop` closes the connection; `hang` never answers */
  readonly instead?: (request: Passing) => Answered | 'drop' | 'hang' | undefined;
  /** Changes the request. */
  readonly before?: (request: Passing) => void;
  /** Changes the answer. */
  readonly after?: (answer: Answered, request: Passing) => void | Promise<void>;
}

export interface FaultyProxy {
  readonly url: string;
  fault: Fault;
  stop(): Promise<void>;
}

/** Requests with this access key are signed anew, and writes are refused, as for a key that may get and list. */
const READ_ONLY_KEY = /Credential=edge-key\//;

/** @param keys those of the S3 server behind it, if there is one */
export async function startFaultyProxy(
  target: string,
  keys?: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly region: string },
): Promise<FaultyProxy> {
  const origin = new URL(target);
  const proxy = { url: '', fault: {} as Fault };
  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bytesOf(incoming);
    const request: Passing = {
      method: incoming.method ?? 'GET',
      path: incoming.url ?? '/',
      headers: flat(incoming.headers),
    };
    proxy.fault.before?.(request);
    const instead = proxy.fault.instead?.(request);
    if (instead === 'hang') return;
    if (instead === 'drop') {
      response.destroy();
      return;
    }
    const isReadOnly = READ_ONLY_KEY.test(request.headers['authorization'] ?? '');
    const refused = isReadOnly && !['GET', 'HEAD'].includes(request.method) ? ACCESS_DENIED : undefined;
    if (isReadOnly && keys !== undefined) await signAnew(request, origin, keys);
    const answer = instead ?? refused ?? (await exchange(origin, request, body));
    await proxy.fault.after?.(answer, request);
    response.sendDate = false;
    const isHead = request.method === 'HEAD';
    response.writeHead(answer.status, answer.headers);
    response.end(isHead ? undefined : answer.body);
  };
  const server = createServer((incoming, response) => {
    handle(incoming, response).catch(() => response.destroy());
  });
  proxy.url = `http://127.0.0.1:${await listen(server)}`;
  return Object.assign(proxy, { stop: () => close(server) });
}

const ACCESS_DENIED: Answered = {
  status: 403,
  headers: { 'content-type': 'application/xml' },
  body: Buffer.from('<Error><Code>AccessDenied</Code><Message>Access Denied.</Message></Error>'),
};

async function signAnew(
  request: Passing,
  origin: URL,
  {
    accessKeyId,
    secretAccessKey,
    region,
  }: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly region: string },
): Promise<void> {
  const url = new URL(request.path, origin);
  const signer = new RequestSigner(region, () => ({ accessKeyId, secretAccessKey }));
  const signed = await signer.sign(
    {
      method: request.method,
      origin,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: {},
      bodyHash: sha256(''),
    },
    new Date(),
  );
  for (const name of Object.keys(request.headers)) delete request.headers[name];
  Object.assign(request.headers, signed);
}

function exchange(origin: URL, { method, path, headers }: Passing, body: Buffer): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const outgoing = send(
      { host: origin.hostname, port: origin.port, method, path, headers, agent: false },
      (answer) => {
        bytesOf(answer).then(
          (bytes) => resolve({ status: answer.statusCode ?? 0, headers: flat(answer.headers), body: bytes }),
          reject,
        );
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Without the headers of a connection, which each side sets itself. */
function flat(headers: IncomingMessage['headers']): Record<string, string> {
  const kept = Object.entries(headers).filter(
    ([name]) => !['connection', 'keep-alive', 'transfer-encoding'].includes(name),
  );
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
}
