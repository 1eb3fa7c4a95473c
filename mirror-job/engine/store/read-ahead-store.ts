/**
 * Objects that a run is sure to read as soon as it knows its bucket, asked for while it gets to know it: one wait for
 * the store instead of several, one after the other. Each is given once, to who asks first; afterwards, or once it was
 * written, the store is asked as ever.
 */
import { StoreLayer } from './store-layer.ts';
import type { PutOptions, PutResult, Store, StoredObject } from './store.ts';

export class ReadAhead extends StoreLayer {
  readonly #begun: Map<string, Promise<StoredObject | undefined>>;

  constructor(store: Store, keys: Iterable<string>) {
    super(store);
    // Several entries of a configuration may share a repository, and its index.
    this.#begun = new Map([...new Set(keys)].map((key) => [key, store.get(key)]));
    // Who asks hears of it. Nobody may, where the run ends before.
    for (const read of this.#begun.values()) read.catch(() => undefined);
  }

  override get(key: string): Promise<StoredObject | undefined> {
    const begun = this.#begun.get(key);
    this.#begun.delete(key);
    return begun ?? this.below.get(key);
  }

  override put(key: string, bytes: Uint8Array, options: PutOptions): Promise<PutResult> {
    this.#begun.delete(key);
    return this.below.put(key, bytes, options);
  }
}
