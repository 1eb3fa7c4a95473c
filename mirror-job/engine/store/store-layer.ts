/** A store that passes each call to the store below it, except for the methods that a subclass overrides. */
import type { OpenUpload, PutOptions, PutResult, Store, StoredObject, Upload } from './store.ts';

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

  beginUpload(key: string, contentType: string): Promise<Upload> {
    return this.below.beginUpload(key, contentType);
  }

  openUploads(prefix: string): Promise<readonly OpenUpload[]> {
    return this.below.openUploads(prefix);
  }
}
