/** Sends single requests to an edge and to the stores that it redirects to. Each has a time limit, and none throws. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { Certificate, Failure, Reply } from '../../cluster/doctor/observation.ts';
import { ServerClock } from '../engine/support/server-clock.ts';
import type { Agents } from '../runtime/node/agents.ts';
import { exchange } from '../runtime/node/exchange.ts';
import { USER_AGENT } from '../runtime/user-agent.ts';
import { failureOf } from './failure.ts';

/** How much of a body is kept as text. An error is shorter, and a list has enough names in it. */
const START_BYTES = 16 * 1024;

export interface Question {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'DELETE';
  readonly url: string;
  /** For messages: `GET /v2/`. By default the method with path and query, which must not be secret then. */
  readonly asked?: string;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The algorithm by which the body is hashed. */
  readonly algorithm?: 'sha256' | 'sha512';
  /** The most bytes of the body that are read; more counts as a body that broke off. */
  readonly maxBytes?: number;
  /** Ends the answer after its headers, because its body does not matter. */
  readonly dropsBody?: boolean;
  /** Keeps the bytes from `first` to `last`, both included. */
  readonly keep?: { readonly first: number; readonly last: number };
  /** The longest time until the answer begins. */
  readonly answerMs?: number;
  /** The longest time from then until the body's end. */
  readonly bodyMs?: number;
  /** Whose clock the answer shows: the edge's by default. */
  readonly clock?: 'edge' | 'store' | undefined;
}

export interface Got {
  readonly reply: Reply;
  /** The bytes that were to be kept, as far as they came. */
  readonly kept: Uint8Array;
}

export interface Limits {
  /** Until an answer begins, connecting included. */
  readonly answerMs: number;
  /** Until the end of a small body. */
  readonly bodyMs: number;
}

/** Enough for a manifest or a list. */
const MAX_SMALL_BYTES = 8 * 1024 * 1024;
const NOTHING = new Uint8Array();

export class Requester {
  /** The clock of the edge, and that of the stores that it redirects to, by its answers. */
  readonly clocks = { edge: new ServerClock(), store: new ServerClock() };
  /** Of the edge's host; undefined until an answer came by https. */
  certificate: Certificate | undefined;

  readonly #agents: Agents;
  readonly #limits: Limits;
  readonly #signal: AbortSignal;

  /** @param signal ends everything that is not done yet */
  constructor(agents: Agents, limits: Limits, signal: AbortSignal) {
    this.#agents = agents;
    this.#limits = limits;
    this.#signal = signal;
  }

  async ask(question: Question): Promise<Got> {
    const url = new URL(question.url);
    const { method, headers = {}, asked = `${method} ${url.pathname}${url.search}` } = question;
    const fail = (error: unknown): Got => ({
      reply: { kind: 'failure', asked, ...this.#why(error, question) },
      kept: NOTHING,
    });
    if (this.#signal.aborted) return fail(this.#signal.reason);
    const { answerMs = this.#limits.answerMs, bodyMs = this.#limits.bodyMs } = question;
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(answerMs + bodyMs)]);
    const begin = performance.now();
    let response: IncomingMessage;
    try {
      response = await exchange({
        method,
        origin: url,
        path: `${url.pathname}${url.search}`,
        headers: {
          host: url.host,
          'user-agent': USER_AGENT,
          ...headers,
          ...(method === 'POST' && { 'content-length': '0' }),
        },
        agents: this.#agents,
        timeoutMs: answerMs,
        signal,
      });
    } catch (error) {
      return fail(error);
    }
    const firstByteMs = performance.now() - begin;
    this.#note('clock' in question ? question.clock : 'edge', response);
    const { body, kept } = await readBody(response, question);
    const status = response.statusCode ?? 0;
    return {
      reply: { kind: 'answer', asked, status, headers: headersOf(response), firstByteMs, body },
      kept,
    };
  }

  #why(error: unknown, { answerMs = this.#limits.answerMs }: Question): Pick<Failure, 'reason' | 'detail'> {
    if (this.#signal.aborted) return { reason: 'silent', detail: 'the examination ran out of time' };
    return failureOf(error, answerMs);
  }

  #note(whose: Question['clock'], { headers, socket }: IncomingMessage): void {
    if (whose === undefined) return;
    this.clocks[whose].note(headers.date, headers.age, Date.now());
    if (whose === 'store' || !(socket instanceof TLSSocket) || this.certificate !== undefined) return;
    const { valid_to: until, issuer } = socket.getPeerCertificate();
    const time = Date.parse(until);
    if (Number.isNaN(time)) return;
    const name = [issuer.O, issuer.CN].flat().filter((one) => one !== undefined);
    this.certificate = { validUntil: new Date(time).toISOString(), issuer: name.join(', ') || 'unknown' };
  }
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}

async function readBody(
  response: IncomingMessage,
  { method, algorithm = 'sha256', maxBytes = MAX_SMALL_BYTES, keep, dropsBody = false }: Question,
) {
  if (method === 'HEAD' || dropsBody) {
    if (dropsBody) response.destroy();
    else response.resume();
    return { body: { bytes: 0, digest: undefined, start: '', isWhole: true }, kept: NOTHING };
  }
  const hash = createHash(algorithm);
  const kept: Uint8Array[] = [];
  const start: Uint8Array[] = [];
  let bytes = 0;
  let isWhole = true;
  try {
    for await (const chunk of response) {
      const piece: Uint8Array = chunk;
      hash.update(piece);
      if (bytes < START_BYTES) start.push(piece.slice(0, START_BYTES - bytes));
      if (keep !== undefined)
        kept.push(piece.slice(Math.max(keep.first - bytes, 0), Math.max(keep.last + 1 - bytes, 0)));
      bytes += piece.length;
      if (bytes > maxBytes) {
        isWhole = false;
        break;
      }
    }
    isWhole &&= response.complete;
  } catch {
    isWhole = false;
  }
  response.destroy();
  const digest = `${algorithm}:${hash.digest('hex')}`;
  return {
    body: { bytes, digest, start: Buffer.concat(start).toString('utf8'), isWhole },
    kept: Buffer.concat(kept),
  };
}
