/**
 * Several stores as one. Each write goes to the later stores first and to the lead last, and only the lead is read. So
 * every live store has what the lead has. docs/decisions/0008-several-stores.md has the reasons.
 */
import { isEqual } from '../../../core/bytes.ts';
import { kindOfKey, MUTABILITY } from '../../../core/key-kind.ts';
import { needsOf } from './catch-up-needs.ts';
import { refusedError } from '../store/compare-and-swap.ts';
import { KeyQueue } from '../store/key-queue.ts';
import type { Replica, ReplicaSet } from './replica-set.ts';
import {
  type Condition,
  type OpenUpload,
  type PutOptions,
  type PutResult,
  type Store,
  type StoredObject,
  type Upload,
} from '../store/store.ts';
import { ReplicatedUpload } from './replicated-upload.ts';
import { writeInOrder } from './write-order.ts';

/** More attempts than this on one object are not bad luck. */
const EQUALISE_ATTEMPTS = 24;

export class ReplicatedStore implements Store {
  readonly #replicas: ReplicaSet;
  /** Work that reads an object in one store and writes it into another waits for other such work on the same key. */
  readonly #changing = new KeyQueue();

  constructor(replicas: ReplicaSet) {
    this.#replicas = replicas;
  }

  get name(): string {
    return this.#replicas.lead.store.name;
  }

  /**
   * Reads a tag from the lead and makes the later stores equal, because a killed run may have moved the tag in a later
   * store alone, and no index says so. A manifest is there only if each store has it.
   */
  async get(key: string): Promise<StoredObject | undefined> {
    const kind = kindOfKey(key)?.kind;
    if (kind === 'tag') return this.#changing.run(key, () => this.#getEqualised(key));
    const object = await this.#read((store) => store.get(key));
    if (object === undefined) return undefined;
    if (kind === 'manifest' && !(await this.#isEverywhere(key, object.bytes.length))) return undefined;
    return object;
  }

  async #getEqualised(key: string): Promise<StoredObject | undefined> {
    const object = await this.#read((store) => store.get(key));
    if (object !== undefined) await this.#equalise(key, object.bytes);
    return object;
  }

  /**
   * An immutable object exists only if each store has it, because other objects are written on the strength of it: a
   * manifest after its blobs, for one.
   */
  async size(key: string): Promise<number | undefined> {
    const size = await this.#read((store) => store.size(key));
    const kind = kindOfKey(key)?.kind;
    if (size === undefined || kind === undefined || MUTABILITY[kind] === 'mutable') return size;
    return (await this.#isEverywhere(key, size)) ? size : undefined;
  }

  /**
   * Whether each later store has an object that the lead has. Another run that goes on without one of the stores writes
   * only to the others, and this run must not take an object there for one that all stores can serve.
   */
  async #isEverywhere(key: string, size: number): Promise<boolean> {
    const sizes = await Promise.all(
      this.#replicas.live
        .slice(1)
        .map((replica) => this.#replicas.attempt(replica, () => replica.store.size(key))),
    );
    // A store that failed was removed, so it need not have the object.
    return sizes.every((one) => one === undefined || one.value === size);
  }

  list(prefix: string, limit: number): Promise<readonly string[]> {
    return this.#read((store) => store.list(prefix, limit));
  }

  /** @throws {StoreError} when the last store fails too */
  async put(key: string, bytes: Uint8Array, options: PutOptions): Promise<PutResult> {
    if (options.condition !== undefined) {
      const { condition } = options;
      return this.#changing.run(key, () => this.#change(key, bytes, { ...options, condition }));
    }
    await writeInOrder(this.#replicas, ({ store }) => store.put(key, bytes, options));
    return 'written';
  }

  beginUpload(key: string, contentType: string): Promise<Upload> {
    return ReplicatedUpload.begin(this.#replicas, key, contentType);
  }

  /** The uploads of all live stores. Each is aborted in its own store. */
  async openUploads(prefix: string): Promise<readonly OpenUpload[]> {
    const uploads: OpenUpload[] = [];
    for (const replica of this.#replicas.live) {
      const own = await this.#replicas.attempt(replica, () => replica.store.openUploads(prefix));
      uploads.push(...(own?.value ?? []));
    }
    return uploads;
  }

  /**
   * Reads from the lead. If that fails, the next store is the lead. So it is if the lead was removed meanwhile because another
   * call failed: the stores that are left may lack what it has.
   */
  async #read<Value>(call: (store: Store) => Promise<Value>): Promise<Value> {
    for (;;) {
      const { lead } = this.#replicas;
      const read = await this.#replicas.attempt(lead, () => call(lead.store));
      if (read !== undefined && this.#replicas.isLive(lead)) return read.value;
    }
  }

  /**
   * Writes to the lead under the caller's condition, and to each later store only over the bytes that the lead has: what
   * differs there is the write of another run, and may be in the lead by now. Nothing is written anywhere if the lead would
   * refuse. Whether or not it refuses, the later stores are made equal to it afterwards.
   */
  async #change(
    key: string,
    bytes: Uint8Array,
    options: PutOptions & { readonly condition: Condition },
  ): Promise<PutResult> {
    const { contentType, condition } = options;
    let result: PutResult | undefined;
    const ours = await this.#read((store) => store.get(key));
    let isWrittenLater = isMet(condition, ours);
    if (isWrittenLater) {
      await writeInOrder(this.#replicas, async (replica, isLead) => {
        if (!isLead) {
          const written = await replace(replica.store, key, {
            ours: readableOrNone(key, ours),
            bytes,
            contentType,
          });
          if (written === 'conflict') isWrittenLater = false;
        } else if (isWrittenLater) result = await replica.store.put(key, bytes, options);
      });
    }
    // Undefined also if the lead failed, because the condition was about its object and not about that of the next lead.
    result ??= 'conflict';
    await this.#equalise(key, result === 'written' ? bytes : undefined);
    return result;
  }

  /**
   * Returns when each later store was seen to have the same bytes as the lead. Each write to a later store ends with
   * this, so that the last of any number of concurrent runs leaves the stores equal. An object that the lead lacks stays
   * as it is. So does one that a later store could not serve yet, such as a tag that a run without that store moved.
   * @param expected the bytes that the lead was just seen to have
   */
  async #equalise(key: string, expected: Uint8Array | undefined): Promise<void> {
    for (const replica of this.#replicas.live.slice(1)) {
      await this.#replicas.attempt(replica, () => this.#equaliseReplica(replica, key, expected));
    }
    await this.#replicas.publishStatus();
  }

  async #equaliseReplica(replica: Replica, key: string, expected: Uint8Array | undefined): Promise<void> {
    let wanted = expected;
    const refused: (StoredObject | undefined)[] = [];
    for (let attempt = 0; attempt < EQUALISE_ATTEMPTS; attempt += 1) {
      // Read the replica before the lead: if they match now, nobody changed the replica in between.
      const theirs = await replica.store.get(key);
      if (wanted !== undefined && theirs !== undefined && isEqual(theirs.bytes, wanted)) return;
      const ours = await this.#read((store) => store.get(key));
      if (ours === undefined || replica === this.#replicas.lead) return;
      if (theirs !== undefined && isEqual(theirs.bytes, ours.bytes)) return;
      if (!(await hasNeeds(replica.store, key, ours))) return;
      const result = await replica.store.put(key, ours.bytes, {
        contentType: ours.contentType ?? 'application/octet-stream',
        condition: theirs === undefined ? { ifNoneMatch: '*' } : { ifMatch: theirs.etag },
      });
      if (result === 'conflict') refused.push(theirs);
      wanted = undefined;
    }
    throw refusedError(replica.store, key, EQUALISE_ATTEMPTS, refused);
  }
}

/** @returns whether the store has every object that this one names; false if this one cannot be read */
async function hasNeeds(store: Store, key: string, object: StoredObject): Promise<boolean> {
  const kind = kindOfKey(key);
  const needs = kind === undefined ? [] : needsOf(kind, key, object);
  if (needs === undefined) return false;
  for (const need of needs) if ((await store.size(need)) === undefined) return false;
  return true;
}

/** @returns undefined for an object that cannot be read: whoever replaces it in the lead may replace a later store's */
function readableOrNone(key: string, object: StoredObject | undefined): StoredObject | undefined {
  const kind = kindOfKey(key);
  if (object === undefined || kind === undefined) return object;
  return needsOf(kind, key, object) === undefined ? undefined : object;
}

function isMet(condition: Condition, present: StoredObject | undefined): boolean {
  return 'ifMatch' in condition ? present?.etag === condition.ifMatch : present === undefined;
}

/**
 * Writes an object of a later store, on the condition that nobody changes it meanwhile.
 * @param ours the object of the lead. If it has none that can be read, the later store's is of a run that was killed or from before
 *   the lead lost its own, and is replaced
 */
async function replace(
  store: Store,
  key: string,
  {
    ours,
    bytes,
    contentType,
  }: {
    readonly ours: StoredObject | undefined;
    readonly bytes: Uint8Array;
    readonly contentType: string;
  },
): Promise<PutResult> {
  const present = await store.get(key);
  if (ours !== undefined && (present === undefined || !isEqual(present.bytes, ours.bytes))) return 'conflict';
  return store.put(key, bytes, {
    contentType,
    condition: present === undefined ? { ifNoneMatch: '*' } : { ifMatch: present.etag },
  });
}
