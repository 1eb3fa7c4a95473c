/** Writes what a cluster runs into its list in a bucket. Several jobs may do so at once. */
import {
  decodeInUse,
  encodeInUse,
  mergeInUse,
  TooManyImagesError,
  type InUseList,
  type Sighting,
} from '../../core/in-use-list.ts';
import { inUseKey } from '../../core/layout.ts';
import { maxSizeOf } from '../../core/object-size.ts';
import { MAX_KEEP_MS } from '../configuration/in-use.ts';
import { updateObject } from '../engine/store/compare-and-swap.ts';
import type { Store } from '../engine/store/store.ts';

/**
 * Adds what was seen. What was not seen stays for 180 days, which no entry of `inUse` exceeds.
 * @returns the list as it was written
 * @throws {StoreError}
 * @throws {BucketObjectInvalidError} if the list that is there cannot be read: then it stays as it is
 * @throws {TooManyImagesError}
 */
export async function publishInUse(store: Store, sighting: Sighting): Promise<InUseList> {
  const { cluster, at } = sighting;
  const key = inUseKey(cluster);
  let written: InUseList | undefined;
  await updateObject(store, key, 'application/json', (bytes) => {
    const earlier = bytes === undefined ? undefined : decodeInUse(key, bytes);
    written = mergeInUse(earlier, sighting, MAX_KEEP_MS);
    const encoded = encodeInUse(written);
    if (encoded.length > maxSizeOf(key)) {
      throw new TooManyImagesError(
        `the list of ${cluster} would have ${encoded.length} bytes, and ${maxSizeOf(key)} is the most.`,
      );
    }
    return encoded;
  });
  return written ?? { cluster, observed: at.toISOString(), images: [] };
}
