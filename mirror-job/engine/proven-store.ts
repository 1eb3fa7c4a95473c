/**
 * A bucket that is read while the proof that writes to it are safe is still on its way: each write waits for that. A
 * run that finds nothing new has looked at its tags by then.
 */
import type { OpenUpload, PutOptions, PutResult, Store, StoredObject, UploadPart } from './store.ts';

export class ProvenStore implements Store {
  readonly name: string;
  readonly #store: Store;
  readonly #proof: Promise<void>;

  /** @param proof rejected, it fails each write */
  constructor(store: Store, proof: Promise<void>) {
    this.#store = store;
    this.#proof = proof;
    this.name = store.name;
  }

  async put(key: string, bytes: Uint8Array, options: PutOptions): Promise<PutResult> {
    await this.#proof;
    return this.#store.put(key, bytes, options);
  }

  async beginUpload(key: string, contentType: string): Promise<string> {
    await this.#proof;
    return this.#store.beginUpload(key, contentType);
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
