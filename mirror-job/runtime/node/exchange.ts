/** One HTTP request by Node's own client, with bounds on the waits for a connection and for the begin of its answer. */
import type { IncomingMessage } from 'node:http';
import { withRetries } from '../../engine/support/retry.ts';
import { TimeoutError } from '../../engine/support/timeout-error.ts';
import type { Agents } from './agents.ts';
import { http, loadHttps } from './builtin.ts';
import { countRequest } from './memory.ts';

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
  readonly timeoutMs: number;
  /** Ends the request, and its answer's body after it. */
  readonly signal?: AbortSignal | undefined;
}

const CONNECT_TIMEOUT_MS = 10_000;
/**
 * The limit for an answer's headers, in bytes. Node's own 16 KiB are too few for the policies and cookies of some
 * registries.
 */
const MAX_HEADER_BYTES = 256 * 1024;

/**
 * @returns the answer, whatever its status; its body is the caller's to read or to destroy
 * @throws {TimeoutError}; what Node says of a connection
 */
export function exchange(request: Exchange): Promise<IncomingMessage> {
  return withRetries(() => attempt(request), {
    // Each attempt leaves one idle connection less, and a new connection that breaks is a failure.
    attempts: Number.POSITIVE_INFINITY,
    isRetryable: (error) => error instanceof StaleConnectionError,
  });
}

/**
 * What was to be read came over an idle connection that the server, or something on the way, had closed. It may be asked
 * for again at once, whether or not anybody has seen the request.
 */
class StaleConnectionError extends Error {
  override readonly name = 'StaleConnectionError';
}

const LISTENERS = new WeakMap<AbortSignal, Set<() => void>>();

/** One listener for all requests: to add one to a signal, it looks through those that it has. */
function listenersOf(signal: AbortSignal): Set<() => void> {
  const known = LISTENERS.get(signal);
  if (known !== undefined) return known;
  const listeners = new Set<() => void>();
  LISTENERS.set(signal, listeners);
  signal.addEventListener('abort', () => listeners.forEach((listener) => listener()), { once: true });
  return listeners;
}

function attempt({ method, origin, path, headers, body, agents, timeoutMs, signal }: Exchange) {
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
    const request = isSecure
      ? loadHttps().request({ ...options, agent })
      : http.request({ ...options, agent });
    const timers: NodeJS.Timeout[] = [];
    const bound = (ms: number, what: TimeoutError['waitedFor']): NodeJS.Timeout => {
      const timer = setTimeout(
        () => end(new TimeoutError(request.socket === null ? 'a connection' : what)),
        ms,
      );
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
    if (signal !== undefined) {
      const listeners = listenersOf(signal);
      listeners.add(onAbort);
      request.once('close', () => listeners.delete(onAbort));
    }
    bound(timeoutMs, 'an answer');
    // Where requests wait for a socket, connecting begins only with it; else at once, and through a proxy, whose tunnel
    // has to be there first, it ends with it.
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
    request.once('response', (answer) => {
      settle();
      resolve(answer);
    });
    // Not once: what is destroyed later, with its answer, must not end the process.
    request.on('error', (error: NodeJS.ErrnoException) => {
      settle();
      const isReading = method === 'GET' || method === 'HEAD';
      const isStale = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
      reject(isReading && isStale ? new StaleConnectionError(error.message, { cause: error }) : error);
    });
    if (signal?.aborted === true) onAbort();
    request.end(body);
  });
}
