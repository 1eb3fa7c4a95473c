/**
 * Sends one HTTP request by Node's own client, with time-outs for the connection and for the beginning of the response.
 */
import { request as requestPlainly, type IncomingMessage } from 'node:http';
import { request as requestSecurely } from 'node:https';
import { withRetries } from '../../engine/support/retry.ts';
import { TimeoutError } from '../../engine/support/timeout-error.ts';
import type { Agents } from './agents.ts';
import { countRequest } from './garbage-collection.ts';

export interface Exchange {
  readonly method: string;
  /** The scheme, host and port; the path and query of this URL do not count. */
  readonly origin: URL;
  /** The path and query, percent-encoded. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | undefined;
  readonly agents: Agents;
  /** The time until the response begins, including the time to connect. */
  readonly timeoutMs: number;
  /** Aborts the request, and later the body of its response. */
  readonly signal?: AbortSignal | undefined;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** Node's own limit of 16 KiB is too small for the policies and cookies of some registries. */
const MAX_HEADER_BYTES = 256 * 1024;

/**
 * @returns the response, whatever its status. The caller has to read or to destroy its body
 * @throws {TimeoutError}, the signal's reason, and Node's error for a connection
 */
export function exchange(request: Exchange): Promise<IncomingMessage> {
  return withRetries(() => attemptExchange(request), {
    // There is no limit, because each attempt uses up one idle connection, and a new connection that breaks is a
    // failure.
    attempts: Number.POSITIVE_INFINITY,
    isRetryable: (error) => error instanceof StaleConnectionError,
  });
}

/**
 * A GET or HEAD was sent over an idle connection that the server, or something on the way, had closed. It may be sent again at
 * once, whether or not the server has seen it.
 */
class StaleConnectionError extends Error {
  override readonly name = 'StaleConnectionError';
}

const LISTENERS = new WeakMap<AbortSignal, Set<() => void>>();

/** One listener per signal serves all requests, because adding a listener to a signal searches all existing ones. */
function listenersOf(signal: AbortSignal): Set<() => void> {
  const existing = LISTENERS.get(signal);
  if (existing !== undefined) return existing;
  const listeners = new Set<() => void>();
  LISTENERS.set(signal, listeners);
  signal.addEventListener('abort', () => listeners.forEach((listener) => listener()), { once: true });
  return listeners;
}

function attemptExchange({ method, origin, path, headers, body, agents, timeoutMs, signal }: Exchange) {
  countRequest();
  const isSecure = origin.protocol === 'https:';
  const agent = isSecure ? agents.httpsAgent : agents.httpAgent;
  const options = {
    method,
    headers,
    // An IPv6 address stands in brackets only in a URL.
    hostname: origin.hostname.replaceAll(/[[\]]/g, ''),
    port: origin.port === '' ? undefined : Number(origin.port),
    path,
    maxHeaderSize: MAX_HEADER_BYTES,
  };
  return new Promise<IncomingMessage>((resolve, reject) => {
    const request = isSecure ? requestSecurely({ ...options, agent }) : requestPlainly({ ...options, agent });
    const timers: NodeJS.Timeout[] = [];
    const bound = (ms: number, what: TimeoutError['waitedFor']): NodeJS.Timeout => {
      const timer = setTimeout(
        () => end(new TimeoutError(request.socket === null ? 'a connection' : what)),
        ms,
      );
      timers.push(timer);
      return timer;
    };
    const clearTimers = (): void => {
      for (const timer of timers) clearTimeout(timer);
    };
    const end = (error: unknown): void => {
      request.destroy(error instanceof Error ? error : undefined);
      // A request that waits for a tunnel through a proxy has no connection yet that could report the error.
      clearTimers();
      reject(error);
    };
    const onAbort = (): void => end(signal?.reason);
    if (signal !== undefined) {
      const listeners = listenersOf(signal);
      listeners.add(onAbort);
      request.once('close', () => listeners.delete(onAbort));
    }
    bound(timeoutMs, 'an answer');
    // If the agent limits its sockets, a request may wait for one, and connecting begins with the socket. Otherwise
    // connecting begins at once. Through a proxy the tunnel comes first, and connecting ends with the socket.
    const isQueued = Number.isFinite(agent.maxSockets);
    const connecting = isQueued ? undefined : bound(CONNECT_TIMEOUT_MS, 'a connection');
    request.once('socket', (socket) => {
      if (!socket.connecting) {
        clearTimeout(connecting);
        return;
      }
      const timer = connecting ?? bound(CONNECT_TIMEOUT_MS, 'a connection');
      socket.once(isSecure ? 'secureConnect' : 'connect', () => clearTimeout(timer));
    });
    request.once('response', (response) => {
      clearTimers();
      resolve(response);
    });
    // This is not `once`, because a later error, when the request is destroyed with its response, must not end the
    // process.
    request.on('error', (error: NodeJS.ErrnoException) => {
      clearTimers();
      const isReading = method === 'GET' || method === 'HEAD';
      const isStale = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
      reject(isReading && isStale ? new StaleConnectionError(error.message, { cause: error }) : error);
    });
    if (signal?.aborted === true) onAbort();
    request.end(body);
  });
}
