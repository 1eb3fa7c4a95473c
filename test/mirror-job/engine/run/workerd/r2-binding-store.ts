/** A store over an R2 binding, with as much of R2 as it needs. */
import type {
  PutOptions,
  PutResult,
  Store,
  StoredObject,
  Upload,
} from '../../../../../mirror-job/engine/store/store.ts';

interface R2Part {
  readonly partNumber: number;
  readonly etag: string;
}

interface R2Upload {
  uploadPart(number: number, bytes: Uint8Array): Promise<R2Part>;
  complete(parts: readonly R2Part[]): Promise<unknown>;
  abort(): Promise<void>;
}

/** https://developers.cloudflare.com/r2/api/workers/workers-api-reference/ */
export interface R2Binding {
  head(key: string): Promise<{ readonly size: number } | null>;
  get(key: string): Promise<{
    readonly etag: string;
    readonly httpMetadata?: { readonly contentType?: string };
    arrayBuffer(): Promise<ArrayBuffer>;
  } | null>;
  put(
    key: string,
    bytes: Uint8Array,
    options: { readonly httpMetadata: { readonly contentType: string }; readonly onlyIf?: Headers },
  ): Promise<unknown>;
  list(options: {
    readonly prefix: string;
    readonly limit: number;
  }): Promise<{ readonly objects: readonly { readonly key: string }[] }>;
  createMultipartUpload(
    key: string,
    options: { readonly httpMetadata: { readonly contentType: string } },
  ): Promise<R2Upload>;
}

export class R2BindingStore implements Store {
  readonly name = 'The bucket of the binding';
  readonly #bucket: R2Binding;

  constructor(bucket: R2Binding) {
    this.#bucket = bucket;
  }

  async get(key: string): Promise<StoredObject | undefined> {
    const object = await this.#bucket.get(key);
    if (object === null) return undefined;
    const bytes = new Uint8Array(await object.arrayBuffer());
    return { bytes, etag: `"${object.etag}"`, contentType: object.httpMetadata?.contentType };
  }

  async size(key: string): Promise<number | undefined> {
    return (await this.#bucket.head(key))?.size;
  }

  async put(key: string, bytes: Uint8Array, { contentType, condition }: PutOptions): Promise<PutResult> {
    const conditions = new Headers();
    if (condition !== undefined && 'ifMatch' in condition) conditions.set('If-Match', condition.ifMatch);
    else if (condition !== undefined) conditions.set('If-None-Match', condition.ifNoneMatch);
    const onlyIf = condition === undefined ? {} : { onlyIf: conditions };
    const written = await this.#bucket.put(key, bytes, { httpMetadata: { contentType }, ...onlyIf });
    return written === null ? 'conflict' : 'written';
  }

  async list(prefix: string, limit: number): Promise<readonly string[]> {
    const { objects } = await this.#bucket.list({ prefix, limit: Math.min(limit, 1000) });
    return objects.map(({ key }) => key);
  }

  async beginUpload(key: string, contentType: string): Promise<Upload> {
    const upload = await this.#bucket.createMultipartUpload(key, { httpMetadata: { contentType } });
    const parts: R2Part[] = [];
    return {
      putPart: async (number, bytes) => {
        parts.push(await upload.uploadPart(number, bytes));
      },
      complete: async () => {
        await upload.complete(parts.toSorted((one, other) => one.partNumber - other.partNumber));
      },
      abort: () => upload.abort(),
    };
  }

  /** A binding cannot list uploads. */
  async openUploads(): Promise<readonly []> {
    return [];
  }
}
