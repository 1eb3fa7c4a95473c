/** Reads the store that another one is caught up from, with errors that differ from those of the written store. */
import { StoreError, type ComparableStore, type ListedObject, type StoredObject } from '../store/store.ts';

/** The store that is copied from has failed. */
export class OriginError extends StoreError {
  override readonly name = 'OriginError';
}

/**
 * A store as it is read while another one is caught up. Each call ends at once when the run has to stop.
 * @throws {OriginError} in place of a StoreError, or the class that the constructor was given
 * @throws the signal's reason
 */
export class Origin {
  readonly name: string;
  readonly #store: ComparableStore;
  readonly #signal: AbortSignal;
  readonly #Failure: typeof StoreError;

  /** @param Failure the class of the errors that are thrown in place of a StoreError */
  constructor(store: ComparableStore, signal: AbortSignal, Failure: typeof StoreError = OriginError) {
    this.#Failure = Failure;
    this.#store = store;
    this.name = store.name;
    this.#signal = signal;
  }

  get(key: string): Promise<StoredObject | undefined> {
    return this.#call(() => this.#store.get(key));
  }

  size(key: string): Promise<number | undefined> {
    return this.#call(() => this.#store.size(key));
  }

  entries(prefix: string): AsyncIterable<ListedObject> {
    return this.#each(this.#store.entries(prefix));
  }

  async stream(key: string, offset: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    const body = await this.#call(() => this.#store.stream(key, offset));
    return body === undefined ? undefined : this.#each(body);
  }

  async #call<Value>(call: () => Promise<Value>): Promise<Value> {
    try {
      return await unlessAborted(this.#signal, call);
    } catch (error) {
      throw error instanceof StoreError ? new this.#Failure(error.message, { cause: error }) : error;
    }
  }

  async *#each<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item> {
    const rest = items[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await this.#call(() => rest.next());
        if (done === true) return;
        yield value;
      }
    } finally {
      // Not awaited, because it would wait for a call that hangs. It does nothing if everything was read.
      rest.return?.().catch(() => {});
    }
  }
}

/** @throws the signal's reason */
function unlessAborted<Value>(signal: AbortSignal, call: () => Promise<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    call()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', onAbort));
  });
}
