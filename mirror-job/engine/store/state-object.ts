/** Changes an object of a configuration's state, which is derived: one that cannot be read is made anew, with a warning. */
import type { Log } from '../runtime.ts';
import { updateObject } from './compare-and-swap.ts';
import { decodeOrWarn } from './decode-object.ts';
import { LargeObjectError } from './large-object-error.ts';
import type { Store } from './store.ts';

export interface StateChange<Value> {
  /** Says what becomes of an object that cannot be read: a sentence, which ends the warning. */
  readonly anew: string;
  /** @throws {BucketObjectInvalidError} */
  readonly decode: (key: string, bytes: Uint8Array) => Value;
  /**
   * @param value undefined if there is no object, or if it cannot be read
   * @returns undefined if nothing has to be written
   */
  readonly change: (value: Value | undefined) => Uint8Array | undefined;
}

/** @throws {StoreError} */
export async function updateState<Value>(
  { store, log }: { readonly store: Store; readonly log: Pick<Log, 'warn'> },
  key: string,
  { anew, decode, change }: StateChange<Value>,
): Promise<void> {
  const contentType = 'application/json';
  try {
    await updateObject(store, key, contentType, (bytes) =>
      change(bytes === undefined ? undefined : decodeOrWarn(log, anew, () => decode(key, bytes))),
    );
  } catch (error) {
    if (!(error instanceof LargeObjectError)) throw error;
    log.warn(`${error.fact} ${anew}`);
    const bytes = change(undefined);
    // A conflict means that another run has replaced it.
    if (bytes !== undefined) await store.put(key, bytes, { contentType, condition: { ifMatch: error.etag } });
  }
}
