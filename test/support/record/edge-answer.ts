/** One request to an edge, with its path as it is written, and all of the answer that does not depend on the time. */
import { createHash } from 'node:crypto';
import { request, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';

export interface Question {
  /** What the recording calls it. */
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Headers of the connection, and those whose values are times. */
const IGNORED: ReadonlySet<string> = new Set(['date', 'connection', 'keep-alive', 'transfer-encoding']);
/** A body of so many bytes is written out; of a longer one, its size and hash. */
const SHOWN = 2000;

/** @returns the status, the headers and the body as lines */
export async function ask(url: string, { method, path, headers }: Question): Promise<string> {
  const { hostname, port } = new URL(url);
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request({ hostname, port, method, path, headers, agent: false, insecureHTTPParser: true });
    asked.once('response', resolve);
    asked.once('error', reject);
    asked.end();
  });
  const body = withoutBoundary(await buffer(answer), answer.headers['content-type'] ?? '');
  const lines = Object.entries(answer.headers)
    .filter(([name]) => !IGNORED.has(name))
    .map(([name, value]) => `${name}: ${timeless(name, String(value))}`);
  const isText = body.length <= SHOWN && !body.includes(0);
  const said = isText ? body.toString('utf8') : createHash('sha256').update(body).digest('hex');
  return [`${answer.statusCode}`, ...lines.toSorted(), `${body.length} bytes: ${timelessBody(said)}`].join(
    '\n',
  );
}

/** The boundary between the parts of a body is random. */
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
