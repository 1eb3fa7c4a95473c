/**
 * A bucket that is read while the proof that writes to it are safe is still on its way: each write waits for that. A
 * run that finds nothing new has looked at its tags by then.
 */
import { StoreLayer } from './store-layer.ts';
import type { PutOptions, PutResult, Store } from './store.ts';

export class ProbeGatedStore extends StoreLayer {
  readonly #proof: Promise<void>;

  /** @param proof rejected, it fails each write */
  constructor(store: Store, proof: Promise<void>) {
    super(store);
    this.#proof = proof;
  }

  override async put(key: string, bytes: Uint8Array, options: PutOptions): Promise<PutResult> {
    await this.#proof;
    return this.below.put(key, bytes, options);
  }

  override async beginUpload(key: string, contentType: string): Promise<string> {
    await this.#proof;
    return this.below.beginUpload(key, contentType);
  }
}
