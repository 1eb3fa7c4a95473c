/**
 * Reads objects ahead that a run is sure to need, while the bucket is still being opened, so that the run waits for the
 * store once instead of several times in a row. The first reader of an object gets what was read ahead. Later readers,
 * and readers after a write, ask the store.
 */
import { StoreLayer } from './store-layer.ts';
import type { PutOptions, PutResult, Store, StoredObject } from './store.ts';

export class ReadAheadStore extends StoreLayer {
  readonly #reads: Map<string, Promise<StoredObject | undefined>>;

  constructor(below: Store, keys: Iterable<string>) {
    super(below);
    // A key may come twice, because several entries of a configuration may share a repository and its index.
    this.#reads = new Map([...new Set(keys)].map((key) => [key, below.get(key)]));
    // The reader of the object gets the error. There may be none, because the run may end before.
    for (const read of this.#reads.values()) read.catch(() => undefined);
  }

  override get(key: string): Promise<StoredObject | undefined> {
    const read = this.#reads.get(key);
    this.#reads.delete(key);
    return read ?? this.below.get(key);
  }

  override put(key: string, bytes: Uint8Array, options: PutOptions): Promise<PutResult> {
    this.#reads.delete(key);
    return this.below.put(key, bytes, options);
  }
}
