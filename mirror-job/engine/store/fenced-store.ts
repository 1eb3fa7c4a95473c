/**
 * Keeps a writer and a sweep of pruning apart. The writer may go by whatever it reads, such as "this blob is there", so
 * nothing of it may be deleted until it has published what it was about to publish.
 *
 * If the bucket is idle, nothing more has to be done: a sweep begins at the earliest a day after keys were condemned, and
 * the writer looks again long before. Otherwise the writer leaves a note, and reads the state again. A sweep first
 * says that it sweeps, and then looks for notes. So whichever comes second sees the other one. A writer that sees a sweep
 * waits; the sweep sees the note, and gives way. docs/decisions/0174-two-sweeps-and-a-fence.md
 */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import { PRUNE_KEY, writerKey } from '../../../core/layout.ts';
import type { Clock } from '../runtime.ts';
import { tryDecode } from './decode-object.ts';
import {
  SWEEP_DEAD_MS,
  WRITER_LEASE_MS,
  asCondemned,
  decodePruneState,
  decodeWriterNote,
  encodePruneState,
  encodeWriterNote,
  type PruneState,
} from './prune-state.ts';
import { StoreLayer } from './store-layer.ts';
import {
  StoppedError,
  StoreError,
  type OpenUpload,
  type PutOptions,
  type PutResult,
  type Store,
  type StoredObject,
  type Upload,
} from './store.ts';

/** The interval at which the state is looked at again. */
const RENEW_MS = 2 * 3_600_000;
/** After a sweep has ended, reads count only from the moment when the state was known. */
const QUIET_MS = 15 * 60_000;
const POLL_MS = 2000;
/** A clock that went back further writes notes that seem to have ended before the next look. */
const MAX_SET_BACK_MS = 3_600_000;

export interface FenceOptions {
  /** Names the writer. It is unique. */
  readonly writer: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Told once, in sentences, if a sweep makes this writer wait for longer than a moment. */
  readonly onWait?: (message: string) => void;
}

export class FencedStore extends StoreLayer {
  readonly #options: FenceOptions;
  /** When the state was last looked at; undefined before the first time. */
  #checkedMs: number | undefined;
  /** The look that is under way. Its value is whether reads that began before it count. */
  #checking: Promise<boolean> | undefined;
  #begun: string | undefined;
  #isWaiting = false;
  #hasTold = false;

  constructor(below: Store, options: FenceOptions) {
    super(below);
    this.#options = options;
  }

  /** Whether a sweep makes this writer wait at this moment. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** Waits until this writer may go by what it reads. @throws {StoreError} */
  async enter(): Promise<void> {
    await this.#check();
  }

  /** Says that the writer has ended, so that no sweep waits for it. It is called after the last write. @throws {StoreError} */
  async leave(): Promise<void> {
    const begun = this.#begun;
    if (begun === undefined) return;
    this.#begun = undefined;
    await this.#note(begun, true);
  }

  override get(key: string): Promise<StoredObject | undefined> {
    return this.#read(() => this.below.get(key));
  }

  override size(key: string): Promise<number | undefined> {
    return this.#read(() => this.below.size(key));
  }

  override list(prefix: string, limit: number): Promise<readonly string[]> {
    return this.#read(() => this.below.list(prefix, limit));
  }

  override async put(key: string, bytes: Uint8Array, options: PutOptions): Promise<PutResult> {
    await this.#check();
    return this.below.put(key, bytes, options);
  }

  override async beginUpload(key: string, contentType: string): Promise<Upload> {
    await this.#check();
    const upload = await this.below.beginUpload(key, contentType);
    return {
      putPart: async (number, bytes) => {
        await this.#check();
        return upload.putPart(number, bytes);
      },
      complete: async () => {
        await this.#check();
        return upload.complete();
      },
      abort: () => upload.abort(),
    };
  }

  override openUploads(prefix: string): Promise<readonly OpenUpload[]> {
    return this.#read(() => this.below.openUploads(prefix));
  }

  /** The first reads go out beside the look at the state, so that an idle bucket costs no wait. */
  async #read<Value>(call: () => Promise<Value>): Promise<Value> {
    if (this.#checkedMs !== undefined) {
      await this.#check();
      return call();
    }
    const checked = this.#check();
    // If the store does not answer, the object that the caller asked for is what the error is about.
    checked.catch(() => undefined);
    const early = await call();
    return (await checked) ? early : call();
  }

  /** @returns whether reads that began before the look count */
  async #check(): Promise<boolean> {
    if (this.#checkedMs !== undefined) {
      const ageMs = this.#options.clock.now().getTime() - this.#checkedMs;
      if (ageMs >= 0 && ageMs < RENEW_MS) return false;
      if (ageMs < -MAX_SET_BACK_MS) {
        throw new StoreError(
          `${this.name}: this machine's clock was set back by more than ${MAX_SET_BACK_MS / 3_600_000} hour during the run, so a prune may not see that the run is at work. Look whether the clock is right now, and run again.`,
        );
      }
      if (ageMs >= WRITER_LEASE_MS) {
        throw new StoreError(
          `${this.name}: this run did nothing for more than ${WRITER_LEASE_MS / 3_600_000} hours, as on a machine that slept. Objects that it counts on may be pruned by now. Run again.`,
        );
      }
    }
    this.#checking ??= this.#look().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  async #look(): Promise<boolean> {
    try {
      return await this.#lookUntilQuiet();
    } finally {
      this.#isWaiting = false;
    }
  }

  async #lookUntilQuiet(): Promise<boolean> {
    const { clock } = this.#options;
    const lookedMs = clock.now().getTime();
    const first = (await this.#state()).state;
    if (first === undefined || (first !== 'unreadable' && first.phase === 'idle')) {
      this.#checkedMs = lookedMs;
      return first === undefined || lookedMs - Date.parse(first.ended) > QUIET_MS;
    }
    for (;;) {
      const notedMs = clock.now().getTime();
      this.#begun ??= clock.now().toISOString();
      await this.#note(this.#begun, false);
      const { state, etag } = await this.#state();
      // Pruning deletes nothing while it cannot read its state.
      if (state === undefined || state === 'unreadable' || state.phase !== 'sweeping') {
        this.#checkedMs = notedMs;
        return false;
      }
      if (clock.now().getTime() > Date.parse(state.until) + SWEEP_DEAD_MS) {
        // A conflict means that somebody else has changed it, so it is looked at again.
        await this.below.put(PRUNE_KEY, encodePruneState(asCondemned(state)), {
          contentType: 'application/json',
          condition: { ifMatch: etag },
        });
      } else await this.#wait(state);
    }
  }

  /** @throws {StoppedError} if the writer has to stop meanwhile */
  async #wait(state: PruneState & { readonly phase: 'sweeping' }): Promise<void> {
    const { clock, signal, onWait } = this.#options;
    // Most sweeps that are alive give way soon.
    if (this.#isWaiting && !this.#hasTold) {
      this.#hasTold = true;
      onWait?.(waitText(this.name, state));
    }
    this.#isWaiting = true;
    try {
      await clock.sleep(POLL_MS, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new StoppedError(`${this.name}: the wait for a sweep of "lifeboat prune" was stopped.`, {
        cause: error,
      });
    }
  }

  async #state(): Promise<{ readonly state: PruneState | 'unreadable' | undefined; readonly etag: string }> {
    const object = await this.below.get(PRUNE_KEY);
    if (object === undefined) return { state: undefined, etag: '' };
    const state = tryDecode(() => decodePruneState(object.bytes));
    return { state: state instanceof BucketObjectInvalidError ? 'unreadable' : state, etag: object.etag };
  }

  async #note(begun: string, hasEnded: boolean): Promise<void> {
    const { writer, clock } = this.#options;
    const until = new Date(clock.now().getTime() + WRITER_LEASE_MS).toISOString();
    await this.below.put(writerKey(writer), encodeWriterNote({ begun, until, hasEnded }), {
      contentType: 'application/json',
    });
  }
}

function waitText(name: string, { begun, until }: PruneState & { readonly phase: 'sweeping' }): string {
  const since = begun === undefined ? '' : ` since ${begun}`;
  const dead = new Date(Date.parse(until) + SWEEP_DEAD_MS).toISOString();
  return `${name}: a prune has been deleting objects${since}. Nothing is read or written until it gives way or ends. If it was killed, this waits until ${dead} at the latest, and "lifeboat prune --continue" deletes the rest afterwards.`;
}

/**
 * Says for another process that a writer has ended: the steps of a Workflow share one note, and the last step ends it.
 * @throws {StoreError}
 */
export async function endWriting(store: Pick<Store, 'get' | 'put'>, writer: string): Promise<void> {
  const key = writerKey(writer);
  const object = await store.get(key);
  const note = object === undefined ? undefined : decodeWriterNote(object.bytes);
  if (note === undefined || note.hasEnded) return;
  await store.put(key, encodeWriterNote({ ...note, hasEnded: true }), { contentType: 'application/json' });
}
