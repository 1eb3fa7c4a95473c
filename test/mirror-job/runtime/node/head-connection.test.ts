/** How many connections many HEADs take, and what a server costs that sends bodies to them. */
import { createServer } from 'node:http';
import { createServer as createPlainServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { connect } from '../../../../mirror-job/runtime/node/connection.ts';
import type { HttpResponse } from '../../../../mirror-job/sources/registry/http-client.ts';
import { pause } from '../../../support/process.ts';
import { close, listen } from '../../../support/http-server.ts';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
});

const head = { method: 'HEAD', headers: {}, timeoutMs: 5000 } as const;
const get = { ...head, method: 'GET' } as const;

async function bodyOf({ body }: HttpResponse): Promise<string> {
  let text = '';
  for await (const chunk of body) text += Buffer.from(chunk).toString();
  return text;
}

test('fifty HEADs, five at once, take at most fifteen connections', async () => {
  let connections = 0;
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Length': '5' }).end('hello');
  });
  server.on('connection', () => {
    connections += 1;
  });
  const url = new URL(`http://127.0.0.1:${await listen(server)}`);
  ends.push(() => close(server));
  const fetch = await connect(undefined);
  const { signal } = new AbortController();
  const one = async (): Promise<void> => {
    for (let index = 0; index < 10; index += 1) {
      const response = await fetch(url, { ...head, signal });
      expect([response.status, await bodyOf(response)]).toEqual([200, '']);
    }
  };
  await Promise.all([one(), one(), one(), one(), one()]);
  // A connection that is not idle yet when the next HEAD is sent causes another connection.
  expect(connections).toBeLessThanOrEqual(15);
});

test('a server that sends a body to a HEAD spoils one request, and its connections are then closed after HEADs', async () => {
  const sockets = new Set<Socket>();
  const server = createPlainServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      const isHead = bytes.toString('latin1').startsWith('HEAD');
      const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n';
      if (isHead) socket.write(answer);
      // The body comes too late for the HEAD's own response, so Node takes it for the next response on the connection.
      setTimeout(() => socket.write(isHead ? 'hello' : `${answer}hello`), isHead ? 30 : 100);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  ends.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  const url = new URL(`http://127.0.0.1:${address.port}`);
  const fetch = await connect(undefined);
  const { signal } = new AbortController();
  const results: string[] = [];
  for (let index = 0; index < 6; index += 1) {
    // Waits until the connection is idle again.
    await pause(10);
    try {
      const response = await fetch(url, { ...(index % 2 === 0 ? head : get), signal });
      results.push(`${response.status} ${await bodyOf(response)}`.trim());
    } catch {
      results.push('failed');
    }
  }
  expect(results).toEqual(['200', 'failed', '200', '200 hello', '200', '200 hello']);
});
