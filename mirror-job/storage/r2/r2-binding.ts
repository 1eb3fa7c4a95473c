/**
 * A binding to an R2 bucket, with as much of R2 as the store needs. The types are written out, because the types of Workers
 * and of Node cannot be loaded together.
 * https://developers.cloudflare.com/r2/api/workers/workers-api-reference/
 */

interface R2Metadata {
  readonly contentType?: string;
}

export interface R2Object {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** The ETag with its quotes, as a header has it. */
  readonly httpEtag: string;
}

export interface R2ObjectBody extends R2Object {
  readonly httpMetadata?: R2Metadata;
  readonly body: ReadableStream<Uint8Array>;
  arrayBuffer(): Promise<ArrayBuffer>;
}

export interface R2Part {
  readonly partNumber: number;
  readonly etag: string;
}

export interface R2Upload {
  uploadPart(number: number, bytes: Uint8Array): Promise<R2Part>;
  complete(parts: R2Part[]): Promise<unknown>;
  abort(): Promise<void>;
}

export interface R2Page {
  readonly objects: readonly R2Object[];
  readonly truncated: boolean;
  /** The cursor at which the next page begins, if there is one. */
  readonly cursor?: string;
}

export interface R2Binding {
  head(key: string): Promise<R2Object | null>;
  get(key: string, options?: { readonly range?: { readonly offset: number } }): Promise<R2ObjectBody | null>;
  /** @returns null if the condition did not hold */
  put(
    key: string,
    bytes: Uint8Array,
    options: { readonly httpMetadata: R2Metadata; readonly onlyIf?: Headers },
  ): Promise<unknown>;
  list(options: {
    readonly prefix: string;
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<R2Page>;
  createMultipartUpload(key: string, options: { readonly httpMetadata: R2Metadata }): Promise<R2Upload>;
}
