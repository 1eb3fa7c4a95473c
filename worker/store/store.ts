/** The part of a store that the edge needs. The edge never writes and never lists. */

/** Bytes `start` to `end`, both included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface StoredObject {
  /** How many bytes `body` has: those of the range, if a range was requested. */
  readonly size: number;
  readonly contentType: string | undefined;
  /** When the object was written. ISO 8601, UTC. */
  readonly modified: string | undefined;
  readonly body: ReadableStream<Uint8Array>;
}

export interface Store {
  /** Its position in the configuration, from 1. The log and the headers name the store by it. */
  readonly number: number;
  /** Identifies the bucket wherever the edge runs; undefined if only the binding knows which bucket it is. */
  readonly location: string | undefined;
  /**
   * @returns undefined when the store says that there is no such object
   * @throws {StoreError} when it says anything else, or nothing
   */
  get(
    key: string,
    options: { readonly range?: ByteRange; readonly signal: AbortSignal },
  ): Promise<StoredObject | undefined>;
  /** A URL at which a client can get the object for at least 5 minutes; undefined if the store has none. */
  urlFor(key: string): string | undefined | Promise<string>;
}

/** A store did not give an object: it is down, too slow, refuses the credentials, or holds broken bytes. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly store: number;

  /** @param reason a clause for the log; never a signed URL */
  constructor(store: number, reason: string, cause?: unknown) {
    super(`Store ${store} ${reason}`, cause === undefined ? undefined : { cause });
    this.store = store;
  }
}
