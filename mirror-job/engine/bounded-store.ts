/**
 * A store that cannot keep a run that has to stop: what it was asked before then has a short while left, and what is
 * asked for afterwards, such as to abort uploads and to keep the report, a longer one. Then every call fails at once.
 */
import type { Clock } from './environment.ts';
import {
  StoreError,
  type OpenUpload,
  type PutOptions,
  type PutResult,
  type Store,
  type StoredObject,
  type UploadPart,
} from './store.ts';

/** Milliseconds after the signal. Together with what else a stop takes, well below the ten seconds of schedulers. */
const BEGUN_BEFORE = 2000;
const BEGUN_AFTER = 5000;

export class BoundedStore implements Store {
  readonly name: string;
  readonly #store: Store;
  readonly #signal: AbortSignal;
  /** What is being waited for. A race with one promise of the whole run would keep every call's answer as long. */
  readonly #begunBefore = new Set<() => void>();
  readonly #begunAfter = new Set<() => void>();
  #isOver = false;

  /** @param signal aborted when the run has to stop */
  constructor(store: Store, clock: Pick<Clock, 'sleep'>, signal: AbortSignal) {
    this.name = store.name;
    this.#store = store;
    this.#signal = signal;
    const onAbort = (): void => {
      void this.#end(clock);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  }

  async #end(clock: Pick<Clock, 'sleep'>): Promise<void> {
    const never = new AbortController().signal;
    await clock.sleep(BEGUN_BEFORE, never);
    failAll(this.#begunBefore);
    await clock.sleep(BEGUN_AFTER - BEGUN_BEFORE, never);
    this.#isOver = true;
    failAll(this.#begunAfter);
  }

  get(key: string): Promise<StoredObject | undefined> {
    return this.#bound('read', key, () => this.#store.get(key));
  }

  size(key: string): Promise<number | undefined> {
    return this.#bound('look at', key, () => this.#store.size(key));
  }

  put(key: string, bytes: Uint8Array, options: PutOptions): Promise<PutResult> {
    return this.#bound('write', key, () => this.#store.put(key, bytes, options));
  }

  list(prefix: string, limit: number): Promise<readonly string[]> {
    return this.#bound('list', prefix, () => this.#store.list(prefix, limit));
  }

  beginUpload(key: string, contentType: string): Promise<string> {
    return this.#bound('begin an upload to', key, () => this.#store.beginUpload(key, contentType));
  }

  putPart(key: string, upload: string, number: number, bytes: Uint8Array): Promise<UploadPart> {
    return this.#bound(`upload part ${number} of`, key, () =>
      this.#store.putPart(key, upload, number, bytes),
    );
  }

  completeUpload(key: string, upload: string, parts: readonly UploadPart[]): Promise<void> {
    return this.#bound('complete the upload to', key, () => this.#store.completeUpload(key, upload, parts));
  }

  abortUpload(key: string, upload: string): Promise<void> {
    return this.#bound('abort the upload to', key, () => this.#store.abortUpload(key, upload));
  }

  openUploads(prefix: string): Promise<readonly OpenUpload[]> {
    return this.#bound('list the uploads below', prefix, () => this.#store.openUploads(prefix));
  }

  async #bound<Result>(what: string, key: string, call: () => Promise<Result>): Promise<Result> {
    const late = (): StoreError =>
      new StoreError(
        `${this.name}: could not ${what} ${key === '' ? 'it' : key} in the time that a run has to stop.`,
      );
    if (this.#isOver) throw late();
    const pending = this.#signal.aborted ? this.#begunAfter : this.#begunBefore;
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
