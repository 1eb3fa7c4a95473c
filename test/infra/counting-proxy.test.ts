/** Tests that the proxy by which other tests count requests does not change the requests. */
import { once } from 'node:events';
import { createServer, request, type RequestListener } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { startCountingProxy, type ProxyOptions } from '../support/counting-proxy.ts';
import { close, listen } from '../support/http-server.ts';
import { pause } from '../support/process.ts';

const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

async function startProxied(answer: RequestListener, options: Omit<ProxyOptions, 'target'> = {}) {
  const server = createServer(answer);
  const target = `http://127.0.0.1:${await listen(server)}`;
  stops.push(() => close(server));
  const proxy = await startCountingProxy({ target, ...options });
  stops.push(() => proxy.stop());
  return proxy;
}

test('the proxy forwards the answer of a server that refuses a body and closes before it has read the body', async () => {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.pause();
      socket.write('HTTP/1.1 413 Payload Too Large\r\nContent-Length: 8\r\n\r\ntoo much');
      // Unread bytes turn the end of the connection into a reset.
      setTimeout(() => socket.destroy(), 50);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(async () => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  const target = `http://127.0.0.1:${address.port}`;
  const proxy = await startCountingProxy({ target, after: () => pause(150) });
  stops.push(() => proxy.stop());
  const sent = request(`${proxy.url}/part`, { method: 'PUT', agent: false });
  sent.on('error', () => {});
  sent.end(Buffer.alloc(8 * 1024 * 1024));
  const [answer] = await once(sent, 'response');
  expect(answer.statusCode).toBe(413);
  expect(proxy.requests.map(({ status }) => status)).toEqual([413]);
});

test('the proxy sends no request for a client that leaves while the proxy waits', async () => {
  const received: (string | undefined)[] = [];
  const proxy = await startProxied(
    ({ url }, response) => {
      received.push(url);
      response.end();
    },
    { latency: 100 },
  );
  const gone = request(`${proxy.url}/gone`, { method: 'PUT', agent: false });
  gone.on('error', () => {});
  gone.write('some');
  while (proxy.requests.length === 0) await pause(5);
  gone.destroy();
  await pause(200);
  expect((await fetch(`${proxy.url}/there`)).status).toBe(200);
  expect(received).toEqual(['/there']);
});

test('the proxy forwards all bytes in both directions, and counts them', async () => {
  const proxy = await startProxied((incoming, response) => {
    incoming.pipe(response);
  });
  const body = Buffer.alloc(3_000_000, 'lifeboat');
  const answer = await fetch(proxy.url, { method: 'PUT', body });
  expect(Buffer.from(await answer.arrayBuffer()).equals(body)).toBe(true);
  expect(proxy.requests).toMatchObject([{ method: 'PUT', sent: body.length, received: body.length }]);
});

test('a status that a hook gives is answered in the place of the server, after the whole request', async () => {
  const received: (string | undefined)[] = [];
  let isRefused = true;
  const proxy = await startProxied(
    ({ url }, response) => {
      received.push(url);
      response.end('from the server');
    },
    { before: () => (isRefused ? { status: 503, body: '<Error/>' } : undefined) },
  );
  const refused = await fetch(`${proxy.url}/one`, { method: 'PUT', body: Buffer.alloc(3_000_000) });
  expect([refused.status, await refused.text()]).toEqual([503, '<Error/>']);
  isRefused = false;
  expect(await (await fetch(`${proxy.url}/two`)).text()).toBe('from the server');
  expect(received).toEqual(['/two']);
  expect(proxy.requests.map(({ status }) => status)).toEqual([503, 200]);
});

test('the proxy changes a body, and closes the connection after one that is shorter than the headers say', async () => {
  const proxy = await startProxied((_, response) => response.end('the whole body'), {
    spoil: ({ path }) => {
      if (path === '/short') return (body) => body.subarray(0, 9);
      return path === '/other' ? (body) => Buffer.from(body.toString().toUpperCase()) : undefined;
    },
  });
  expect(await (await fetch(`${proxy.url}/same`)).text()).toBe('the whole body');
  expect(await (await fetch(`${proxy.url}/other`)).text()).toBe('THE WHOLE BODY');
  const short = await fetch(`${proxy.url}/short`);
  expect(short.headers.get('content-length')).toBe('14');
  await expect(short.text()).rejects.toThrow('terminated');
});
