/**
 * Runs a registry in this process that serves a corpus, with the faults that a test chooses. It reads the corpus for
 * each request, so a test that changes the corpus changes upstream.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { answerFrom } from './corpus-answer.ts';
import type { Corpus } from './content.ts';
import { close, listen } from './http-server.ts';
import { spoil, type Delivery, type Misbehaviour } from './misbehaviour.ts';
import { pause } from './process.ts';
import { AuthServer, type Auth } from './registry-auth.ts';
import { routeOf, type RegistryRequest } from './registry-request.ts';

export interface RogueOptions {
  readonly corpus: Corpus;
  /** Whether there is a referrers API; true by default. */
  readonly referrers?: boolean;
  /** The largest number of tags in one answer. */
  readonly pageSize?: number;
  readonly auth?: Auth;
  /** @returns the fault of this request; undefined for none */
  readonly misbehave?: (request: RegistryRequest) => Misbehaviour | undefined;
}

export interface RogueRegistry {
  /** The host and port, as `127.0.0.1:<port>`. */
  readonly host: string;
  readonly url: string;
  /** The host and port to which `redirect-elsewhere` leads, as `localhost:<port>`: another host to every client. */
  readonly elsewhere: string;
  /** All requests to both hosts, in their order. */
  readonly requests: RegistryRequest[];
  /** Replaces the faults of the start; undefined for no faults. */
  misbehave(how: ((request: RegistryRequest) => Misbehaviour | undefined) | undefined): void;
  /** Makes every issued token invalid. */
  revokeTokens(): void;
  /** Ends every connection, hanging ones too. */
  stop(): Promise<void>;
}

/** The faults that take effect before authentication. The others concern the answer. */
const DEAF: ReadonlySet<Misbehaviour['kind']> = new Set(['status', 'html', 'redirect', 'redirect-loop']);

export async function startRogueRegistry(options: RogueOptions): Promise<RogueRegistry> {
  const requests: RegistryRequest[] = [];
  const answerOptions = { referrers: options.referrers ?? true, pageSize: options.pageSize ?? 1000 };
  const auth = options.auth === undefined ? undefined : new AuthServer(options.auth);
  const state = { misbehave: options.misbehave };

  const handle = async (incoming: IncomingMessage, response: ServerResponse, open: boolean) => {
    const request = readRequest(incoming, requests);
    requests.push(request);
    const misbehaviour = state.misbehave?.(request);
    if (misbehaviour?.kind === 'hang') return;
    if (misbehaviour?.kind === 'delay') await pause(misbehaviour.milliseconds);

    const challenge = open || request.kind === 'token' ? undefined : auth?.challenge(request);
    if (challenge !== undefined && (misbehaviour === undefined || !DEAF.has(misbehaviour.kind))) {
      await deliver(response, request.method, { answer: challenge });
      return;
    }
    const reference = misbehaviour?.kind === 'instead' ? misbehaviour.reference : request.reference;
    const answer =
      request.kind === 'token' && auth !== undefined
        ? auth.token(request)
        : answerFrom(options.corpus, { ...request, reference }, answerOptions);
    const spoilt = misbehaviour === undefined ? { answer } : spoil(answer, request, misbehaviour, elsewhere);
    await deliver(response, request.method, spoilt);
  };

  const main = serverFor((incoming, response) => handle(incoming, response, false));
  const second = serverFor((incoming, response) => handle(incoming, response, true));
  const host = `127.0.0.1:${await listen(main)}`;
  const elsewhere = `localhost:${await listen(second)}`;
  return {
    host,
    url: `http://${host}`,
    elsewhere,
    requests,
    misbehave: (how) => {
      state.misbehave = how;
    },
    revokeTokens: () => auth?.revokeTokens(),
    stop: async () => {
      await Promise.all([close(main), close(second)]);
    },
  };
}

function readRequest(incoming: IncomingMessage, earlier: readonly RegistryRequest[]): RegistryRequest {
  const host = incoming.headers.host ?? '';
  const method = incoming.method ?? 'GET';
  const url = new URL(incoming.url ?? '/', 'http://registry.invalid');
  return {
    method,
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    host,
    ...routeOf(url.pathname),
    index: earlier.length,
    nth: earlier.filter((one) => one.method === method && one.path === url.pathname).length,
  };
}

async function deliver(response: ServerResponse, method: string, { answer, cut }: Delivery): Promise<void> {
  response.writeHead(answer.status, answer.headers);
  if (method === 'HEAD') {
    response.end();
    return;
  }
  if (cut === undefined) {
    await pipeline(Readable.from(answer.body.open()), response);
    return;
  }
  response.flushHeaders();
  const closed = once(response, 'close');
  for await (const chunk of answer.body.open(0, cut.after)) {
    if (response.destroyed) return;
    if (!response.write(chunk)) await Promise.race([once(response, 'drain'), closed]);
  }
  // Only bytes that have reached the socket are certainly sent before the connection ends.
  if (cut.ending === 'close') response.socket?.end(() => response.destroy());
}

async function once(response: ServerResponse, event: 'drain' | 'close'): Promise<void> {
  await new Promise<void>((resolve) => {
    response.once(event, () => resolve());
  });
}

function serverFor(handle: (incoming: IncomingMessage, response: ServerResponse) => Promise<void>): Server {
  return createServer((incoming, response) => {
    // A client may leave in the middle of an answer.
    handle(incoming, response).catch(() => response.destroy());
  });
}
