/**
 * Bounds how long a store can delay a run that has to stop. After the abort signal, calls in flight get 2 s, and later
 * calls, such as those that abort uploads and write the report, 1.5 s in each of two windows. Then every call fails at
 * once. There are two windows so that a second store still gets time if the first one hangs.
 */
import type { Clock } from '../runtime.ts';
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

/** The time for calls that were in flight at the signal. All three together stay well below the ten seconds of schedulers. */
const IN_FLIGHT_MS = 2000;
const FIRST_WINDOW_MS = 1500;
const SECOND_WINDOW_MS = 1500;
/** A healthy store may need longer than these times to write more than this. */
const LONG_BYTES = 1024 * 1024;

export class ShutdownDeadlineStore extends StoreLayer {
  /**
   * One function for each call in flight, which fails that call. A race of each call with one promise of the whole run
   * would keep the result of every call in memory until the run ends.
   */
  #pending = new Set<() => void>();
  #isOver = false;

  /** @param signal aborted when the run has to stop */
  constructor(below: Store, clock: Pick<Clock, 'sleep'>, signal: AbortSignal) {
    super(below);
    const onAbort = (): void => {
      void this.#end(clock);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  }

  async #end(clock: Pick<Clock, 'sleep'>): Promise<void> {
    const never = new AbortController().signal;
    const inFlight = this.#takePending();
    await clock.sleep(IN_FLIGHT_MS, never);
    failAll(inFlight);
    await clock.sleep(FIRST_WINDOW_MS, never);
    failAll(this.#takePending());
    await clock.sleep(SECOND_WINDOW_MS, never);
    this.#isOver = true;
    failAll(this.#takePending());
  }

  #takePending(): ReadonlySet<() => void> {
    const pending = this.#pending;
    this.#pending = new Set();
    return pending;
  }

  override get(key: string): Promise<StoredObject | undefined> {
    return this.#bound('read', key, () => this.below.get(key));
  }

  override size(key: string): Promise<number | undefined> {
    return this.#bound('look at', key, () => this.below.size(key));
  }

  override put(key: string, bytes: Uint8Array, options: PutOptions): Promise<PutResult> {
    return this.#bound('write', key, () => this.below.put(key, bytes, options), bytes.length >= LONG_BYTES);
  }

  override list(prefix: string, limit: number): Promise<readonly string[]> {
    return this.#bound('list', prefix, () => this.below.list(prefix, limit));
  }

  override async beginUpload(key: string, contentType: string): Promise<Upload> {
    const begin = () => this.below.beginUpload(key, contentType);
    const upload = await this.#bound('begin an upload to', key, begin);
    return {
      putPart: (number, bytes) =>
        this.#bound(`upload part ${number} of`, key, () => upload.putPart(number, bytes), true),
      complete: () => this.#bound('complete the upload to', key, () => upload.complete(), true),
      abort: () => this.#abort(key, upload),
    };
  }

  override async openUploads(prefix: string): Promise<readonly OpenUpload[]> {
    const list = () => this.below.openUploads(prefix);
    const uploads = await this.#bound('list the uploads below', prefix, list);
    return uploads.map((upload) => ({
      key: upload.key,
      begun: upload.begun,
      abort: () => this.#abort(upload.key, upload),
    }));
  }

  #abort(key: string, upload: Pick<Upload, 'abort'>): Promise<void> {
    return this.#bound('abort the upload to', key, () => upload.abort());
  }

  /** @param isLong whether even a healthy store may need longer than a stopping run has left */
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
