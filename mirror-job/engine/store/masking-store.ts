/**
 * Hides damaged objects, so that the copier, which takes an object of the right size for the right one, writes them anew. An
 * object is shown again once it has been written.
 */
import { StoreLayer } from './store-layer.ts';
import type { PutOptions, PutResult, Store, StoredObject, Upload } from './store.ts';

export class MaskingStore extends StoreLayer {
  readonly #isMasked: (key: string) => boolean | Promise<boolean>;
  readonly #written = new Set<string>();

  /** @param isMasked says which objects to hide */
  constructor(below: Store, isMasked: (key: string) => boolean | Promise<boolean>) {
    super(below);
    this.#isMasked = isMasked;
  }

  async #hides(key: string): Promise<boolean> {
    return !this.#written.has(key) && (await this.#isMasked(key));
  }

  override async get(key: string): Promise<StoredObject | undefined> {
    return (await this.#hides(key)) ? undefined : this.below.get(key);
  }

  override async size(key: string): Promise<number | undefined> {
    return (await this.#hides(key)) ? undefined : this.below.size(key);
  }

  override async put(key: string, bytes: Uint8Array, options: PutOptions): Promise<PutResult> {
    const result = await this.below.put(key, bytes, options);
    this.#written.add(key);
    return result;
  }

  override async beginUpload(key: string, contentType: string): Promise<Upload> {
    const upload = await this.below.beginUpload(key, contentType);
    return {
      putPart: (number, bytes) => upload.putPart(number, bytes),
      complete: async () => {
        await upload.complete();
        this.#written.add(key);
      },
      abort: () => upload.abort(),
    };
  }
}
