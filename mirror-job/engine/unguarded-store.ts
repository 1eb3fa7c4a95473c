/**
 * A store that is sent no conditions, for one whose provider refuses any request that has one. Nothing stands
 * between two runs here: that no two overlap is the operator's promise, `singleWriter`.
 */
import type { OpenUpload, PutOptions, PutResult, Store, StoredObject, UploadPart } from './store.ts';

export class UnguardedStore implements Store {
  readonly name: string;
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
    this.name = store.name;
  }

  /** Always writes: `conflict` is never the answer. @throws {StoreError} */
  put(key: string, bytes: Uint8Array, { contentType }: PutOptions): Promise<PutResult> {
    return this.#store.put(key, bytes, { contentType });
  }

  get(key: string): Promise<StoredObject | undefined> {
    return this.#store.get(key);
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
