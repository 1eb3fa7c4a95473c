/** The store that another one is caught up from: its failures are told from those of the one that is written. */
import { StoreError, type ComparableStore, type ListedObject, type StoredObject } from '../store/store.ts';

/** Of what is copied from. */
export class OriginError extends StoreError {
  override readonly name = 'OriginError';
}

/**
 * As a store is read while another one is caught up. Nothing is waited for once the run has to stop.
 * @throws {OriginError} where it throws a StoreError, unless another error was asked for
 * @throws the signal's reason
 */
export class Origin {
  readonly name: string;
  readonly #store: ComparableStore;
  readonly #signal: AbortSignal;
  readonly #Failure: typeof StoreError;

  /** @param Failure what its failures are thrown as */
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
      // Not awaited: it would wait for what hangs. Where all is read, it does nothing.
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
