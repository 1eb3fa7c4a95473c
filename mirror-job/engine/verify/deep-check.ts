/** Hashes the bytes of blobs, some of them in each run, and remembers in the bucket how far it has come. */
import type { Digest } from '../../../core/digest.ts';
import { blobOfKey, BLOBS, stateKey } from '../../../core/layout.ts';
import type { Environment } from '../environment.ts';
import { StoreError, type ComparableStore, type Store } from '../store/store.ts';
import { hashStoredBlob } from '../transfer/stored-blob.ts';
import { decodeDeepState, encodeDeepState, MAX_DAMAGED, type DeepState } from './deep-state.ts';
import { DigestTable } from './digest-table.ts';

/** Blobs that are read at once: hashing takes one core, and reading waits for the store. */
const AT_ONCE = 4;
/** A run that dies hashes these again. */
const SAVE_EVERY_BYTES = 1_000_000_000;
const SAVE_EVERY_MS = 15_000;

export type DeepEnvironment = Pick<Environment, 'clock' | 'createHash' | 'signal' | 'log'>;

export interface DeepOptions {
  /** The configuration's name. */
  readonly name: string;
  /** The most bytes to hash in this run; left out for all. */
  readonly budgetBytes?: number | undefined;
  /** The store that gets the progress; left out to keep none. */
  readonly state?: Pick<Store, 'put'> | undefined;
  readonly onUnknown: (reason: string) => void;
  /** Hears of bytes that were hashed. @param total the bytes of all blobs that this run is going to hash */
  readonly onBytes: (bytes: number, total: number) => void;
}

export interface DeepResult {
  readonly blobs: number;
  readonly bytes: number;
  /** The bytes of all blobs of the bucket. */
  readonly ofBytes: number;
  /** Bytes that are hashed since this pass began. */
  readonly passBytes: number;
  /** When this pass began. ISO 8601, UTC. */
  readonly began: string;
  /** When the last whole pass ended; undefined if none has. ISO 8601, UTC. */
  readonly finished: string | undefined;
}

/**
 * Marks the blobs with wrong bytes in the table.
 * @throws {StoreError} where the state cannot be read, or blobs cannot be listed
 */
export async function checkDeep(
  environment: DeepEnvironment,
  store: ComparableStore,
  blobs: DigestTable,
  options: DeepOptions,
): Promise<DeepResult> {
  return new DeepCheck(environment, store, blobs, options).run();
}

/**
 * Hashes the blobs that an earlier run has found damaged, and no others: without that, a bucket would count as whole again
 * until all of its blobs are hashed the next time.
 * @param options `suspects`: blobs that are hashed although no run has noted them in the bucket
 * @returns those that still have other bytes
 */
export async function checkKnownDamage(
  environment: DeepEnvironment,
  store: ComparableStore,
  {
    suspects,
    ...options
  }: Pick<DeepOptions, 'name' | 'onUnknown'> & { readonly suspects: readonly Digest[] },
): Promise<readonly Digest[]> {
  const check = new DeepCheck(environment, store, new DigestTable(), { ...options, onBytes: () => {} });
  return check.knownDamage(suspects);
}

class DeepCheck {
  readonly #environment: DeepEnvironment;
  readonly #store: ComparableStore;
  readonly #blobs: DigestTable;
  readonly #options: DeepOptions;
  readonly #damaged = new Set<Digest>();
  /** The keys that are being hashed, in order, so that the mark never passes one of them. */
  readonly #running = new Map<string, Promise<void>>();
  #state: DeepState;
  #hashed = { blobs: 0, bytes: 0 };
  #savedBytes = 0;
  #savedMs = 0;

  constructor(
    environment: DeepEnvironment,
    store: ComparableStore,
    blobs: DigestTable,
    options: DeepOptions,
  ) {
    this.#environment = environment;
    this.#store = store;
    this.#blobs = blobs;
    this.#options = options;
    this.#state = this.#fresh();
  }

  async run(): Promise<DeepResult> {
    await this.#read();
    this.#savedMs = this.#environment.clock.now().getTime();
    const { bytes: ofBytes } = this.#blobs.sums;
    const total = Math.min(Math.max(ofBytes - this.#state.bytes, 0), this.#budget);
    await this.#hashKnown(total);
    try {
      if (await this.#pass(total)) {
        const { began } = this.#state;
        const finished = this.#environment.clock.now().toISOString();
        this.#state = { ...this.#state, after: '', bytes: 0, finished };
        await this.#save();
        return { ...this.#hashed, ofBytes, passBytes: ofBytes, began, finished };
      }
    } finally {
      // Also if the run has to stop: the next one goes on from here.
      await Promise.allSettled(this.#running.values());
      await this.#save();
    }
    const { bytes, began, finished } = this.#state;
    return { ...this.#hashed, ofBytes, passBytes: bytes, began, finished };
  }

  async knownDamage(suspects: readonly Digest[]): Promise<readonly Digest[]> {
    await this.#read();
    this.#state = { ...this.#state, damaged: [...new Set([...this.#state.damaged, ...suspects])] };
    await this.#hashKnown(0);
    return [...this.#damaged];
  }

  async #read(): Promise<void> {
    const stored = await this.#store.get(this.#key);
    this.#state = (stored === undefined ? undefined : decodeDeepState(stored.bytes)) ?? this.#fresh();
  }

  async #hashKnown(total: number): Promise<void> {
    for (const digest of this.#state.damaged) {
      // It counts as damaged until its bytes are seen to be right.
      this.#damaged.add(digest);
      await this.#hash(digest, total);
    }
  }

  get #key(): string {
    return stateKey(this.#options.name, 'verify.json');
  }

  get #budget(): number {
    return this.#options.budgetBytes ?? Infinity;
  }

  #fresh(): DeepState {
    return { after: '', bytes: 0, began: this.#environment.clock.now().toISOString(), damaged: [] };
  }

  /** @returns whether it came to the last blob */
  async #pass(total: number): Promise<boolean> {
    const { after } = this.#state;
    if (after === '') this.#state = { ...this.#state, began: this.#environment.clock.now().toISOString() };
    let begun = 0;
    for await (const { key, size } of this.#store.entries(BLOBS)) {
      this.#environment.signal.throwIfAborted();
      const digest = blobOfKey(key);
      if (digest === undefined || key <= after) continue;
      // One blob at least, or a budget that is smaller than a blob would stop there for good.
      if (begun > 0 && begun + size > this.#budget) return false;
      begun += size;
      while (this.#running.size >= AT_ONCE) await Promise.race(this.#running.values());
      const task = this.#hash(digest, total).finally(() => this.#done(key, size));
      // A failure ends the run below, where it is awaited.
      task.catch(() => undefined);
      this.#running.set(key, task);
      await this.#saveNowAndThen();
    }
    await Promise.all(this.#running.values());
    return true;
  }

  /** Moves the mark up to the first blob that is still being hashed. */
  readonly #ended = new Map<string, number>();
  #done(key: string, size: number): void {
    this.#running.delete(key);
    if (this.#environment.signal.aborted) return;
    this.#ended.set(key, size);
    const [first] = this.#running.keys();
    for (const [ended, bytes] of [...this.#ended].toSorted(([one], [other]) => (one < other ? -1 : 1))) {
      if (first !== undefined && ended > first) return;
      this.#ended.delete(ended);
      this.#state = { ...this.#state, after: ended, bytes: this.#state.bytes + bytes };
    }
  }

  async #hash(digest: Digest, total: number): Promise<void> {
    const { signal } = this.#environment;
    try {
      const found = await hashStoredBlob(this.#environment, this.#store, digest, (bytes) => {
        this.#hashed.bytes += bytes;
        this.#options.onBytes(bytes, total);
      });
      // One that is absent has been removed since it was listed.
      if (found !== 'absent') this.#hashed.blobs += 1;
      if (found !== 'damaged') {
        this.#damaged.delete(digest);
        return;
      }
      if (this.#damaged.size < MAX_DAMAGED) this.#damaged.add(digest);
      this.#blobs.damage(digest);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof StoreError)) throw error;
      this.#options.onUnknown(error.message);
    }
  }

  async #saveNowAndThen(): Promise<void> {
    const now = this.#environment.clock.now().getTime();
    if (this.#hashed.bytes - this.#savedBytes < SAVE_EVERY_BYTES && now - this.#savedMs < SAVE_EVERY_MS)
      return;
    await this.#save();
  }

  /** A failure costs the next run what this one has hashed, so it is a warning. */
  async #save(): Promise<void> {
    const { state } = this.#options;
    if (state === undefined) return;
    this.#savedBytes = this.#hashed.bytes;
    this.#savedMs = this.#environment.clock.now().getTime();
    const bytes = encodeDeepState({ ...this.#state, damaged: [...this.#damaged].toSorted() });
    try {
      await state.put(this.#key, bytes, { contentType: 'application/json' });
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#environment.log.warn(
        `${error.message} The next "--deep" begins where the last one that could write had stopped.`,
      );
    }
  }
}
