/** What the edge needs of a store. Nothing here writes, and nothing lists. */

/** Bytes `start` to `end`, both included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface StoredObject {
  /** How many bytes `body` has: those of the range, where one was asked for. */
  readonly size: number;
  readonly contentType: string | undefined;
  /** When it was written. ISO 8601, UTC. */
  readonly modified: string | undefined;
  readonly body: ReadableStream<Uint8Array>;
}

export interface Store {
  /** Its place in the configuration, from 1: how log and headers call it. */
  readonly number: number;
  /** What tells it from every other store wherever the edge runs; undefined when only the binding knows. */
  readonly location: string | undefined;
  /**
   * @returns undefined when the store says that there is no such object
   * @throws {StoreError} when it says anything else, or nothing
   */
  get(
    key: string,
    options: { readonly range?: ByteRange; readonly signal: AbortSignal },
  ): Promise<StoredObject | undefined>;
  /** A URL at which a client can get the object, for 5 minutes at least; undefined where there is none. */
  urlFor(key: string): string | undefined | Promise<string>;
}

/** A store did not give what it was asked for: it is down, too slow, refuses its keys, or holds broken bytes. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly store: number;

  /** @param reason a clause for the log; never a signed URL */
  constructor(store: number, reason: string, cause?: unknown) {
    super(`Store ${store} ${reason}`, cause === undefined ? undefined : { cause });
    this.store = store;
  }
}
