/**
 * Sends one request to an edge, with its path exactly as written, and returns all of the answer that does not depend on
 * the time.
 */
import { createHash } from 'node:crypto';
import { request, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';

export interface Question {
  /** The name of the request in the recording. */
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The headers of the connection, and those whose values are times. */
const IGNORED: ReadonlySet<string> = new Set(['date', 'connection', 'keep-alive', 'transfer-encoding']);
/** The largest body that is written out. Of a larger one, the recording has its size and hash. */
const SHOWN = 2000;

/** @returns the status, the headers and the body as lines */
export async function ask(url: string, { method, path, headers }: Question): Promise<string> {
  const { hostname, port } = new URL(url);
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = request({
      hostname,
      port,
      method,
      path,
      headers,
      agent: false,
      insecureHTTPParser: true,
    });
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
    outgoing.end();
  });
  const body = withoutBoundary(await buffer(answer), answer.headers['content-type'] ?? '');
  const lines = Object.entries(answer.headers)
    .filter(([name]) => !IGNORED.has(name))
    .map(([name, value]) => `${name}: ${timeless(name, String(value))}`);
  const isText = body.length <= SHOWN && !body.includes(0);
  const content = isText ? body.toString('utf8') : createHash('sha256').update(body).digest('hex');
  return [`${answer.statusCode}`, ...lines.toSorted(), `${body.length} bytes: ${timelessBody(content)}`].join(
    '\n',
  );
}

/** Replaces the boundary between the parts of a body, because it is random. */
function withoutBoundary(body: Buffer, contentType: string): Buffer {
  const boundary = /boundary=(\S+)/.exec(contentType)?.[1];
  return boundary === undefined
    ? body
    : Buffer.from(body.toString('latin1').replaceAll(boundary, '<boundary>'), 'latin1');
}

function timeless(name: string, value: string): string {
  if (name === 'server-timing') return value.replaceAll(/dur=[\d.]+/g, 'dur=<ms>');
  return value.replaceAll(/boundary=\S+/g, 'boundary=<boundary>');
}

function timelessBody(text: string): string {
  return text.replaceAll(/"secondsAgo":\d+/g, '"secondsAgo":<seconds>');
}
