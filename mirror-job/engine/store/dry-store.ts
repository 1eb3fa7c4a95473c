/**
 * A bucket that is read and never written, for a dry run: what would be written is there for the rest of the run,
 * so that the run decides and asks as it would, and is forgotten with it.
 */
import {
  StoreError,
  type OpenUpload,
  type PutOptions,
  type PutResult,
  type Store,
  type StoredObject,
  type UploadPart,
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

  /** As if nobody else were at work: whether a condition will hold is known only when it is tried. */
  async put(key: string, bytes: Uint8Array, { contentType }: PutOptions): Promise<PutResult> {
    this.#written.set(key, { bytes, etag: `"dry-${this.#written.size}"`, contentType });
    return 'written';
  }

  list(prefix: string, limit: number): Promise<readonly string[]> {
    return this.#store.list(prefix, limit);
  }

  async beginUpload(key: string): Promise<string> {
    return this.#refuse(key);
  }

  async putPart(key: string): Promise<UploadPart> {
    return this.#refuse(key);
  }

  async completeUpload(key: string): Promise<void> {
    this.#refuse(key);
  }

  async abortUpload(key: string): Promise<void> {
    this.#refuse(key);
  }

  /** None that this run could clear. */
  async openUploads(): Promise<readonly OpenUpload[]> {
    return [];
  }

  #refuse(key: string): never {
    throw new StoreError(`${this.name}: ${key} was to be uploaded in a dry run, which writes nothing.`);
  }
}
