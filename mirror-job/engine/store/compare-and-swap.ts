/**
 * Objects that several writers may change. Each change is a read, a merge and a conditional write, which fails if
 * another writer was first. Changes of one object within this process wait for each other
 * (docs/decisions/0070-one-queue-per-object.md). The conditions of the writes are for other processes.
 */
import { isEqual } from '../../../core/bytes.ts';
import { KeyQueue } from './key-queue.ts';
import { StoreError, type Store, type StoredObject } from './store.ts';

/** More refused writes than this are not bad luck: of two writers that take turns, each is first half of the time. */
const ATTEMPTS = 24;

/** Makes the new bytes from the stored ones; undefined when nothing has to change. */
type Change = (bytes: Uint8Array | undefined) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

interface Waiting {
  readonly change: Change;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

class Changes {
  readonly queue = new KeyQueue();
  /** By key: the changes that arrived during another write, to be written together. */
  readonly waiting = new Map<string, Waiting[]>();
}

/** A run has one store object for all its changes; another run in this process has another one. */
const changesOfStores = new WeakMap<Store, Changes>();

function changesOf(store: Store): Changes {
  const changes = changesOfStores.get(store) ?? new Changes();
  changesOfStores.set(store, changes);
  return changes;
}

/**
 * Changes that arrive while the same object is written are applied to one read, one after the other, and written
 * together, because a provider may allow one write per second and key.
 * @param change called again with newer bytes when another process was first. It may wait for the change of another
 *   object that does not wait for this one, and never for one of the same object
 * @throws {StoreError}, and what `change` throws
 */
export function updateObject(store: Store, key: string, contentType: string, change: Change): Promise<void> {
  const { queue, waiting } = changesOf(store);
  return new Promise((resolve, reject) => {
    const one = { change, resolve, reject };
    const others = waiting.get(key);
    if (others !== undefined) {
      others.push(one);
      return;
    }
    waiting.set(key, [one]);
    void queue.run(key, async () => {
      const batch = waiting.get(key) ?? [];
      waiting.delete(key);
      await writeTogether(store, key, contentType, batch);
    });
  });
}

/**
 * Runs a read of an object and the write that follows from it, while nobody else in this process changes the object.
 * The work must not call `updateObject` or `withObject` for the same object.
 * @throws what the work throws
 */
export function withObject<Result>(store: Store, key: string, work: () => Promise<Result>): Promise<Result> {
  return changesOf(store).queue.run(key, work);
}

/** Never throws, because each change gets its own outcome. */
async function writeTogether(
  store: Store,
  key: string,
  contentType: string,
  batch: readonly Waiting[],
): Promise<void> {
  let rest = batch;
  const refused: (StoredObject | undefined)[] = [];
  try {
    while (refused.length < ATTEMPTS) {
      const present = await store.get(key);
      const made = await applyAll(rest, present?.bytes);
      rest = made.rest;
      if (made.bytes !== undefined) {
        const condition = present === undefined ? { ifNoneMatch: '*' as const } : { ifMatch: present.etag };
        if ((await store.put(key, made.bytes, { contentType, condition })) === 'conflict') {
          refused.push(present);
          continue;
        }
      }
      for (const { resolve } of rest) resolve();
      return;
    }
    throw refusedError(store, key, ATTEMPTS, refused);
  } catch (error) {
    for (const { reject } of rest) reject(error);
  }
}

/** @returns the bytes to write, undefined for nothing, and the changes that have not failed */
async function applyAll(
  batch: readonly Waiting[],
  present: Uint8Array | undefined,
): Promise<{ readonly bytes: Uint8Array | undefined; readonly rest: readonly Waiting[] }> {
  const rest: Waiting[] = [];
  let bytes: Uint8Array | undefined;
  for (const one of batch) {
    try {
      bytes = (await one.change(bytes ?? present)) ?? bytes;
      rest.push(one);
    } catch (error) {
      one.reject(error);
    }
  }
  return { bytes, rest };
}

/**
 * The error for an object that could not be written. It blames the store only when nobody else was at work: the store
 * refused each write with the ETag that it had just given, and gave the same object again.
 * @param refused the object that was read before each refused write
 */
export function refusedError(
  store: Pick<Store, 'name'>,
  key: string,
  attempts: number,
  refused: readonly (StoredObject | undefined)[],
): StoreError {
  const [first] = refused;
  if (refused.length === attempts && refused.every((one) => isSame(one, first))) {
    const header = first === undefined ? 'If-None-Match' : 'If-Match';
    return new StoreError(
      `${store.name}: ${key} could not be written: the store refused the write ${attempts} times as if somebody had changed the object, but each read gave the same object. The store does not honour ${header}.`,
    );
  }
  return new StoreError(
    `${store.name}: ${key} could not be written: another writer changed it in each of the ${attempts} attempts of this run. Run again when the other run has ended.`,
  );
}

function isSame(one: StoredObject | undefined, other: StoredObject | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.etag === other.etag && isEqual(one.bytes, other.bytes);
}
