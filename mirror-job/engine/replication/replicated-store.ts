/**
 * Several stores as one. What the lead (the first live store) has, every live one has: each write goes to the later
 * ones first and to the lead last, and only the lead is read. docs/decisions/0008-several-stores.md has the reasons.
 */
import { kindOfKey } from '../../../core/key-kind.ts';
import { isEqual } from './catch-up-merge.ts';
import { needsOf } from './catch-up-needs.ts';
import { refusedError } from '../store/compare-and-swap.ts';
import { KeyQueue } from '../store/key-queue.ts';
import type { Replica, ReplicaSet } from './replica-set.ts';
import {
  type OpenUpload,
  type PutOptions,
  type PutResult,
  type Store,
  type StoredObject,
  type Upload,
} from '../store/store.ts';
import { ReplicatedUpload } from './replicated-upload.ts';
import { writeInOrder } from './write-order.ts';

/** More rounds than this on one object are not bad luck. */
const SETTLE_ATTEMPTS = 24;

/** What a manifest is complete with. */
const NEEDED: ReadonlySet<string | undefined> = new Set(['blob', 'link', 'manifest']);

export class ReplicatedStore implements Store {
  readonly #members: ReplicaSet;
  /**
   * Work that reads an object in one store and writes it into another waits for such work on the same key in this
   * process.
   */
  readonly #changing = new KeyQueue();

  constructor(members: ReplicaSet) {
    this.#members = members;
  }

  get name(): string {
    return this.#members.lead.store.name;
  }

  /**
   * A tag is only read when it is looked at anew, and that is when one which a killed run has moved in a later
   * store alone is put right: its index would say nothing of it. A manifest is there when each store has it.
   */
  async get(key: string): Promise<StoredObject | undefined> {
    const kind = kindOfKey(key)?.kind;
    if (kind === 'tag') return this.#changing.run(key, () => this.#getSettled(key));
    const object = await this.#read((store) => store.get(key));
    if (object === undefined) return undefined;
    if (kind === 'manifest' && !(await this.#isEverywhere(key, object.bytes.length))) return undefined;
    return object;
  }

  async #getSettled(key: string): Promise<StoredObject | undefined> {
    const object = await this.#read((store) => store.get(key));
    if (object !== undefined) await this.#settle(key, object.bytes);
    return object;
  }

  /** What others go by, a blob for one, is there when each store has it. */
  async size(key: string): Promise<number | undefined> {
    const size = await this.#read((store) => store.size(key));
    if (size === undefined || !NEEDED.has(kindOfKey(key)?.kind)) return size;
    return (await this.#isEverywhere(key, size)) ? size : undefined;
  }

  /**
   * What the lead has, each live store has: but another run that goes on without one of them writes only to the
   * others, and this one must not take what it finds there for something that all of them can serve.
   */
  async #isEverywhere(key: string, size: number): Promise<boolean> {
    const sizes = await Promise.all(
      this.#members.live
        .slice(1)
        .map((member) => this.#members.attempt(member, () => member.store.size(key))),
    );
    // One that fails is not asked to serve it any more.
    return sizes.every((one) => one === undefined || one.value === size);
  }

  list(prefix: string, limit: number): Promise<readonly string[]> {
    return this.#read((store) => store.list(prefix, limit));
  }

  /** @throws {StoreError} when the last store fails too */
  async put(key: string, bytes: Uint8Array, options: PutOptions): Promise<PutResult> {
    if (options.condition !== undefined) {
      return this.#changing.run(key, () => this.#change(key, bytes, options));
    }
    await writeInOrder(this.#members, ({ store }) => store.put(key, bytes, options));
    return 'written';
  }

  beginUpload(key: string, contentType: string): Promise<Upload> {
    return ReplicatedUpload.begin(this.#members, key, contentType);
  }

  /** The uploads of all live stores. Each is aborted in its own store. */
  async openUploads(prefix: string): Promise<readonly OpenUpload[]> {
    const uploads: OpenUpload[] = [];
    for (const member of this.#members.live) {
      const own = await this.#members.attempt(member, () => member.store.openUploads(prefix));
      uploads.push(...(own?.value ?? []));
    }
    return uploads;
  }

  /** Of the lead; when it fails, the next one is. */
  async #read<Value>(call: (store: Store) => Promise<Value>): Promise<Value> {
    for (;;) {
      const { lead } = this.#members;
      const read = await this.#members.attempt(lead, () => call(lead.store));
      if (read !== undefined) return read.value;
    }
  }

  /**
   * The caller's condition is the lead's. A later store is written under its own, read just before; and whatever
   * the lead says then, no later one is left with something else than it has.
   */
  async #change(key: string, bytes: Uint8Array, options: PutOptions): Promise<PutResult> {
    const { contentType } = options;
    let isWrittenLater = true;
    let result: PutResult | undefined;
    await writeInOrder(this.#members, async (member, isLead) => {
      if (!isLead) {
        if ((await replace(member.store, key, bytes, contentType)) === 'conflict') isWrittenLater = false;
      } else if (isWrittenLater) result = await member.store.put(key, bytes, options);
    });
    // Undefined too where the lead has failed: what its object was is not what the next one's is.
    result ??= 'conflict';
    await this.#settle(key, result === 'written' ? bytes : undefined);
    return result;
  }

  /**
   * Returns when each later store was seen to have what the lead has. Whoever writes to a later store ends with
   * this, so that of any number of runs at once the last one leaves them equal. What the lead lacks is left alone, and
   * so is what a later store could not serve yet: a tag that a run which goes on without that store has moved.
   * @param expected what the lead was just seen to have
   */
  async #settle(key: string, expected: Uint8Array | undefined): Promise<void> {
    for (const member of this.#members.live.slice(1)) {
      await this.#members.attempt(member, () => this.#settleAt(member, key, expected));
    }
    await this.#members.tell();
  }

  async #settleAt(member: Replica, key: string, expected: Uint8Array | undefined): Promise<void> {
    let wanted = expected;
    const refused: (StoredObject | undefined)[] = [];
    for (let attempt = 0; attempt < SETTLE_ATTEMPTS; attempt += 1) {
      // First here, then there: what is equal by then was not undone in between.
      const theirs = await member.store.get(key);
      if (wanted !== undefined && theirs !== undefined && isEqual(theirs.bytes, wanted)) return;
      const ours = await this.#read((store) => store.get(key));
      if (ours === undefined || member === this.#members.lead) return;
      if (theirs !== undefined && isEqual(theirs.bytes, ours.bytes)) return;
      if (!(await hasNeeds(member.store, key, ours))) return;
      const result = await member.store.put(key, ours.bytes, {
        contentType: ours.contentType ?? 'application/octet-stream',
        condition: theirs === undefined ? { ifNoneMatch: '*' } : { ifMatch: theirs.etag },
      });
      if (result === 'conflict') refused.push(theirs);
      wanted = undefined;
    }
    throw refusedError(member.store, key, SETTLE_ATTEMPTS, refused);
  }
}

/** Whether what an object names is there; not for what cannot be read. */
async function hasNeeds(store: Store, key: string, object: StoredObject): Promise<boolean> {
  const kind = kindOfKey(key);
  const needs = kind === undefined ? [] : needsOf(kind, key, object);
  if (needs === undefined) return false;
  for (const need of needs) if ((await store.size(need)) === undefined) return false;
  return true;
}

/** Under its own condition. */
async function replace(
  store: Store,
  key: string,
  bytes: Uint8Array,
  contentType: string,
): Promise<PutResult> {
  const present = await store.get(key);
  return store.put(key, bytes, {
    contentType,
    condition: present === undefined ? { ifNoneMatch: '*' } : { ifMatch: present.etag },
  });
}
