/** Sends signed requests for single objects of a bucket, and repeats them if that may help. */
import { setTimeout as sleep } from 'node:timers/promises';
import { withRetries } from '../../engine/support/retry.ts';
import type { ServerClock } from '../../engine/support/server-clock.ts';
import { TimeoutError } from '../../engine/support/timeout-error.ts';
import { headerOf, type S3Answer, type S3Connection } from './s3-connection.ts';
import { isCalled, refusalOf, S3AnswerError } from './s3-error.ts';
import { RequestSigner, sha256, type Keys } from './request-signer.ts';
import { withStallTimeout } from './silence.ts';
import { encodePath, encodeQuery } from './uri-encoding.ts';

export interface ObjectRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Empty for the bucket itself. */
  readonly key: string;
  /** Not encoded. */
  readonly query?: Readonly<Record<string, string>>;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Whether the request is sent once, so that it cannot take effect long after it was decided. */
  readonly isSentOnce?: boolean;
}

/** The bucket's address and keys. The SDK may have to find them first. */
export interface Access {
  address(): URL | Promise<URL>;
  keys(): Keys | Promise<Keys>;
}

/** These three are the SDK's. */
const ATTEMPTS = 4;
const DELAY_MS = 100;
const THROTTLED_DELAY_MS = 500;
/** The wait until an answer begins. It is longer for a request with a body, which shares the line with others. */
const ANSWER_TIMEOUT_MS = 30_000;
const SENDING_TIMEOUT_MS = 120_000;
/** How much of an error's XML is read. The code is at its beginning. */
const MAX_ERROR_BYTES = 16 * 1024;

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
  readonly #connection: S3Connection;
  readonly #silenceMs: number;
  readonly #time: ServerClock;
  /** How far this machine's clock is behind the store's, once the store has complained. */
  #skewMs = 0;

  /**
   * @param silenceMs the longest silence between two pieces of a body
   * @param time learns the store's clock from each answer
   */
  constructor(
    region: string,
    access: Access,
    connection: S3Connection,
    silenceMs: number,
    time: ServerClock,
  ) {
    this.#access = access;
    this.#signer = new RequestSigner(region, () => access.keys());
    this.#connection = connection;
    this.#silenceMs = silenceMs;
    this.#time = time;
  }

  /**
   * @returns an answer with a status below 300. The caller reads or destroys its body
   * @throws {S3AnswerError} for every other status, after the last attempt
   * @throws {TimeoutError} and Node's errors of a connection
   */
  async send(request: ObjectRequest): Promise<S3Answer> {
    // Hashed once for all attempts, because 8 MiB take a while.
    const bodyHash = sha256(request.body ?? '');
    return withRetries(() => this.#attempt(request, bodyHash), {
      attempts: request.isSentOnce === true ? 1 : ATTEMPTS,
      isRetryable: isWorthRepeating,
      pause: async (attempt, error) => {
        const isThrottled = isCalled(error, 'SlowDown') || refusalOf(error)?.status === 429;
        const longestMs = (isThrottled ? THROTTLED_DELAY_MS : DELAY_MS) * 2 ** (attempt - 1);
        // R2 allows one write per second and key. A throttled request waits for at least half of the delay, and so
        // longer in all.
        const share = isThrottled ? (1 + Math.random()) / 2 : Math.random();
        await sleep(share * longestMs);
      },
    });
  }

  async #attempt(request: ObjectRequest, bodyHash: string): Promise<S3Answer> {
    const { method, key, query = {}, headers = {}, body } = request;
    const address = await this.#access.address();
    const path = `${address.pathname}${encodePath(key)}`;
    const at = new Date(Date.now() + this.#skewMs);
    const signed = await this.#signer.sign({ method, origin: address, path, query, headers, bodyHash }, at);
    const search = encodeQuery(query);
    const answer = await this.#connection.send({
      method,
      origin: address,
      path: `${path}${search === '' ? '' : `?${search}`}`,
      headers: { ...signed, ...(body !== undefined && { 'content-length': String(body.length) }) },
      body,
      timeoutMs: body === undefined ? ANSWER_TIMEOUT_MS : SENDING_TIMEOUT_MS,
    });
    const date = headerOf(answer, 'date');
    this.#time.note(date, headerOf(answer, 'age'), Date.now());
    const status = answer.statusCode ?? 0;
    if (status >= 200 && status < 300) return answer;
    const region = headerOf(answer, 'x-amz-bucket-region');
    const error = new S3AnswerError(status, await this.#errorOf(answer), region);
    const theirs = Date.parse(date ?? '');
    if (isCalled(error, 'RequestTimeTooSkewed') && !Number.isNaN(theirs)) this.#skewMs = theirs - Date.now();
    throw error;
  }

  async #errorOf(answer: S3Answer): Promise<string> {
    const read = async (): Promise<string> => {
      const chunks: Uint8Array[] = [];
      let length = 0;
      for await (const chunk of answer) {
        length += chunk.length;
        if (length > MAX_ERROR_BYTES) break;
        chunks.push(chunk);
      }
      return Buffer.concat(chunks).toString('utf8');
    };
    try {
      return await withStallTimeout(read(), this.#silenceMs);
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
