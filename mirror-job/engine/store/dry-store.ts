/**
 * A bucket for a dry run, which reads it and never writes it. Writes go to memory, and later reads of the same run see
 * them, so that the run decides and asks as a real one would. It is no StoreLayer: a method that was added to Store
 * would pass through to the bucket there.
 */
import {
  StoreError,
  type OpenUpload,
  type PutOptions,
  type PutResult,
  type Store,
  type StoredObject,
} from './store.ts';

export class DryStore implements Store {
  readonly name: string;
  readonly #store: Pick<Store, 'name' | 'get' | 'size' | 'list'>;
  readonly #written = new Map<string, StoredObject>();

  constructor(store: Pick<Store, 'name' | 'get' | 'size' | 'list'>) {
    this.#store = store;
    this.name = store.name;
  }

  async get(key: string): Promise<StoredObject | undefined> {
    return this.#written.get(key) ?? this.#store.get(key);
  }

  async size(key: string): Promise<number | undefined> {
    return this.#written.get(key)?.bytes.length ?? this.#store.size(key);
  }

  /** Ignores the condition, because only a real write would show whether it holds. */
  async put(key: string, bytes: Uint8Array, { contentType }: PutOptions): Promise<PutResult> {
    this.#written.set(key, { bytes, etag: `"dry-${this.#written.size}"`, contentType });
    return 'written';
  }

  list(prefix: string, limit: number): Promise<readonly string[]> {
    return this.#store.list(prefix, limit);
  }

  /** Refuses, because a dry run copies no blobs. */
  async beginUpload(key: string): Promise<never> {
    throw new StoreError(`${this.name}: ${key} was to be uploaded in a dry run, which writes nothing.`);
  }

  /** Returns none, because this run may not abort any. */
  async openUploads(): Promise<readonly OpenUpload[]> {
    return [];
  }
}
