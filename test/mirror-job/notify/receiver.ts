/** A real server that takes notifications and pings, and answers as a test says. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { close, listen } from '../../support/http-server.ts';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** True for no answer at all. */
  readonly isSilent?: boolean;
}

export class Receiver {
  readonly received: Received[] = [];
  readonly #server: Server;
  #url = '';
  #answer: (request: Received, number: number) => Answer = () => ({ status: 204 });

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { method = '', url: path = '', headers } = request;
        const one = { method, path, headers, body: Buffer.concat(chunks).toString() };
        this.received.push(one);
        const answer = this.#answer(one, this.to(path).length);
        if (answer.isSilent === true) return;
        response.writeHead(answer.status, answer.headers).end(answer.body);
      });
    });
  }

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    receiver.#url = `http://127.0.0.1:${await listen(receiver.#server)}`;
    return receiver;
  }

  url(path: string): string {
    return this.#url + path;
  }

  get host(): string {
    return new URL(this.#url).host;
  }

  /** @param answer gets the request, and how many came to its path so far, this one included */
  answer(answer: (request: Received, number: number) => Answer): void {
    this.#answer = answer;
  }

  to(path: string): readonly Received[] {
    return this.received.filter((one) => one.path === path);
  }

  /** Forgets the requests so far, and takes everything. */
  reset(): void {
    this.received.length = 0;
    this.#answer = () => ({ status: 204 });
  }

  stop(): Promise<void> {
    return close(this.#server);
  }
}
