/** Requests for single objects of a bucket: signed, sent by Node's own client, and sent again where that is worth it. */
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerClock } from '../../engine/support/server-clock.ts';
import { TimeoutError } from '../../engine/support/timeout-error.ts';
import { exchange } from '../../runtime/node/exchange.ts';
import type { Agents } from '../../runtime/node/agents.ts';
import { isCalled, refusalOf, S3AnswerError } from './s3-error.ts';
import { RequestSigner, sha256, type Keys } from './request-signer.ts';
import { inTime } from './silence.ts';
import { encodePath, encodeQuery } from './uri-encoding.ts';

export interface ObjectRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT';
  readonly key: string;
  /** Not encoded. */
  readonly query?: Readonly<Record<string, string>>;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/** Where the bucket's objects are, and who asks: both may have to be found out first, by the SDK. */
export interface Access {
  address(): URL | Promise<URL>;
  keys(): Keys | Promise<Keys>;
}

/** As the SDK. Milliseconds. */
const ATTEMPTS = 4;
const DELAY = 100;
const THROTTLED_DELAY = 500;
/** Until an answer begins. What is sent takes its time, beside others over the same line. Milliseconds. */
const ANSWER_TIMEOUT = 30_000;
const SENDING_TIMEOUT = 120_000;
/** An error's XML; the code stands at its begin. Bytes. */
const MOST_OF_ERROR = 16 * 1024;

const WORTH_REPEATING: ReadonlySet<number | undefined> = new Set([429, 500, 502, 503, 504]);
const BROKEN_CONNECTION: ReadonlySet<unknown> = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

export class ObjectClient {
  readonly #access: Access;
  readonly #signer: RequestSigner;
  readonly #agents: Agents;
  readonly #silence: number;
  readonly #time: ServerClock;
  /** By how much this machine's clock is behind the store's, once the store has complained. Milliseconds. */
  #skew = 0;

  /**
   * @param silence between two pieces of a body, milliseconds
   * @param time is told what each answer says of the time
   */
  constructor(region: string, access: Access, agents: Agents, silence: number, time: ServerClock) {
    this.#access = access;
    this.#signer = new RequestSigner(region, () => access.keys());
    this.#agents = agents;
    this.#silence = silence;
    this.#time = time;
  }

  /**
   * @returns an answer with a status below 300, whose body is the caller's to read or to destroy
   * @throws {S3AnswerError} for every other status, once it is not worth asking again; what Node says of a connection
   */
  async send(request: ObjectRequest): Promise<IncomingMessage> {
    // Once for all attempts: 8 MiB take a while.
    const bodyHash = sha256(request.body ?? '');
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#attempt(request, bodyHash);
      } catch (error) {
        if (attempt === ATTEMPTS || !isWorthRepeating(error)) throw error;
        const isThrottled = isCalled(error, 'SlowDown') || refusalOf(error)?.status === 429;
        const longest = (isThrottled ? THROTTLED_DELAY : DELAY) * 2 ** (attempt - 1);
        // R2 allows one write per second and key. A throttled request waits for at least half of the delay, and so
        // longer in all.
        const share = isThrottled ? (1 + Math.random()) / 2 : Math.random();
        await sleep(share * longest);
      }
    }
  }

  async #attempt(request: ObjectRequest, bodyHash: string): Promise<IncomingMessage> {
    const { method, key, query = {}, headers = {}, body } = request;
    const address = await this.#access.address();
    const path = `${address.pathname}${encodePath(key)}`;
    const at = new Date(Date.now() + this.#skew);
    const signed = await this.#signer.sign({ method, origin: address, path, query, headers, bodyHash }, at);
    const search = encodeQuery(query);
    const answer = await exchange({
      method,
      origin: address,
      path: `${path}${search === '' ? '' : `?${search}`}`,
      headers: { ...signed, ...(body !== undefined && { 'content-length': String(body.length) }) },
      body,
      agents: this.#agents,
      timeout: body === undefined ? ANSWER_TIMEOUT : SENDING_TIMEOUT,
    });
    this.#time.note(answer.headers.date, answer.headers.age, Date.now());
    const status = answer.statusCode ?? 0;
    if (status >= 200 && status < 300) return answer;
    const region = answer.headers['x-amz-bucket-region'];
    const error = new S3AnswerError(status, await this.#errorOf(answer), region?.toString());
    const theirs = Date.parse(answer.headers.date ?? '');
    if (isCalled(error, 'RequestTimeTooSkewed') && !Number.isNaN(theirs)) this.#skew = theirs - Date.now();
    throw error;
  }

  async #errorOf(answer: IncomingMessage): Promise<string> {
    const read = async (): Promise<string> => {
      const chunks: Buffer[] = [];
      let length = 0;
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        length += chunk.length;
        if (length > MOST_OF_ERROR) break;
        chunks.push(chunk);
      }
      return Buffer.concat(chunks).toString('utf8');
    };
    try {
      return await inTime(read(), this.#silence);
    } catch {
      // The status says enough.
      answer.destroy();
      return '';
    }
  }
}

function isWorthRepeating(error: unknown): boolean {
  const refusal = refusalOf(error);
  if (refusal !== undefined) {
    return (
      WORTH_REPEATING.has(refusal.status) ||
      refusal.code === 'RequestTimeout' ||
      refusal.code === 'SlowDown' ||
      refusal.code === 'RequestTimeTooSkewed'
    );
  }
  if (error instanceof TimeoutError) return true;
  return error instanceof Error && 'code' in error && BROKEN_CONNECTION.has(error.code);
}
