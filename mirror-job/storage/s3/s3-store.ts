/** A bucket behind the S3 API. docs/providers.md says what each provider needs, and why each setting is here. */
import { setTimeout as sleep } from 'node:timers/promises';
import { maxSizeOf } from '../../../core/object-size.ts';
import { LargeObjectError } from '../../engine/store/large-object-error.ts';
import { withRetries } from '../../engine/support/retry.ts';
import { ServerClock } from '../../engine/support/server-clock.ts';
import {
  ConditionRefusedError,
  StoreError,
  UploadLostError,
  type ListedObject,
  type OpenUpload,
  type PrunableStore,
  type PutOptions,
  type PutResult,
  type StoredObject,
  type Upload,
} from '../../engine/store/store.ts';
import { EtagCheck } from './etag-check.ts';
import { ObjectClient, type ObjectRequest } from './object-client.ts';
import { bucketAddress } from './s3-address.ts';
import { headerOf, type S3Answer, type S3Connection } from './s3-connection.ts';
import {
  explain,
  isFull,
  isCalled,
  OddAnswerError,
  refusalOfConditions,
  statusOf,
  TornReadError,
} from './s3-error.ts';
import type { BucketCalls, ListedPage } from './bucket-calls.ts';
import { readListPage } from './list-page.ts';
import type { S3StoreOptions } from './s3-options.ts';
import { SilenceError, withStallTimeout } from './silence.ts';

/** AWS answers a conditional write with 409 while another one is under way, which is a reason to ask again. */
const CONFLICT_ATTEMPTS = 5;
/** The wait before the second attempt. It doubles with each further one. */
const CONFLICT_DELAY_MS = 25;
/** The attempts for an answer that breaks off. */
const BODY_ATTEMPTS = 3;
/**
 * The attempts for an answer whose body and ETag belong to two versions: the write that replaces the object gets time
 * to end.
 */
const PAIR_ATTEMPTS = 5;
/** The wait before the second attempt. It doubles with each further one. */
const PAIR_DELAY_MS = 50;

/** The answer to a write is a few lines. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** A page of a thousand keys of the longest kind has less. */
const MAX_PAGE_BYTES = 8 * 1024 * 1024;

/** The longest silence between two pieces of a body. */
const SILENCE_MS = 60_000;

export class S3Store implements PrunableStore {
  readonly name: string;
  readonly time = new ServerClock();
  readonly #objects: ObjectClient;
  readonly #openCalls: () => Promise<BucketCalls>;
  readonly #prefix: string;
  readonly #silenceMs: number;
  readonly #etags = new EtagCheck();
  #opened: Promise<BucketCalls> | undefined;
  /** Whether the pages of this server's listings need a parser of all XML. */
  #hasOtherPages = false;
  #address: Promise<URL> | undefined;

  /** @param silenceMs the longest silence between two pieces of a body */
  constructor(options: S3StoreOptions, connection: S3Connection, silenceMs = SILENCE_MS) {
    const { endpoint, region, bucket, prefix, pathStyle, credentials } = options;
    this.#silenceMs = silenceMs;
    this.#prefix = prefix;
    this.name = `The bucket "${bucket}"${prefix === '' ? '' : ` (prefix "${prefix}")`} at ${endpoint ?? `AWS, ${region}`}`;
    // Loaded at the first call that needs it. A run that finds nothing new has no such call.
    this.#openCalls = () => connection.bucketCalls(options);
    const address = endpoint === undefined ? undefined : bucketAddress(endpoint, bucket, pathStyle);
    const access = {
      address: () => address ?? this.#findAddress(),
      keys: async () => credentials ?? (await this.#calls()).keys(),
    };
    this.#objects = new ObjectClient(region, access, connection, silenceMs, this.time);
  }

  #calls(): Promise<BucketCalls> {
    this.#opened ??= this.#openCalls();
    return this.#opened;
  }

  #findAddress(): Promise<URL> {
    this.#address ??= this.#calls().then((calls) => calls.address());
    return this.#address;
  }

  /**
   * Returns body and ETag of one version, as far as that can be known, because the caller may change the object and write
   * it back.
   */
  async get(key: string): Promise<StoredObject | undefined> {
    return this.#call('read', key, (whole) => {
      const attempt = async (): Promise<StoredObject | undefined> => {
        const read = await this.#getOnce(key, whole);
        if (read === undefined || this.#etags.isPair(read.bytes, read.headers)) return read?.object;
        throw new TornReadError();
      };
      return withRetries(attempt, {
        attempts: PAIR_ATTEMPTS,
        isRetryable: (error) => error instanceof TornReadError,
        pause: doubling(PAIR_DELAY_MS),
      });
    });
  }

  async #getOnce(key: string, whole: string) {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.#find({ method: 'GET', key: whole });
      if (answer === undefined) return undefined;
      const { headers } = answer;
      const [etag, contentType] = [headerOf(answer, 'etag'), headerOf(answer, 'content-type')];
      if (etag === undefined) {
        answer.destroy();
        throw new OddAnswerError('the answer has no ETag');
      }
      try {
        const bytes = await withStallTimeout(readWhole(answer, maxSizeOf(key)), this.#silenceMs);
        if (bytes === undefined) throw new LargeObjectError(this.name, key, etag);
        return { bytes, headers, object: { bytes, etag, contentType } };
      } catch (error) {
        // The client retries a request without an answer. Here the answer broke off.
        if (error instanceof SilenceError || error instanceof LargeObjectError || attempt === BODY_ATTEMPTS)
          throw error;
      } finally {
        answer.destroy();
      }
    }
  }

  async stream(key: string, offset: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    return this.#call('read', key, async (whole) => {
      const headers = offset === 0 ? {} : { range: `bytes=${offset}-` };
      const answer = await this.#find({ method: 'GET', key: whole, headers });
      return answer && this.#pieces(key, answer);
    });
  }

  /** Bounds the wait for each piece of an answer, while the client bounds the wait for the answer. */
  async *#pieces(key: string, answer: S3Answer): AsyncGenerator<Uint8Array> {
    const pieces: AsyncIterator<Uint8Array> = answer[Symbol.asyncIterator]();
    try {
      for (;;) {
        const piece = await this.#call('read', key, () => withStallTimeout(pieces.next(), this.#silenceMs));
        if (piece.done === true) return;
        yield piece.value;
      }
    } finally {
      // Also if nobody wants the rest, because the connection would stay open.
      answer.destroy();
    }
  }

  async #find(request: ObjectRequest): Promise<S3Answer | undefined> {
    try {
      return await this.#objects.send(request);
    } catch (error) {
      if (isCalled(error, 'NoSuchKey')) return undefined;
      throw error;
    }
  }

  async size(key: string): Promise<number | undefined> {
    return this.#call('look at', key, async (whole) => {
      try {
        const answer = await this.#objects.send({ method: 'HEAD', key: whole });
        await this.#discard(answer);
        return Number(headerOf(answer, 'content-length') ?? 0);
      } catch (error) {
        // A HEAD has no body that could name the error.
        if (statusOf(error) === 404) return undefined;
        throw error;
      }
    });
  }

  async put(key: string, bytes: Uint8Array, { contentType, condition }: PutOptions): Promise<PutResult> {
    return this.#call('write', key, async (whole) => {
      const headers = {
        'content-type': contentType,
        ...(condition !== undefined &&
          ('ifMatch' in condition
            ? { 'if-match': condition.ifMatch }
            : { 'if-none-match': condition.ifNoneMatch })),
      };
      const attempt = async (): Promise<PutResult> => {
        try {
          const answer = await this.#objects.send({ method: 'PUT', key: whole, headers, body: bytes });
          await this.#discard(answer);
          // The check learns the kind of this store's ETags. A write with another ETag is no error.
          this.#etags.isPair(bytes, answer.headers);
          return 'written';
        } catch (error) {
          if (condition === undefined) throw error;
          if (statusOf(error) === 412) return 'conflict';
          // If-Match on an object that is gone: AWS says 404 where others say 412.
          if ('ifMatch' in condition && isCalled(error, 'NoSuchKey')) return 'conflict';
          const refused = refusalOfConditions(error);
          if (refused === undefined) throw error;
          const message = `${this.name}: could not write ${key}: it refuses conditional writes (${refused}).`;
          throw new ConditionRefusedError(message, refused, { cause: error });
        }
      };
      return withRetries(attempt, {
        attempts: CONFLICT_ATTEMPTS,
        isRetryable: (error) => statusOf(error) === 409,
        pause: doubling(CONFLICT_DELAY_MS),
      });
    });
  }

  /**
   * Deletes one object a request: some providers lack the call that deletes several, and a key of this one needs no other
   * permission. The request is not repeated, because the caller decides whether it may still delete.
   */
  async delete(key: string): Promise<void> {
    return this.#call('delete', key, async (whole) => {
      try {
        await this.#discard(await this.#objects.send({ method: 'DELETE', key: whole, isSentOnce: true }));
      } catch (error) {
        if (!isCalled(error, 'NoSuchKey')) throw error;
      }
    });
  }

  async list(prefix: string, limit: number): Promise<readonly string[]> {
    return this.#call('list', prefix, async (whole) => {
      const keys: string[] = [];
      let token: string | undefined;
      do {
        const page = await this.#listPage(whole, Math.min(limit - keys.length, 1000), token);
        for (const { key } of page.objects) keys.push(this.#own(key));
        token = page.next;
      } while (token !== undefined && keys.length < limit);
      return keys;
    });
  }

  async *entries(prefix: string): AsyncGenerator<ListedObject> {
    let token: string | undefined;
    do {
      const page = await this.#call('list', prefix, (whole) => this.#listPage(whole, undefined, token));
      for (const object of page.objects) yield { ...object, key: this.#own(object.key) };
      token = page.next;
    } while (token !== undefined);
  }

  async #listPage(prefix: string, limit: number | undefined, token: string | undefined): Promise<ListedPage> {
    if (this.#hasOtherPages) return (await this.#calls()).listPage(prefix, limit, token);
    const query = {
      'list-type': '2',
      prefix,
      ...(limit !== undefined && { 'max-keys': String(limit) }),
      ...(token !== undefined && { 'continuation-token': token }),
    };
    const answer = await this.#objects.send({ method: 'GET', key: '', query });
    const reading = withStallTimeout(readWhole(answer, MAX_PAGE_BYTES), this.#silenceMs);
    const bytes = await reading.catch(() => undefined).finally(() => answer.destroy());
    const page = bytes === undefined ? undefined : readListPage(Buffer.from(bytes).toString('utf8'), token);
    // A page that broke off, or is written in another way: the other client asks again, and says what is wrong.
    if (page === undefined && bytes !== undefined) this.#hasOtherPages = true;
    return page ?? (await this.#calls()).listPage(prefix, limit, token);
  }

  async beginUpload(key: string, contentType: string): Promise<Upload> {
    const id = await this.#call('begin an upload to', key, async (whole) =>
      (await this.#calls()).beginUpload(whole, contentType),
    );
    /** By the number of a part. */
    const etags = new Map<number, string>();
    return {
      putPart: async (number, bytes) => {
        etags.set(number, await this.#putPart(key, id, number, bytes));
      },
      complete: () =>
        this.#call('complete the upload to', key, async (whole) =>
          (await this.#calls()).completeUpload(whole, id, etags),
        ),
      abort: () => this.#abortUpload(key, id),
    };
  }

  /** @returns the ETag */
  #putPart(key: string, id: string, number: number, bytes: Uint8Array): Promise<string> {
    return this.#call(`upload part ${number} of`, key, async (whole) => {
      const query = { partNumber: String(number), uploadId: id };
      const answer = await this.#objects.send({ method: 'PUT', key: whole, query, body: bytes });
      await this.#discard(answer);
      const etag = headerOf(answer, 'etag');
      if (etag === undefined) throw new OddAnswerError('the answer has no ETag');
      return etag;
    });
  }

  #abortUpload(key: string, id: string): Promise<void> {
    return this.#call('abort the upload to', key, async (whole) =>
      (await this.#calls()).abortUpload(whole, id),
    );
  }

  async openUploads(prefix: string): Promise<readonly OpenUpload[]> {
    return this.#call('list the uploads below', prefix, async (whole) => {
      const open = await (await this.#calls()).openUploads(whole);
      return open.map(({ key: found, id, begun }) => {
        const key = this.#own(found);
        return { key, begun, abort: () => this.#abortUpload(key, id) };
      });
    });
  }

  /** Reads an answer to its end, so that its connection can be reused. A failure does not matter after the headers. */
  async #discard(answer: S3Answer): Promise<void> {
    await withStallTimeout(readWhole(answer, MAX_ANSWER_BYTES), this.#silenceMs).catch(() =>
      answer.destroy(),
    );
  }

  #own(whole: string): string {
    return whole.slice(this.#prefix.length);
  }

  /** Turns every failure into a sentence that names the bucket and, unless the bucket is full, the call and the key. */
  async #call<Result>(what: string, key: string, send: (whole: string) => Promise<Result>): Promise<Result> {
    try {
      return await send(`${this.#prefix}${key}`);
    } catch (error) {
      if (error instanceof StoreError) throw error;
      if (isCalled(error, 'NoSuchUpload')) {
        throw new UploadLostError(`${this.name}: the upload to ${key} is not there any more.`, {
          cause: error,
        });
      }
      // A store that is full refuses every object, so one sentence without the key is enough for all of them.
      const begin = isFull(error) ? '' : `could not ${what} ${key === '' ? 'it' : key}: `;
      throw new StoreError(`${this.name}: ${begin}${explain(error)}`, { cause: error });
    }
  }
}

/** @returns a pause that waits twice as long each time. @param firstMs the wait before the second attempt */
function doubling(firstMs: number): (attempt: number) => Promise<void> {
  return (attempt) => sleep(firstMs * 2 ** (attempt - 1));
}

/** @returns undefined as soon as there are more bytes than the limit, without reading the rest */
async function readWhole(answer: S3Answer, limit: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  // A HEAD has the length of a body that does not come.
  let length = 0;
  for await (const chunk of answer) {
    length += chunk.length;
    if (length > limit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
