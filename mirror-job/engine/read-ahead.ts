/**
 * Objects that a run is sure to read as soon as it knows its bucket, asked for while it gets to know it: one wait for
 * the store instead of several, one after the other. Each is given once, to who asks first; afterwards, or once it was
 * written, the store is asked as ever.
 */
import type { OpenUpload, PutOptions, PutResult, Store, StoredObject, UploadPart } from './store.ts';

export class ReadAhead implements Store {
  readonly name: string;
  readonly #store: Store;
  readonly #begun: Map<string, Promise<StoredObject | undefined>>;

  constructor(store: Store, keys: Iterable<string>) {
    this.#store = store;
    this.name = store.name;
    // Several entries of a configuration may share a repository, and its index.
    this.#begun = new Map([...new Set(keys)].map((key) => [key, store.get(key)]));
    // Who asks hears of it. Nobody may, where the run ends before.
    for (const read of this.#begun.values()) read.catch(() => undefined);
  }

  get(key: string): Promise<StoredObject | undefined> {
    const begun = this.#begun.get(key);
    this.#begun.delete(key);
    return begun ?? this.#store.get(key);
  }

  put(key: string, bytes: Uint8Array, options: PutOptions): Promise<PutResult> {
    this.#begun.delete(key);
    return this.#store.put(key, bytes, options);
  }

  size(key: string): Promise<number | undefined> {
    return this.#store.size(key);
  }

  list(prefix: string, limit: number): Promise<readonly string[]> {
    return this.#store.list(prefix, limit);
  }

  beginUpload(key: string, contentType: string): Promise<string> {
    return this.#store.beginUpload(key, contentType);
  }

  putPart(key: string, upload: string, number: number, bytes: Uint8Array): Promise<UploadPart> {
    return this.#store.putPart(key, upload, number, bytes);
  }

  completeUpload(key: string, upload: string, parts: readonly UploadPart[]): Promise<void> {
    return this.#store.completeUpload(key, upload, parts);
  }

  abortUpload(key: string, upload: string): Promise<void> {
    return this.#store.abortUpload(key, upload);
  }

  openUploads(prefix: string): Promise<readonly OpenUpload[]> {
    return this.#store.openUploads(prefix);
  }
}
