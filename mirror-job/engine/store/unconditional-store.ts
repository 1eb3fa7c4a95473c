/**
 * A store that is sent no conditions, for one whose provider refuses any request that has one. Nothing stands
 * between two runs here: that no two overlap is the operator's promise, `singleWriter`.
 */
import { StoreLayer } from './store-layer.ts';
import type { PutOptions, PutResult } from './store.ts';

export class UnconditionalStore extends StoreLayer {
  /** Always writes: `conflict` is never the answer. @throws {StoreError} */
  override put(key: string, bytes: Uint8Array, { contentType }: PutOptions): Promise<PutResult> {
    return this.below.put(key, bytes, { contentType });
  }
}
