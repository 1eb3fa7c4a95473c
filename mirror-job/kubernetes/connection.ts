/** Finds a Kubernetes API server and the caller's login: by a kubeconfig, or by the service account of the pod. */
import { request as requestPlainly, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { request as requestSecurely, type RequestOptions } from 'node:https';
import { resolve } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { UsageError } from '../configuration/usage-error.ts';
import type { Clock } from '../engine/runtime.ts';
import { withRetries } from '../engine/support/retry.ts';
import { systemClock } from '../runtime/node/clock.ts';
import { USER_AGENT } from '../runtime/user-agent.ts';
import { parseRetryAfter } from '../sources/registry/pace/retry-after.ts';
import { ClusterError } from './cluster-error.ts';

export interface ClusterOptions {
  /** A file; by default those of KUBECONFIG, ~/.kube/config, or the service account of the pod. */
  readonly kubeconfig: string | undefined;
  /** A context of that file; by default the current one. */
  readonly context: string | undefined;
  readonly cwd: string;
}

/** The longest time of a request with its answer, in milliseconds. A page of 500 objects takes seconds. */
const REQUEST_MS = 60_000;

/** 429: the server's queue of this user is full. 503: it starts or ends, or a server behind it does not answer. */
const BUSY: ReadonlySet<number> = new Set([429, 503]);
const ATTEMPTS = 4;
/** Before the second attempt, if the server does not say how long. It doubles. */
const DELAY_MS = 1000;
const MAX_DELAY_MS = 30_000;

/** The server answered that it is too busy. */
class BusyError extends Error {
  override readonly name = 'BusyError';
  readonly response: IncomingMessage;

  constructor(response: IncomingMessage) {
    super('The server is too busy.');
    this.response = response;
  }
}

/** Reads from one API server. It sends no request but GET. */
export class ClusterConnection {
  readonly #config: KubeConfig;
  readonly #server: URL;
  readonly #signal: AbortSignal;
  readonly #clock: Clock;

  /** @throws {UsageError} for a kubeconfig that cannot be used */
  constructor(options: ClusterOptions, signal: AbortSignal, clock: Clock = systemClock) {
    this.#config = loadConfig(options);
    const server = this.#config.getCurrentCluster()?.server;
    // The client takes this address if it finds nothing.
    if (server === undefined || server === 'http://localhost:8080' || !URL.canParse(server)) {
      throw new UsageError(
        'there is no kubeconfig with a cluster, and no service account. Name a file with --kubeconfig, or set KUBECONFIG.',
      );
    }
    this.#server = new URL(server);
    this.#signal = signal;
    this.#clock = clock;
  }

  /** The API server's address, for messages. */
  get server(): string {
    return this.#server.origin;
  }

  /**
   * A server that is too busy is asked again, as long as it asks for, and no longer than 30 seconds.
   * @param path with its query: `/api/v1/pods?limit=500`
   * @returns the response, also of a server that stays too busy
   * @throws {ClusterError} if there is no answer
   */
  async get(path: string): Promise<IncomingMessage> {
    const attempt = async (): Promise<IncomingMessage> => {
      const response = await this.#send(path);
      if (BUSY.has(response.statusCode ?? 0)) throw new BusyError(response);
      return response;
    };
    try {
      return await withRetries(attempt, {
        attempts: ATTEMPTS,
        isRetryable: (error) => error instanceof BusyError,
        pause: (failed, error) => this.#pause(failed, error),
      });
    } catch (error) {
      if (error instanceof BusyError) return error.response;
      throw error;
    }
  }

  async #pause(failed: number, error: unknown): Promise<void> {
    if (!(error instanceof BusyError)) return;
    // The connection is free again once the body is read.
    error.response.resume();
    const asked = parseRetryAfter(error.response.headers['retry-after'] ?? null, this.#clock.now());
    const delayMs = asked ?? DELAY_MS * 2 ** (failed - 1);
    await this.#clock.sleep(Math.min(delayMs, MAX_DELAY_MS), this.#signal);
  }

  async #send(path: string): Promise<IncomingMessage> {
    // The login adds its header to these.
    const headers: OutgoingHttpHeaders = { Accept: 'application/json', 'User-Agent': USER_AGENT };
    const options: RequestOptions = { headers };
    try {
      await this.#config.applyToHTTPSOptions(options);
    } catch (error) {
      throw new ClusterError(`The kubeconfig's login cannot be used: ${messageOf(error)}`, { cause: error });
    }
    const base = this.#server.pathname.replace(/\/$/, '');
    const send = this.#server.protocol === 'http:' ? requestPlainly : requestSecurely;
    return new Promise((answered, failed) => {
      const request = send({
        ...options,
        method: 'GET',
        host: this.#server.hostname.replace(/^\[(.*)\]$/, '$1'),
        port: this.#server.port,
        path: `${base}${path}`,
        signal: AbortSignal.any([this.#signal, AbortSignal.timeout(REQUEST_MS)]),
      });
      request.once('response', answered);
      request.once('error', (error) => {
        if (this.#signal.aborted) failed(error);
        else
          failed(new ClusterError(`${this.server} does not answer: ${messageOf(error)}.`, { cause: error }));
      });
      request.end();
    });
  }
}

function loadConfig({ kubeconfig, context, cwd }: ClusterOptions): KubeConfig {
  const config = new KubeConfig();
  const from = kubeconfig === undefined ? 'the kubeconfig' : `--kubeconfig ${kubeconfig}`;
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(resolve(cwd, kubeconfig));
  } catch (error) {
    throw new UsageError(`${from} cannot be read: ${messageOf(error)}.`, { cause: error });
  }
  if (context !== undefined) {
    const names = config.getContexts().map(({ name }) => name);
    if (!names.includes(context)) {
      throw new UsageError(`${from} has no context "${context}". It has: ${names.join(', ') || 'none'}.`);
    }
    config.setCurrentContext(context);
  }
  return config;
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  const [line = ''] = error.message.split('\n', 1);
  return line === '' ? code : line.replace(/\.$/, '');
}
