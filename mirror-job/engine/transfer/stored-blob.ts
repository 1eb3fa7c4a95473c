/** Hashes a blob that a bucket has. */
import { algorithmOf, digestFromHash, type Digest } from '../../../core/digest.ts';
import { blobKey } from '../../../core/layout.ts';
import type { Runtime } from '../runtime.ts';
import type { ReadableStore } from '../store/store.ts';

/**
 * @param onBytes hears of bytes that were read
 * @returns `damaged` if other bytes stand in the blob's place
 * @throws {StoreError}, and the signal's reason
 */
export async function hashStoredBlob(
  { createHash, signal }: Pick<Runtime, 'createHash'> & { readonly signal: AbortSignal },
  store: Pick<ReadableStore, 'stream'>,
  digest: Digest,
  onBytes: (bytes: number) => void = () => {},
): Promise<'right' | 'damaged' | 'absent'> {
  const body = await store.stream(blobKey(digest), 0);
  if (body === undefined) return 'absent';
  const hash = createHash(algorithmOf(digest));
  for await (const chunk of body) {
    signal.throwIfAborted();
    hash.update(chunk);
    onBytes(chunk.length);
  }
  return digestFromHash(algorithmOf(digest), hash.digest()) === digest ? 'right' : 'damaged';
}
