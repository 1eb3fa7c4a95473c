/**
 * Holds each write until the probe has shown that the store honours conditional writes. Reads go on meanwhile, so a run
 * that finds nothing new does not wait for the probe before it looks at its tags.
 */
import { StoreLayer } from './store-layer.ts';
import type { PutOptions, PutResult, Store, Upload } from './store.ts';

export class ProbeGatedStore extends StoreLayer {
  readonly #probe: Promise<void>;

  /** @param probe each write fails with its error if it rejects */
  constructor(below: Store, probe: Promise<void>) {
    super(below);
    this.#probe = probe;
  }

  override async put(key: string, bytes: Uint8Array, options: PutOptions): Promise<PutResult> {
    await this.#probe;
    return this.below.put(key, bytes, options);
  }

  override async beginUpload(key: string, contentType: string): Promise<Upload> {
    await this.#probe;
    return this.below.beginUpload(key, contentType);
  }
}
