/** A store that is an R2 binding. A binding cannot sign URLs, so blobs are streamed unless the bucket is public. */
import type { R2Configuration } from '../configuration/store-configuration.ts';
import { StoreError, type ByteRange, type Store, type StoredObject } from './store.ts';

export class R2Store implements Store {
  readonly number: number;
  readonly location = undefined;
  readonly #configuration: R2Configuration;

  constructor(number: number, configuration: R2Configuration) {
    this.number = number;
    this.#configuration = configuration;
  }

  async get(
    key: string,
    options: { readonly range?: ByteRange; readonly signal: AbortSignal },
  ): Promise<StoredObject | undefined> {
    const { range } = options;
    let object: R2ObjectBody | null;
    try {
      object = await this.#configuration.bucket.get(
        `${this.#configuration.prefix}${key}`,
        range === undefined ? {} : { range: { offset: range.start, length: range.end - range.start + 1 } },
      );
    } catch (error) {
      throw new StoreError(this.number, `could not read ${key}.`, error);
    }
    if (object === null) return undefined;
    return {
      size: range === undefined ? object.size : range.end - range.start + 1,
      contentType: object.httpMetadata?.contentType,
      modified: object.uploaded.toISOString(),
      body: object.body,
    };
  }

  urlFor(key: string): string | undefined {
    const { publicUrl, prefix } = this.#configuration;
    return publicUrl === undefined ? undefined : `${publicUrl}/${prefix}${key}`;
  }
}
