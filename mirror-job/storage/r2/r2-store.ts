/** A bucket of R2 behind a binding, which needs no keys. It cannot list uploads; R2 itself drops those after seven days. */
import { maxSizeOf } from '../../../core/object-size.ts';
import { LargeObjectError } from '../../engine/store/large-object-error.ts';
import {
  StoreError,
  UploadLostError,
  type ComparableStore,
  type ListedObject,
  type OpenUpload,
  type PutOptions,
  type PutResult,
  type StoredObject,
  type Upload,
} from '../../engine/store/store.ts';
import { withRetries } from '../../engine/support/retry.ts';
import type { R2Binding, R2Page, R2Part } from './r2-binding.ts';
import { isNoSuchUpload, isTransient } from './r2-error.ts';

const ATTEMPTS = 4;
/** The longest wait before the second attempt. It doubles with each further one. R2 takes one write per second and key. */
const DELAY_MS = 500;
/** The most keys that R2 lists at once. */
const PAGE_KEYS = 1000;

export interface R2StoreOptions {
  readonly binding: R2Binding;
  /** The binding's name, for messages: a binding does not tell the bucket's own. */
  readonly bound: string;
  /** Before every key; empty, or with a slash at its end. */
  readonly prefix: string;
}

export class R2Store implements ComparableStore {
  readonly name: string;
  readonly #binding: R2Binding;
  readonly #prefix: string;

  constructor({ binding, bound, prefix }: R2StoreOptions) {
    this.#binding = binding;
    this.#prefix = prefix;
    this.name = `The R2 bucket that is bound as ${bound}${prefix === '' ? '' : ` (prefix "${prefix}")`}`;
  }

  async get(key: string): Promise<StoredObject | undefined> {
    return this.#call('read', key, async (whole) => {
      const object = await this.#binding.get(whole);
      if (object === null) return undefined;
      const { httpEtag: etag, httpMetadata } = object;
      if (object.size > maxSizeOf(key)) {
        await object.body.cancel();
        throw new LargeObjectError(this.name, key, etag);
      }
      const bytes = new Uint8Array(await object.arrayBuffer());
      return { bytes, etag, contentType: httpMetadata?.contentType };
    });
  }

  async size(key: string): Promise<number | undefined> {
    return this.#call('look at', key, async (whole) => (await this.#binding.head(whole))?.size);
  }

  async put(key: string, bytes: Uint8Array, { contentType, condition }: PutOptions): Promise<PutResult> {
    const onlyIf = new Headers();
    if (condition !== undefined) {
      if ('ifMatch' in condition) onlyIf.set('If-Match', condition.ifMatch);
      else onlyIf.set('If-None-Match', condition.ifNoneMatch);
    }
    return this.#call('write', key, async (whole) => {
      const written = await this.#binding.put(whole, bytes, {
        httpMetadata: { contentType },
        ...(condition !== undefined && { onlyIf }),
      });
      return written === null ? 'conflict' : 'written';
    });
  }

  async list(prefix: string, limit: number): Promise<readonly string[]> {
    const keys: string[] = [];
    for await (const page of this.#pages(prefix, limit)) {
      for (const { key } of page.objects) keys.push(this.#own(key));
      if (keys.length >= limit) break;
    }
    return keys.slice(0, limit);
  }

  async *entries(prefix: string): AsyncGenerator<ListedObject> {
    for await (const page of this.#pages(prefix, PAGE_KEYS)) {
      for (const { key, size, httpEtag } of page.objects) yield { key: this.#own(key), size, etag: httpEtag };
    }
  }

  /** @param limit the most keys of a page */
  async *#pages(prefix: string, limit: number): AsyncGenerator<R2Page> {
    let cursor: string | undefined;
    do {
      const page = await this.#call('list', prefix, (whole) =>
        this.#binding.list({
          prefix: whole,
          limit: Math.min(limit, PAGE_KEYS),
          ...(cursor !== undefined && { cursor }),
        }),
      );
      yield page;
      // A page that is cut off without a cursor would be listed for ever.
      cursor = page.truncated ? page.cursor : undefined;
    } while (cursor !== undefined);
  }

  async stream(key: string, offset: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    const object = await this.#call('read', key, (whole) =>
      this.#binding.get(whole, offset === 0 ? {} : { range: { offset } }),
    );
    return object === null ? undefined : this.#pieces(key, object.body);
  }

  async *#pieces(key: string, body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* body;
    } catch (error) {
      throw this.#explain('read', key, error);
    }
  }

  async beginUpload(key: string, contentType: string): Promise<Upload> {
    const upload = await this.#call('begin an upload to', key, (whole) =>
      this.#binding.createMultipartUpload(whole, { httpMetadata: { contentType } }),
    );
    const parts = new Map<number, R2Part>();
    return {
      putPart: (number, bytes) =>
        this.#call(`upload part ${number} of`, key, async () => {
          parts.set(number, await upload.uploadPart(number, bytes));
        }),
      complete: () =>
        this.#call('complete the upload to', key, async () => {
          await upload.complete(
            [...parts.values()].toSorted((one, other) => one.partNumber - other.partNumber),
          );
        }),
      abort: async () => {
        try {
          await this.#call('abort the upload to', key, () => upload.abort());
        } catch (error) {
          if (!(error instanceof UploadLostError)) throw error;
        }
      },
    };
  }

  /** A binding cannot list uploads. */
  async openUploads(): Promise<readonly OpenUpload[]> {
    return [];
  }

  #own(whole: string): string {
    return whole.slice(this.#prefix.length);
  }

  /** Calls again what may succeed then, and turns every failure into a sentence that names the bucket, the call and the key. */
  async #call<Result>(what: string, key: string, send: (whole: string) => Promise<Result>): Promise<Result> {
    try {
      return await withRetries(() => send(`${this.#prefix}${key}`), {
        attempts: ATTEMPTS,
        isRetryable: isTransient,
        pause: (attempt) => pause(((1 + Math.random()) / 2) * DELAY_MS * 2 ** (attempt - 1)),
      });
    } catch (error) {
      throw this.#explain(what, key, error);
    }
  }

  #explain(what: string, key: string, error: unknown): StoreError {
    if (error instanceof StoreError) return error;
    if (isNoSuchUpload(error)) {
      return new UploadLostError(`${this.name}: the upload to ${key} is not there any more.`, {
        cause: error,
      });
    }
    const reason = error instanceof Error ? error.message : String(error);
    return new StoreError(`${this.name}: could not ${what} ${key === '' ? 'it' : key}: ${reason}`, {
      cause: error,
    });
  }
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise<void>((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
