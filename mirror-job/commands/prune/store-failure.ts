/** Says why one store could not be pruned, and what mends it. */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import { kindOfKey } from '../../../core/key-kind.ts';
import { PRUNE_KEY, PRUNE_LISTS, isStateKey } from '../../../core/layout.ts';
import { formatReference } from '../../../core/reference.ts';
import { PruneRefusedError } from '../../engine/maintenance/condemn.ts';
import { SweepUnderWayError } from '../../engine/maintenance/sweep.ts';
import { StoreError } from '../../engine/store/store.ts';

export type StoreFailure = StoreError | BucketObjectInvalidError | PruneRefusedError;

/** Whether an error is about one store alone, so that the others can go on. */
export function isStoreFailure(error: unknown): error is StoreFailure {
  return (
    error instanceof StoreError ||
    error instanceof BucketObjectInvalidError ||
    error instanceof PruneRefusedError
  );
}

/** Whether the plan or the bucket is wrong, and not only this moment. */
export function isRefusal(error: StoreFailure): boolean {
  return error instanceof PruneRefusedError && !(error instanceof SweepUnderWayError);
}

/** @returns sentences that name the store */
export function failureText(storeName: string, error: StoreFailure): string {
  if (!(error instanceof BucketObjectInvalidError)) return error.message;
  return `${storeName}: the object ${error.key} cannot be used: ${error.reason} ${adviceFor(error.key)}`;
}

/** No advice is to delete what another command can mend, because pruning would then take what only that object leads to. */
function adviceFor(key: string): string {
  if (key === PRUNE_KEY) {
    return 'It says whether a plan was applied, and whether objects are being deleted, so nothing is deleted as long as it cannot be read; runs go on. If no prune is at work, give up what was applied, by which nothing is lost: "lifeboat prune --cancel"';
  }
  if (key.startsWith(PRUNE_LISTS)) {
    return 'It lists what was condemned, so nothing is deleted. Give the plan up, and make a new one: "lifeboat prune --cancel"';
  }
  const nothing = 'What it names is not known, so nothing is pruned.';
  if (isStateKey(key, 'catalog.json')) {
    const name = key.split('/')[1] ?? '';
    return `${nothing} A run with the file of the configuration "${name}" writes it anew. Delete it only if there is no such configuration any more.`;
  }
  const kind = kindOfKey(key);
  if (kind?.kind === 'movement') {
    return `${nothing} It is a record of a tag's history, which no command mends. Without it, the digest that it is about counts as one that the tag never had: delete it if that digest may go.`;
  }
  const mends =
    '"lifeboat verify --repair" mends it, from another store, from upstream or from the rest of the bucket.';
  if (kind?.kind !== 'tag') return `${nothing} ${mends}`;
  const image = formatReference({ repository: kind.repository, tag: kind.tag, digest: undefined });
  return `${nothing} ${mends} An image that none of these has any more comes back from another registry or an archive: "lifeboat rescue ${image} --from SOURCE"`;
}
