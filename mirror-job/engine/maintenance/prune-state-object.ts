/** Reads and moves the state of pruning. Each move has a condition, so that of two who prune at once one gives up. */
import { isEqual } from '../../../core/bytes.ts';
import { PRUNE_KEY } from '../../../core/layout.ts';
import { decodePruneState, encodePruneState, type PruneState } from '../store/prune-state.ts';
import { StoreError, type Store } from '../store/store.ts';

/** Somebody else has moved the state, such as a run that took over from a sweep that seemed dead. */
export class PruneContendedError extends StoreError {
  override readonly name = 'PruneContendedError';
}

/** The state as this process has read or written it last. */
export interface HeldState {
  readonly state: PruneState | undefined;
  /** Undefined if there is no object. */
  readonly etag: string | undefined;
}

/** @throws {BucketObjectInvalidError} and {StoreError} */
export async function readPruneState(store: Pick<Store, 'get'>): Promise<HeldState> {
  const object = await store.get(PRUNE_KEY);
  return object === undefined
    ? { state: undefined, etag: undefined }
    : { state: decodePruneState(object.bytes), etag: object.etag };
}

/** @param held the state that is replaced. @throws {PruneContendedError} if it is another one by now */
export async function movePruneState(
  store: Pick<Store, 'name' | 'get' | 'put'>,
  { etag }: HeldState,
  state: PruneState,
): Promise<HeldState> {
  const bytes = encodePruneState(state);
  const condition = etag === undefined ? ({ ifNoneMatch: '*' } as const) : ({ ifMatch: etag } as const);
  await store.put(PRUNE_KEY, bytes, { contentType: 'application/json', condition });
  // After a lost answer, a conflict is with this very write. The state names its process, so nobody else has written the same.
  const object = await store.get(PRUNE_KEY);
  if (object !== undefined && isEqual(object.bytes, bytes)) return { state, etag: object.etag };
  throw new PruneContendedError(
    `${store.name}: another process has changed ${PRUNE_KEY} meanwhile, so this one deletes nothing more. Run "lifeboat prune --continue" again.`,
  );
}
