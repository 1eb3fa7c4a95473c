/** One HTTP request by Node's own client, with bounds on the waits for a connection and for the begin of its answer. */
import type { IncomingMessage } from 'node:http';
import { TimeoutError } from '../engine/timeout-error.ts';
import type { Agents } from './agents.ts';
import { http, https } from './builtin.ts';

export interface Exchange {
  readonly method: string;
  /** Where: its path and query are not looked at. */
  readonly origin: URL;
  /** Encoded, with its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | undefined;
  readonly agents: Agents;
  /** Until the answer begins, connecting included. Milliseconds. */
  readonly timeout: number;
  /** Ends the request, and its answer's body after it. */
  readonly signal?: AbortSignal | undefined;
}

const CONNECT_TIMEOUT = 10_000;

/**
 * @returns the answer, whatever its status; its body is the caller's to read or to destroy
 * @throws {TimeoutError}; what Node says of a connection
 */
export function exchange(given: Exchange): Promise<IncomingMessage> {
  return attempt(given).catch((error: unknown) => {
    // The server closed an idle connection just when it was to be used again: nobody has seen the request.
    if (error instanceof StaleConnectionError) return attempt(given);
    throw error;
  });
}

class StaleConnectionError extends Error {
  override readonly name = 'StaleConnectionError';
}

function attempt({ method, origin, path, headers, body, agents, timeout, signal }: Exchange) {
  const isSecure = origin.protocol === 'https:';
  const options = {
    method,
    headers,
    // An IPv6 address stands in brackets only in a URL.
    hostname: origin.hostname.replaceAll(/[[\]]/g, ''),
    port: origin.port === '' ? undefined : Number(origin.port),
    path,
  };
  return new Promise<IncomingMessage>((resolve, reject) => {
    const request = isSecure
      ? https.request({ ...options, agent: agents.httpsAgent })
      : http.request({ ...options, agent: agents.httpAgent });
    const timers: NodeJS.Timeout[] = [];
    const bound = (milliseconds: number, what: TimeoutError['waitedFor']): NodeJS.Timeout => {
      const timer = setTimeout(() => end(new TimeoutError(what)), milliseconds);
      timers.push(timer);
      return timer;
    };
    const settle = (): void => {
      for (const timer of timers) clearTimeout(timer);
    };
    const end = (error: unknown): void => {
      request.destroy(error instanceof Error ? error : undefined);
      // One that waits for a tunnel through a proxy has no connection yet that could tell.
      settle();
      reject(error);
    };
    const onAbort = (): void => end(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    request.once('close', () => signal?.removeEventListener('abort', onAbort));
    if (signal?.aborted === true) onAbort();
    bound(timeout, 'an answer');
    request.once('socket', (socket) => {
      if (!socket.connecting) return;
      const timer = bound(CONNECT_TIMEOUT, 'a connection');
      socket.once(isSecure ? 'secureConnect' : 'connect', () => clearTimeout(timer));
    });
    request.once('response', (answer) => {
      settle();
      resolve(answer);
    });
    // Not once: what is destroyed later, with its answer, must not end the process.
    request.on('error', (error: NodeJS.ErrnoException) => {
      settle();
      const isStale = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
      reject(
        isStale && method !== 'POST' ? new StaleConnectionError(error.message, { cause: error }) : error,
      );
    });
    request.end(body);
  });
}
