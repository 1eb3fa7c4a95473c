/** A bucket as one process reaches it: each call waits for its step, and may have a fault. */
import {
  StoreError,
  type ListedObject,
  type OpenUpload,
  type PrunableStore,
  type PutOptions,
  type PutResult,
  type StoredObject,
  type Upload,
} from '../../mirror-job/engine/store/store.ts';
import { isObject, readJson } from '../support/manifest-json.ts';
import type { Faults, StoreFault } from './faults.ts';
import type { Actor, Scheduler } from './scheduler.ts';
import type { WatchedStore } from './watched-store.ts';

const AWAY_MS: readonly [number, ...number[]] = [10, 100, 1000, 7_200_000];
/** S3 refuses a request whose signature is older. A deletion is never repeated under the same one. */
const SIGNATURE_MS = 15 * 60_000;
/** Keys. */
const MAX_STALE = 6;
const LATE_MS: readonly [number, ...number[]] = [5, 100, 60_000];

/** Hears of writes to tags just before they are made. */
export type OnWrite = (store: WatchedStore, actor: Actor, key: string, bytes: Uint8Array) => void;

interface Call<Value> {
  readonly label: string;
  readonly make: () => Promise<Value>;
  readonly isWrite?: boolean;
  /** The answer to a repeated request, after the first one was done and its answer got lost. */
  readonly ownConflict?: Value;
  /** Makes the same call without the newest keys. */
  readonly makeStale?: (missing: ReadonlySet<string>) => Promise<Value>;
}

export class SimulatedStore implements PrunableStore {
  readonly name: string;
  readonly #bucket: WatchedStore;
  readonly #actor: Actor;
  readonly #scheduler: Scheduler;
  readonly #faults: Faults;
  readonly #onWrite: OnWrite;

  constructor(
    bucket: WatchedStore,
    actor: Actor,
    scheduler: Scheduler,
    faults: Faults,
    onWrite: OnWrite = () => {},
  ) {
    this.name = bucket.name;
    this.#bucket = bucket;
    this.#actor = actor;
    this.#scheduler = scheduler;
    this.#faults = faults;
    this.#onWrite = onWrite;
  }

  get(key: string): Promise<StoredObject | undefined> {
    return this.#call({ label: `get ${key}`, make: () => this.#bucket.get(key) });
  }

  size(key: string): Promise<number | undefined> {
    return this.#call({ label: `size ${key}`, make: () => this.#bucket.size(key) });
  }

  put(key: string, bytes: Uint8Array, options: PutOptions): Promise<PutResult> {
    const make = async (): Promise<PutResult> => {
      this.#onWrite(this.#bucket, this.#actor, key, bytes);
      if (this.#scheduler.trace === undefined) return this.#bucket.put(key, bytes, options);
      const content = contentOf(key, bytes);
      const put = await this.#bucket.put(key, bytes, options);
      if (content !== '') this.#scheduler.note(`      ${put}: ${content}`);
      return put;
    };
    const { condition } = options;
    const label = `put ${key}${condition === undefined ? '' : ` ${JSON.stringify(condition)}`}`;
    return this.#call({
      label,
      make,
      isWrite: true,
      ...(condition !== undefined && { ownConflict: 'conflict' }),
    });
  }

  delete(key: string): Promise<void> {
    const signedMs = this.#scheduler.nowMs;
    return this.#call({
      label: `delete ${key}`,
      make: async () => {
        if (this.#scheduler.nowMs - signedMs > SIGNATURE_MS)
          throw new StoreError(`${this.name}: the signature of a deletion is too old.`);
        await this.#bucket.delete(key);
      },
      isWrite: true,
    });
  }

  list(prefix: string, limit: number): Promise<readonly string[]> {
    return this.#call({
      label: `list ${prefix}`,
      make: () => this.#bucket.list(prefix, limit),
      makeStale: async (missing) => {
        const keys = await this.#bucket.list(prefix, Number.MAX_SAFE_INTEGER);
        return keys.filter((key) => !missing.has(key)).slice(0, limit);
      },
    });
  }

  async stream(key: string, offset: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    const object = await this.#call({ label: `stream ${key}`, make: () => this.#bucket.get(key) });
    return object === undefined ? undefined : this.#chunks(key, object.bytes.subarray(offset));
  }

  /** Two chunks, so that a stream can break in the middle. */
  async *#chunks(key: string, bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    const half = Math.ceil(bytes.length / 2);
    if (half > 0) yield bytes.subarray(0, half);
    await this.#call({ label: `stream on ${key}`, make: async () => {} });
    if (half < bytes.length) yield bytes.subarray(half);
  }

  async *entries(prefix: string): AsyncGenerator<ListedObject> {
    const listed = async (missing: ReadonlySet<string>): Promise<ListedObject[]> => {
      const found: ListedObject[] = [];
      for await (const one of this.#bucket.entries(prefix)) if (!missing.has(one.key)) found.push(one);
      return found;
    };
    yield* await this.#call({
      label: `entries ${prefix}`,
      make: () => listed(new Set()),
      makeStale: listed,
    });
  }

  async beginUpload(key: string, contentType: string): Promise<Upload> {
    const begin = () => this.#bucket.beginUpload(key, contentType);
    const upload = await this.#call({ label: `begin upload ${key}`, make: begin, isWrite: true });
    return {
      putPart: (number, bytes) =>
        this.#call({
          label: `put part ${number} of ${key}`,
          make: () => upload.putPart(number, bytes),
          isWrite: true,
        }),
      complete: () => this.#call({ label: `complete ${key}`, make: () => upload.complete(), isWrite: true }),
      abort: () => this.#call({ label: `abort ${key}`, make: () => upload.abort(), isWrite: true }),
    };
  }

  async openUploads(prefix: string): Promise<readonly OpenUpload[]> {
    const list = () => this.#bucket.openUploads(prefix);
    const uploads = await this.#call({ label: `open uploads ${prefix}`, make: list });
    return uploads.map(({ key, begun, abort }) => ({
      key,
      begun,
      abort: () => this.#call({ label: `abort old ${key}`, make: abort, isWrite: true }),
    }));
  }

  #call<Value>(call: Call<Value>): Promise<Value> {
    const { isWrite = false } = call;
    const make = () => this.#make(call);
    return this.#scheduler.call(this.#actor, `${this.name} ${call.label}`, make, {
      isWrite,
      slowOnceIn: this.#faults.areOn ? this.#faults.slowOnceIn : undefined,
    });
  }

  async #make<Value>(call: Call<Value>): Promise<Value> {
    const { make, isWrite = false, ownConflict, makeStale } = call;
    const failure = new StoreError(`${this.name}: ${call.label} failed.`);
    if (this.#scheduler.nowMs < this.#bucket.awayUntilMs && this.#faults.areOn) throw failure;
    const fault = this.#faults.ofStore({
      isWrite,
      isConditional: ownConflict !== undefined,
      isList: makeStale !== undefined,
    });
    if (fault !== undefined) this.#scheduler.note(`      ${fault}`);
    if (fault === 'stale' && makeStale !== undefined) {
      return makeStale(this.#bucket.newest(1 + this.#scheduler.decisions.choose(MAX_STALE)));
    }
    if (fault === 'own conflict' && ownConflict !== undefined) {
      await make();
      return ownConflict;
    }
    return this.#fail(fault, failure, call);
  }

  async #fail<Value>(fault: StoreFault | undefined, failure: StoreError, call: Call<Value>): Promise<Value> {
    const { decisions } = this.#scheduler;
    switch (fault) {
      case undefined:
      case 'stale':
      case 'own conflict':
        return call.make();
      case 'lost':
        throw failure;
      case 'unanswered':
        await call.make();
        throw failure;
      case 'late':
        this.#scheduler.later(this.#actor, `${this.name} ${call.label}`, call.make, decisions.oneOf(LATE_MS));
        throw failure;
      case 'away':
        this.#bucket.awayUntilMs = this.#scheduler.nowMs + decisions.oneOf(AWAY_MS);
        throw failure;
      case 'stopped':
        this.#actor.stop.abort(new Error('The process was told to stop.'));
        return call.make();
      case 'dies before':
        this.#scheduler.kill(this.#actor);
        throw failure;
      case 'dies after':
        this.#scheduler.kill(this.#actor);
        return call.make();
    }
  }
}

/** @returns for a trace, the digests and holds in a tag, or in the index of a repository */
function contentOf(key: string, bytes: Uint8Array): string {
  if (!/\/_tags\/|\/_index\.json$/.test(key)) return '';
  const json = readJson(bytes);
  const entries = Array.isArray(json['manifests']) ? json['manifests'].filter(isObject) : [json];
  const texts = entries.map(({ digest, annotations }) => {
    const all = Object.entries(isObject(annotations) ? annotations : {});
    const shown = all
      .filter(([name]) => /\.(?:kind|tag|hold|name)$/.test(name))
      .map(([, value]) => String(value));
    return [String(digest), ...shown].join(' ');
  });
  return texts.join(', ');
}
