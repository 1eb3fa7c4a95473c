/** Reads which keys of a bucket a prune has condemned: one of them that is missing was taken away on purpose. */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import { readCondemned } from '../maintenance/condemned-keys.ts';
import { readPruneState } from '../maintenance/prune-state-object.ts';
import { StoreError, type Store } from '../store/store.ts';

/** @returns a sentence if they are not known. Never throws for what is wrong in the bucket */
export async function readCondemnedHere(
  store: Pick<Store, 'name' | 'get'>,
): Promise<ReadonlySet<string> | string> {
  try {
    const { state } = await readPruneState(store);
    return state === undefined || state.phase === 'idle' ? new Set() : await readCondemnedBy(store, state);
  } catch (error) {
    if (error instanceof BucketObjectInvalidError || error instanceof StoreError) return error.message;
    throw error;
  }
}

/** @returns the keys that a prune has condemned; a sentence if they are not known */
export async function readCondemnedBy(
  store: Pick<Store, 'name' | 'get'>,
  condemnation: Parameters<typeof readCondemned>[1],
): Promise<ReadonlySet<string> | string> {
  try {
    return await readCondemned(store, condemnation);
  } catch (error) {
    if (error instanceof BucketObjectInvalidError || error instanceof StoreError) return error.message;
    throw error;
  }
}
