/** Reads and changes `state/<name>/demanded.json`. Several isolates may do so at once. */
import { BucketObjectInvalidError } from '../../core/bucket-object.ts';
import { manifestKey, stateKey, tagKey } from '../../core/layout.ts';
import { parseReference } from '../../core/reference.ts';
import { updateObject } from '../engine/store/compare-and-swap.ts';
import type { Store } from '../engine/store/store.ts';
import {
  adoptImages,
  claimImages,
  decodeDemanded,
  encodeDemanded,
  instancesIn,
  mirroredReferences,
  settleImages,
  type Claim,
  type Claimant,
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
  try {
    return { references: mirroredReferences(await readList(store, name)), warning: undefined };
  } catch (error) {
    // The images that are listed have to be mirrored all the same.
    if (!(error instanceof BucketObjectInvalidError)) throw error;
    const warning = `${error.message} Nothing that was mirrored on demand is looked at, so its tags go stale. Mend the object. If you delete it, list what you need under images.`;
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
  claimant: Claimant,
): Promise<Omit<Claim, 'images'>> {
  let claim: Claim | undefined;
  await change(store, name, (images) => {
    claim = claimImages(images, references, claimant);
    return claim.claimed.length === 0 ? undefined : claim.images;
  });
  return claim ?? { claimed: [], waiting: [], refusals: [] };
}

/** Notes what became of references. It may be called twice. @throws {StoreError} and {BucketObjectInvalidError} */
export async function settleDemanded(
  store: Store,
  name: string,
  settlement: Settlement,
  instance: string,
  now: Date,
): Promise<void> {
  await change(store, name, (images) => settleImages(images, settlement, instance, now));
}

/**
 * Ends the claims of instances that ended without a word. What they have mirrored has to be kept fresh.
 * @param isRunning whether an instance exists and has not ended
 * @throws {StoreError} and {BucketObjectInvalidError}
 */
export async function adoptDemanded(
  store: Store,
  name: string,
  isRunning: (instance: string) => Promise<boolean>,
  now: Date,
): Promise<void> {
  const images = await readList(store, name);
  const ended = new Set<string>();
  for (const instance of instancesIn(images)) if (!(await isRunning(instance))) ended.add(instance);
  if (ended.size === 0) return;
  const stored = new Set<string>();
  for (const { reference, instance } of images) {
    if (instance === undefined || !ended.has(instance)) continue;
    if (await isStored(store, reference)) stored.add(reference);
  }
  await change(store, name, (latest) => adoptImages(latest, ended, (one) => stored.has(one), now));
}

/**
 * Asks which of the instances that have claims are still running.
 * @param isRunning whether an instance exists and has not ended
 * @throws {StoreError} and {BucketObjectInvalidError}
 */
export async function runningIn(
  store: Pick<Store, 'get'>,
  name: string,
  isRunning: (instance: string) => Promise<boolean>,
): Promise<ReadonlySet<string>> {
  const running = new Set<string>();
  for (const instance of instancesIn(await readList(store, name))) {
    if (await isRunning(instance)) running.add(instance);
  }
  return running;
}

/** Whether the bucket has the tag, or the manifest, of a reference. @throws {StoreError} */
export async function isStored(store: Pick<Store, 'size'>, reference: string): Promise<boolean> {
  const { repository, tag, digest } = parseReference(reference);
  const key =
    digest !== undefined
      ? manifestKey(repository, digest)
      : tag !== undefined
        ? tagKey(repository, tag)
        : undefined;
  return key !== undefined && (await store.size(key)) !== undefined;
}

async function readList(store: Pick<Store, 'get'>, name: string): Promise<readonly DemandedImage[]> {
  const key = keyOf(name);
  const stored = await store.get(key);
  return stored === undefined ? [] : decodeDemanded(key, stored.bytes);
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
