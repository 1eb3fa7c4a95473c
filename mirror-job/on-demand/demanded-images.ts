/** Reads and changes `state/<name>/demanded.json`. Several isolates may do so at once. */
import { BucketObjectInvalidError } from '../../core/bucket-object.ts';
import { stateKey } from '../../core/layout.ts';
import { updateObject } from '../engine/store/compare-and-swap.ts';
import type { Store } from '../engine/store/store.ts';
import {
  claimImages,
  decodeDemanded,
  encodeDemanded,
  mirroredReferences,
  settleImages,
  type Claim,
  type DemandedImage,
  type Settlement,
} from './demanded-list.ts';

/** The images that each run mirrors, because a client has asked for them once. */
export interface DemandedReferences {
  readonly references: readonly string[];
  /** A sentence, if the list cannot be read. */
  readonly warning: string | undefined;
}

/**
 * @param name the configuration's
 * @throws {StoreError}
 */
export async function readDemanded(store: Pick<Store, 'get'>, name: string): Promise<DemandedReferences> {
  const key = keyOf(name);
  const stored = await store.get(key);
  try {
    const images = stored === undefined ? [] : decodeDemanded(key, stored.bytes);
    return { references: mirroredReferences(images), warning: undefined };
  } catch (error) {
    // The images that are listed have to be mirrored all the same.
    if (!(error instanceof BucketObjectInvalidError)) throw error;
    const warning = `${error.message} Nothing that was mirrored on demand is looked at. Mend the object, or delete it to begin a new list.`;
    return { references: [], warning };
  }
}

/**
 * Claims the references that have to be mirrored now, so that nobody else begins them.
 * @param references that the bucket lacks and the configuration allows
 * @throws {StoreError} and {BucketObjectInvalidError}
 */
export async function claimDemanded(
  store: Store,
  name: string,
  references: readonly string[],
  now: Date,
): Promise<Omit<Claim, 'images'>> {
  let claim: Claim | undefined;
  await change(store, name, (images) => {
    claim = claimImages(images, references, now);
    return claim.claimed.length === 0 ? undefined : claim.images;
  });
  return claim ?? { claimed: [], waiting: [], refusals: [] };
}

/** Notes what became of references. It may be called twice. @throws {StoreError} and {BucketObjectInvalidError} */
export async function settleDemanded(
  store: Store,
  name: string,
  settlement: Settlement,
  now: Date,
): Promise<void> {
  await change(store, name, (images) => settleImages(images, settlement, now));
}

/** @param changed makes the new list; undefined to leave the old one */
async function change(
  store: Store,
  name: string,
  changed: (images: readonly DemandedImage[]) => readonly DemandedImage[] | undefined,
): Promise<void> {
  const key = keyOf(name);
  await updateObject(store, key, 'application/json', (bytes) => {
    const images = changed(bytes === undefined ? [] : decodeDemanded(key, bytes));
    return images === undefined ? undefined : encodeDemanded(images);
  });
}

function keyOf(name: string): string {
  return stateKey(name, 'demanded.json');
}
