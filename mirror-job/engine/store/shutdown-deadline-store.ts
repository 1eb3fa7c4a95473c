/**
 * A store that cannot keep a run that has to stop: what it was asked before then has a short while left, and what is
 * asked for afterwards, such as to abort uploads and to keep the report, a while more, in two halves, so that another
 * store still has time when this one has not answered. Then every call fails at once.
 */
import type { Clock } from '../environment.ts';
import {
  StoppedError,
  StoreError,
  type OpenUpload,
  type PutOptions,
  type PutResult,
  type Store,
  type StoredObject,
  type UploadPart,
} from './store.ts';

/** Milliseconds after the signal for what was begun before it. With the rest, well below the ten seconds of schedulers. */
const BEGUN_BEFORE = 2000;
/** After those, until what was begun since the signal ends; and what is begun from then on. */
const FIRST_HALF = 1500;
const SECOND_HALF = 1500;
/** Bytes: a store that is well may need longer than that for more. */
const LONG = 1024 * 1024;

export class ShutdownDeadlineStore implements Store {
  readonly name: string;
  readonly #store: Store;
  /** What is being waited for. A race with one promise of the whole run would keep every call's answer as long. */
  #pending = new Set<() => void>();
  #isOver = false;

  /** @param signal aborted when the run has to stop */
  constructor(store: Store, clock: Pick<Clock, 'sleep'>, signal: AbortSignal) {
    this.name = store.name;
    this.#store = store;
    const onAbort = (): void => {
      void this.#end(clock);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  }

  async #end(clock: Pick<Clock, 'sleep'>): Promise<void> {
    const never = new AbortController().signal;
    const before = this.#takePending();
    await clock.sleep(BEGUN_BEFORE, never);
    failAll(before);
    await clock.sleep(FIRST_HALF, never);
    failAll(this.#takePending());
    await clock.sleep(SECOND_HALF, never);
    this.#isOver = true;
    failAll(this.#takePending());
  }

  #takePending(): ReadonlySet<() => void> {
    const pending = this.#pending;
    this.#pending = new Set();
    return pending;
  }

  get(key: string): Promise<StoredObject | undefined> {
    return this.#bound('read', key, () => this.#store.get(key));
  }

  size(key: string): Promise<number | undefined> {
    return this.#bound('look at', key, () => this.#store.size(key));
  }

  put(key: string, bytes: Uint8Array, options: PutOptions): Promise<PutResult> {
    return this.#bound('write', key, () => this.#store.put(key, bytes, options), bytes.length >= LONG);
  }

  list(prefix: string, limit: number): Promise<readonly string[]> {
    return this.#bound('list', prefix, () => this.#store.list(prefix, limit));
  }

  beginUpload(key: string, contentType: string): Promise<string> {
    return this.#bound('begin an upload to', key, () => this.#store.beginUpload(key, contentType));
  }

  putPart(key: string, upload: string, number: number, bytes: Uint8Array): Promise<UploadPart> {
    const call = () => this.#store.putPart(key, upload, number, bytes);
    return this.#bound(`upload part ${number} of`, key, call, true);
  }

  completeUpload(key: string, upload: string, parts: readonly UploadPart[]): Promise<void> {
    const call = () => this.#store.completeUpload(key, upload, parts);
    return this.#bound('complete the upload to', key, call, true);
  }

  abortUpload(key: string, upload: string): Promise<void> {
    return this.#bound('abort the upload to', key, () => this.#store.abortUpload(key, upload));
  }

  openUploads(prefix: string): Promise<readonly OpenUpload[]> {
    return this.#bound('list the uploads below', prefix, () => this.#store.openUploads(prefix));
  }

  /** @param isLong whether the store may be well, and need longer than a run that stops has left */
  async #bound<Result>(
    what: string,
    key: string,
    call: () => Promise<Result>,
    isLong = false,
  ): Promise<Result> {
    const late = (): StoreError => {
      const message = `${this.name}: could not ${what} ${key === '' ? 'it' : key} in the time that a run has to stop.`;
      return isLong ? new StoppedError(message) : new StoreError(message);
    };
    if (this.#isOver) throw late();
    const pending = this.#pending;
    return new Promise((resolve, reject) => {
      const fail = (): void => reject(late());
      pending.add(fail);
      call()
        .then(resolve, reject)
        .finally(() => pending.delete(fail));
    });
  }
}

function failAll(pending: ReadonlySet<() => void>): void {
  for (const fail of pending) fail();
}
