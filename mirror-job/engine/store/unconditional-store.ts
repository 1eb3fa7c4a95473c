/**
 * Drops the condition of each write, for a provider that refuses every request with one. Nothing here protects two
 * concurrent runs from each other: with `singleWriter`, the operator promises that no two overlap.
 */
import { StoreLayer } from './store-layer.ts';
import type { PutOptions, PutResult } from './store.ts';

export class UnconditionalStore extends StoreLayer {
  /** Always writes, and never returns `conflict`. @throws {StoreError} */
  override put(key: string, bytes: Uint8Array, { contentType }: PutOptions): Promise<PutResult> {
    return this.below.put(key, bytes, { contentType });
  }
}
