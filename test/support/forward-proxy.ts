/**
 * Runs a real forward proxy, with CONNECT for https and absolute URLs for http. Every host name leads to this machine.
 */
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { close, listen } from './http-server.ts';
import { basicHeader, type Credentials } from './registry-auth.ts';

export interface ForwardProxy {
  readonly url: string;
  /** The requests in their order, each as `CONNECT host:port` or `GET http://host:port`. */
  readonly passed: string[];
  stop(): Promise<void>;
}

export interface ForwardProxyOptions {
  /** The only user that the proxy serves; all others get a 407. Without credentials it serves everybody. */
  readonly credentials?: Credentials;
  /** The port for http URLs without a port. */
  readonly port?: number;
}

export async function startForwardProxy({
  credentials,
  port: defaultPort = 80,
}: ForwardProxyOptions = {}): Promise<ForwardProxy> {
  const passed: string[] = [];
  const tunnels = new Set<Socket>();
  const allows = ({ headers }: IncomingMessage) =>
    credentials === undefined || headers['proxy-authorization'] === basicHeader(credentials);

  const server = createServer((incoming: IncomingMessage, response: ServerResponse) => {
    const { 'proxy-authorization': _, 'proxy-connection': __, ...headers } = incoming.headers;
    if (!allows(incoming)) {
      response.writeHead(407).end();
      return;
    }
    const url = new URL(incoming.url ?? '');
    const method = incoming.method ?? 'GET';
    passed.push(`${method} ${url.origin}`);
    const path = `${url.pathname}${url.search}`;
    const outgoing = request(
      { host: '127.0.0.1', port: url.port === '' ? defaultPort : url.port, path, method, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        pipeline(answer, response, () => {});
      },
    );
    outgoing.on('error', () => response.destroy());
    pipeline(incoming, outgoing, () => {});
  });
  server.on('connect', (incoming: IncomingMessage, client: Socket, head: Buffer) => {
    client.on('error', () => {});
    if (!allows(incoming)) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    passed.push(`CONNECT ${incoming.url}`);
    const port = Number(incoming.url?.split(':').at(-1));
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(client);
      client.pipe(upstream);
    });
    tunnels.add(client).add(upstream);
    upstream.on('error', () => client.destroy());
    client.on('close', () => upstream.destroy());
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    passed,
    stop: async () => {
      for (const socket of tunnels) socket.destroy();
      await close(server);
    },
  };
}
