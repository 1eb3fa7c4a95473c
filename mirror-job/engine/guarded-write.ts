/** Objects that several runs may change: each change is a read, a merge and a write that only the first one wins. */
import { StoreError, type Store } from './store.ts';

/** More runs at once than this on one object is not contention any more but a store that answers wrongly. */
const ATTEMPTS = 8;

/**
 * @param change from the bytes that are there to those that shall be; undefined when nothing has to change.
 *   Called again with newer bytes when another run was first
 * @throws {StoreError}, and what `change` throws
 */
export async function changeObject(
  store: Store,
  key: string,
  contentType: string,
  change: (bytes: Uint8Array | undefined) => Uint8Array | undefined | Promise<Uint8Array | undefined>,
): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const present = await store.get(key);
    const bytes = await change(present?.bytes);
    if (bytes === undefined) return;
    const condition = present === undefined ? { ifNoneMatch: '*' as const } : { ifMatch: present.etag };
    if ((await store.put(key, bytes, { contentType, condition })) === 'written') return;
  }
  throw new StoreError(
    `${store.name}: ${key} changed ${ATTEMPTS} times while it was being written. If no other run is at work, the store does not honour If-Match.`,
  );
}
