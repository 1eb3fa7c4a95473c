/** A store as a check reads it: some reads at once, and each failure told once, because what cannot be read is not known. */
import { LargeObjectError } from '../store/large-object-error.ts';
import { StoreError, type ComparableStore, type StoredObject } from '../store/store.ts';
import type { Limit } from '../support/limit.ts';

/** Whether an ETag is the MD5 of these bytes, so that they need not be read. False also where ETags are no MD5s. */
export type EtagProof = (etag: string, bytes: Uint8Array) => boolean;

/** An object that could not be read. All that depends on it is not known. */
export class Unknown {
  /** A sentence. */
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

/** An object is larger than any of its kind. */
export class TooLarge {
  /** A sentence. */
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

export class CheckedStore {
  readonly store: ComparableStore;
  readonly #limit: Limit;
  readonly #signal: AbortSignal;
  readonly #onUnknown: (reason: string) => void;

  /**
   * @param limit bounds the reads that are under way, of all who share it
   * @param onUnknown hears of each read that fails
   */
  constructor(
    store: ComparableStore,
    limit: Limit,
    signal: AbortSignal,
    onUnknown: (reason: string) => void,
  ) {
    this.store = store;
    this.#limit = limit;
    this.#signal = signal;
    this.#onUnknown = onUnknown;
  }

  get(key: string): Promise<StoredObject | undefined | TooLarge | Unknown> {
    return this.#read(() => this.store.get(key));
  }

  async size(key: string): Promise<number | undefined | Unknown> {
    const size = await this.#read(() => this.store.size(key));
    return size instanceof TooLarge ? new Unknown(size.reason) : size;
  }

  /** All keys that start with `prefix`. */
  async list(prefix: string): Promise<readonly string[] | Unknown> {
    const keys = await this.#read(() => this.store.list(prefix, Number.MAX_SAFE_INTEGER));
    return keys instanceof TooLarge ? new Unknown(keys.reason) : keys;
  }

  #read<Value>(read: () => Promise<Value>): Promise<Value | TooLarge | Unknown> {
    return this.#limit(async () => {
      this.#signal.throwIfAborted();
      try {
        return await read();
      } catch (error) {
        this.#signal.throwIfAborted();
        if (error instanceof LargeObjectError) return new TooLarge(error.message);
        if (!(error instanceof StoreError)) throw error;
        this.#onUnknown(error.message);
        return new Unknown(error.message);
      }
    });
  }
}
