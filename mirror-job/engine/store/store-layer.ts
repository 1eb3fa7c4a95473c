/** A store that does what the one below it does, except for what a subclass does in another way. */
import type { OpenUpload, PutOptions, PutResult, Store, StoredObject, UploadPart } from './store.ts';

export abstract class StoreLayer implements Store {
  readonly name: string;
  protected readonly below: Store;

  constructor(below: Store) {
    this.name = below.name;
    this.below = below;
  }

  get(key: string): Promise<StoredObject | undefined> {
    return this.below.get(key);
  }

  size(key: string): Promise<number | undefined> {
    return this.below.size(key);
  }

  put(key: string, bytes: Uint8Array, options: PutOptions): Promise<PutResult> {
    return this.below.put(key, bytes, options);
  }

  list(prefix: string, limit: number): Promise<readonly string[]> {
    return this.below.list(prefix, limit);
  }

  beginUpload(key: string, contentType: string): Promise<string> {
    return this.below.beginUpload(key, contentType);
  }

  putPart(key: string, upload: string, number: number, bytes: Uint8Array): Promise<UploadPart> {
    return this.below.putPart(key, upload, number, bytes);
  }

  completeUpload(key: string, upload: string, parts: readonly UploadPart[]): Promise<void> {
    return this.below.completeUpload(key, upload, parts);
  }

  abortUpload(key: string, upload: string): Promise<void> {
    return this.below.abortUpload(key, upload);
  }

  openUploads(prefix: string): Promise<readonly OpenUpload[]> {
    return this.below.openUploads(prefix);
  }
}
