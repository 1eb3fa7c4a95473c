/** Whether a store is in step, by the notes that the stores have of each other. */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import { decodeIdentity } from '../../../core/identity.ts';
import { IDENTITY_KEY, STORES_KEY } from '../../../core/layout.ts';
import { decodeStatuses, type ReplicaStatus } from '../replication/replica-status.ts';
import { isBehind, isInStep } from '../replication/status-evidence.ts';
import { tryDecode } from '../store/decode-object.ts';
import type { ComparableStore, Store } from '../store/store.ts';

/**
 * Stricter than a run, because nothing else is compared: this store itself has to say so, and no store may say otherwise.
 * @param all the other stores, with `other`
 * @throws {StoreError}
 */
export async function isInStepWith(
  store: Pick<Store, 'get'>,
  other: ComparableStore,
  all: readonly Pick<Store, 'get'>[],
): Promise<boolean> {
  const object = await other.get(IDENTITY_KEY);
  const identity = object === undefined ? undefined : tryDecode(() => decodeIdentity(object.bytes));
  if (identity === undefined || identity instanceof BucketObjectInvalidError) return false;
  const replica = { bucket: other, store: other, id: identity.id, isNew: false, secret: undefined };
  if (!isInStep(replica, await statusesOf(store))) return false;
  for (const one of all) if (isBehind(replica, await statusesOf(one))) return false;
  return true;
}

async function statusesOf(store: Pick<Store, 'get'>): Promise<readonly ReplicaStatus[]> {
  const object = await store.get(STORES_KEY);
  return object === undefined ? [] : decodeStatuses(object.bytes);
}
