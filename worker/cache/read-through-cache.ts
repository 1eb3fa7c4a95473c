/**
 * A cache of one kind of object: memory → the data centre's cache → the stores. An immutable object stays fresh for a day,
 * which is not longer than the time that a deletion waits. A mutable one is fresh for its TTL. Until twice its TTL it is
 * answered once more while it is read anew in the background. After that it is answered only if no store answers whose
 * word is final, and at most for the stale limit.
 */
import { BucketObjectInvalidError } from '../../core/bucket-object.ts';
import { RegistryError } from '../../core/error.ts';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import { NOTHING_TAKEN } from '../isolate/byte-budget.ts';
import type { Clock, EdgeRuntime } from '../isolate/edge-runtime.ts';
import { faultOf } from '../isolate/failure.ts';
import type { ReadBudget } from '../isolate/read-budget.ts';
import { backgroundContext, type RequestContext, type Source } from '../isolate/request-context.ts';
import { SingleFlight } from '../isolate/single-flight.ts';
import { CorruptObjectError } from '../store/corrupt-object-error.ts';
import type { FailoverStores } from '../store/failover-stores.ts';
import { readSmall, type SmallObject } from '../store/small-object.ts';
import type { PauseTimer } from '../store/store-health.ts';
import type { Store } from '../store/store.ts';
import { watchedStore } from '../store/watched-store.ts';
import type { CachedObject, EdgeCache } from './edge-cache.ts';
import { MemoryCache } from './memory-cache.ts';
import type { ObjectKind } from './object-kind.ts';

export interface Cached<T> {
  readonly value: T;
  /** When it was read from a store. */
  readonly readAtMs: number;
  /** The number of the store that it was read from. */
  readonly store: number;
  /** When the object was written. ISO 8601, UTC. */
  readonly modified: string | undefined;
}

export interface ReadThroughOptions<T> extends Clock {
  readonly kind: ObjectKind<T>;
  readonly stores: FailoverStores;
  readonly edgeCache: EdgeCache;
  /** Shared by the caches of all kinds. */
  readonly budget: ReadBudget;
  /** How long a request waits for another one that reads the same object. */
  readonly joinMs: number;
  readonly onBackgroundFailure: EdgeRuntime['onBackgroundFailure'];
  /** The most that memory may hold. */
  readonly maxBytes: number;
  /** How old an object may be that is answered without a read. */
  readonly freshMs: number;
  /** How old a mutable object may be that is answered when no store answers whose word is final. */
  readonly staleMs: number;
}

interface Reading {
  readonly signal: AbortSignal;
  readonly pauseTimer: PauseTimer;
  readonly deadlineMs: number;
}

/** The memory of a key, its entry and the maps that hold them. */
const OVERHEAD_BYTES = 512;
/** If a tag's time is further in the future than this, the job's clock was wrong, and the time orders nothing. */
const MAX_CLOCK_SKEW_MS = 5 * 60 * 1000;

export class ReadThroughCache<T> {
  readonly #options: ReadThroughOptions<T>;
  readonly #memory: MemoryCache<Cached<T>>;
  /** The keys that are being read in the background, with the time when that began. Milliseconds since 1970. */
  readonly #refreshing = new Map<string, number>();
  /** Requests that come together read an object once. */
  readonly #flights: SingleFlight<Cached<T> | undefined>;

  constructor(options: ReadThroughOptions<T>) {
    this.#options = options;
    const { now, startTimer, joinMs, maxBytes } = options;
    this.#flights = new SingleFlight({ now, startTimer, patienceMs: joinMs });
    this.#memory = new MemoryCache(maxBytes);
  }

  clear(): void {
    this.#memory.clear();
  }

  /**
   * @returns undefined when the object does not exist
   * @throws {RegistryError} UNAVAILABLE when no store answers and no cached object may be answered
   * @throws {ConfigurationError} for a bucket of another audience
   */
  async find(context: RequestContext, key: string): Promise<Cached<T> | undefined> {
    const { now, freshMs } = this.#options;
    const cached = this.#memory.get(key);
    if (cached !== undefined && now() - cached.readAtMs < freshMs)
      return noteSource(context, cached, 'memory');
    return this.#findElsewhere(context, key);
  }

  async #findElsewhere(context: RequestContext, key: string): Promise<Cached<T> | undefined> {
    const { now, freshMs } = this.#options;
    const fromEdge = await this.#flights.run(context, `edge ${key}`, () => this.#fromEdgeCache(context, key));
    // Memory is looked up only now, because another request may have filled it meanwhile.
    let cached = this.#memory.get(key);
    let source: Source = 'memory';
    if (fromEdge !== undefined && (cached === undefined || this.#supersedes(fromEdge, cached))) {
      cached = fromEdge;
      source = 'edge';
      this.#remember(key, cached);
    }
    if (cached !== undefined) {
      const ageMs = now() - cached.readAtMs;
      if (ageMs < freshMs) return noteSource(context, cached, source);
      if (this.#isMutable && ageMs < 2 * freshMs) {
        this.#refreshLater(context, key);
        return noteSource(context, cached, source);
      }
    }
    return this.#findInStores(context, key, cached);
  }

  /** Reads the object from the stores, whatever is cached. @throws as `find` */
  refresh(context: RequestContext, key: string): Promise<Cached<T> | undefined> {
    return this.#flights.run(context, `store ${key}`, () => this.#refreshOnce(context, key));
  }

  async #refreshOnce(context: RequestContext, key: string): Promise<Cached<T> | undefined> {
    const { stores, kind, now, edgeCache } = this.#options;
    const before = this.#memory.get(key);
    const hit = await stores.read(context, kind.mutability, (store, signal, pauseTimer) =>
      this.#read(store, key, { signal, pauseTimer, deadlineMs: context.deadlineMs }),
    );
    const { cacheId } = stores;
    if (hit === undefined) {
      this.#memory.delete(key);
      if (cacheId !== undefined && before !== undefined) context.waitUntil(edgeCache.delete(cacheId, key));
      return undefined;
    }
    const { object, value, release } = hit.value;
    const cached: Cached<T> = { value, readAtMs: now(), store: hit.store, modified: object.modified };
    // A store that lags behind another one must not take back what clients were already answered.
    const latest = this.#memory.get(key);
    if (latest !== undefined && this.#outlasts(latest, value)) {
      context.trace.failures.push(`Store ${hit.store} has an older ${key} than the edge has already given.`);
      release();
      return latest;
    }
    this.#remember(key, cached);
    if (cacheId === undefined) {
      release();
    } else {
      const { readAtMs, store } = cached;
      const entry = { ...object, readAtMs, store, bucket: stores.idOf(store) };
      context.waitUntil(edgeCache.put(cacheId, key, entry, this.#lifetimeMs).finally(release));
    }
    return cached;
  }

  /**
   * Reads and decodes an object within the memory that all such reads share. A read may have to wait for that memory, and
   * the wait does not count as the store's.
   * @returns with `release`, which gives the memory back once nobody needs the object's bytes
   */
  async #read(store: Store, key: string, { signal, pauseTimer, deadlineMs }: Reading) {
    const { budget } = this.#options;
    let release = NOTHING_TAKEN;
    const admitted = watchedStore(store, async (object) => {
      if (object === undefined) return;
      try {
        release = await pauseTimer(() => budget.takeForReading(object.size, deadlineMs));
      } catch (error) {
        await object.body.cancel();
        throw error;
      }
    });
    try {
      const object = await readSmall(admitted, key, signal);
      if (object === undefined) return undefined;
      const value = await pauseTimer(() => this.#decode(key, object, deadlineMs));
      return { object, value, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** @param cached is answered if it may be, and no store answers whose word is final */
  async #findInStores(
    context: RequestContext,
    key: string,
    cached: Cached<T> | undefined,
  ): Promise<Cached<T> | undefined> {
    const { now, staleMs } = this.#options;
    try {
      const found = await this.refresh(context, key);
      if (found === undefined) return undefined;
      if (found !== cached) return noteSource(context, found, 'store');
    } catch (error) {
      const isUnavailable = error instanceof RegistryError && error.code === 'UNAVAILABLE';
      const mayBeStale = cached !== undefined && this.#isMutable && now() - cached.readAtMs <= staleMs;
      if (!isUnavailable || !mayBeStale) throw error;
    }
    if (cached === undefined) return undefined;
    context.trace.staleSeconds = Math.floor((now() - cached.readAtMs) / 1000);
    return noteSource(context, cached, 'memory');
  }

  #refreshLater(context: RequestContext, key: string): void {
    const { now, stores } = this.#options;
    const { backgroundMs } = stores;
    const startedAtMs = this.#refreshing.get(key);
    // The runtime may drop work that outlives its answer. Then a later request starts it again.
    if (startedAtMs !== undefined && now() - startedAtMs < backgroundMs) return;
    this.#refreshing.set(key, now());
    context.waitUntil(this.#refreshNow(backgroundContext(context, now() + backgroundMs), key));
  }

  /** Never rejects, because nothing but the runtime waits for it. */
  async #refreshNow(context: RequestContext, key: string): Promise<void> {
    const { failures } = context.trace;
    try {
      await this.refresh(context, key);
    } catch (error) {
      const isExpected = error instanceof RegistryError || error instanceof ConfigurationError;
      failures.push(isExpected ? error.message : faultOf(error));
    } finally {
      this.#refreshing.delete(key);
    }
    if (failures.length > 0) this.#options.onBackgroundFailure({ key, failures });
  }

  async #fromEdgeCache({ deadlineMs }: RequestContext, key: string): Promise<Cached<T> | undefined> {
    const { stores, edgeCache, now, budget } = this.#options;
    if (stores.idOf(1) === undefined) await stores.recallIds();
    const { cacheId } = stores;
    if (cacheId === undefined) return undefined;
    let release = NOTHING_TAKEN;
    try {
      const object: CachedObject | undefined = await edgeCache.get(cacheId, key, async (bytes) => {
        release = await budget.takeForReading(bytes, deadlineMs);
      });
      if (object === undefined) return undefined;
      // The second store can be another bucket by now, while the cache is still the first one's.
      const bucket = stores.idOf(object.store);
      if (bucket !== undefined && object.bucket !== undefined && bucket !== object.bucket) return undefined;
      if (now() - object.readAtMs > this.#lifetimeMs) return undefined;
      const value = await this.#decode(key, object, deadlineMs);
      return { value, readAtMs: object.readAtMs, store: object.store, modified: object.modified };
    } catch (error) {
      if (error instanceof CorruptObjectError) return undefined;
      // If there is no room for the object, the one in memory can still be answered.
      if (error instanceof RegistryError && this.#memory.get(key) !== undefined) return undefined;
      throw error;
    } finally {
      release();
    }
  }

  get #isMutable(): boolean {
    return this.#options.kind.mutability === 'mutable';
  }

  /** How long the data centre's cache keeps an object. */
  get #lifetimeMs(): number {
    return this.#isMutable ? this.#options.staleMs : this.#options.freshMs;
  }

  #supersedes(one: Cached<T>, other: Cached<T>): boolean {
    return one.readAtMs > other.readAtMs && !this.#outlasts(other, one.value);
  }

  /**
   * Whether the cached object is later than that value, so that the value must not replace it. A cached object beyond the
   * stale limit does not count, because the edge would never accept a store that was restored. One that claims to be from
   * the future does not count either.
   */
  #outlasts(cached: Cached<T>, value: T): boolean {
    const { kind, now, staleMs } = this.#options;
    if (kind.since === undefined) return false;
    const since = kind.since(cached.value);
    if (now() - cached.readAtMs > staleMs || Date.parse(since) > now() + MAX_CLOCK_SKEW_MS) return false;
    return kind.since(value) < since;
  }

  async #decode(key: string, object: SmallObject, deadlineMs: number): Promise<T> {
    const { budget, kind } = this.#options;
    try {
      return await budget.decode(object.bytes.length, deadlineMs, () => kind.decode(key, object));
    } catch (error) {
      if (error instanceof BucketObjectInvalidError) throw new CorruptObjectError(key, error.message, error);
      throw error;
    }
  }

  #remember(key: string, cached: Cached<T>): void {
    const bytes = this.#options.kind.memoryBytes(cached.value) + 2 * key.length + OVERHEAD_BYTES;
    this.#memory.set(key, cached, bytes);
  }
}

function noteSource<T>(context: RequestContext, cached: Cached<T>, source: Source): Cached<T> {
  context.trace.source = source;
  context.trace.store = cached.store;
  return cached;
}
