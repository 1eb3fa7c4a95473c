/**
 * One kind of object, kept: memory → edge cache → store. What a digest names is kept for a day (as long as a
 * deletion waits, at least); what a name points to is fresh for its TTL, then given once more while it is asked
 * for anew, and after twice its TTL only when no store answers whose word is final.
 */
import { RegistryError } from '../../core/error.ts';
import { BucketObjectInvalidError } from '../../core/bucket-object.ts';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import { NOTHING_TAKEN } from '../isolate/byte-budget.ts';
import type { ReadBudget } from '../isolate/read-budget.ts';
import { SingleFlight } from '../isolate/single-flight.ts';
import { faultOf, type RefreshFailure } from '../log.ts';
import { newTrace, type RequestContext } from '../isolate/request-context.ts';
import { CorruptObjectError } from '../store/corrupt-object-error.ts';
import type { FailoverStores } from '../store/failover-stores.ts';
import { readSmall, type SmallObject } from '../store/small-object.ts';
import type { PauseTimer } from '../store/store-health.ts';
import type { Store } from '../store/store.ts';
import type { StartTimer } from '../store/time-limit.ts';
import { watchedStore } from '../store/watched-store.ts';
import type { EdgeCache, KeptObject } from './edge-cache.ts';
import { MemoryCache } from './memory-cache.ts';

export interface Kind<T> {
  readonly absence: 'pointer' | 'digest';
  /**
   * Checks all that can be checked.
   * @throws {CorruptObjectError | BucketObjectInvalidError}
   */
  readonly decode: (key: string, object: SmallObject) => T | Promise<T>;
  /** What a value weighs in memory, beside its key. Bytes. */
  readonly weigh: (value: T) => number;
  /** When what it says came true, ISO 8601: an earlier one never replaces a later one. */
  readonly since?: (value: T) => string;
}

export interface Kept<T> {
  readonly value: T;
  readonly at: number;
  readonly store: number;
  readonly modified: string | undefined;
}

export interface ShelfOptions<T> {
  readonly kind: Kind<T>;
  readonly roster: FailoverStores;
  readonly edgeCache: EdgeCache;
  readonly now: () => number;
  readonly startTimer: StartTimer;
  /** Shared by all shelves. */
  readonly budget: ReadBudget;
  /** After so long a request no longer waits for another one that asks for the same. Milliseconds. */
  readonly perFlight: number;
  readonly onRefreshFailure: (failure: RefreshFailure) => void;
  /** The most that memory may hold. Bytes. */
  readonly room: number;
  /** How long it is given without asking. Milliseconds. */
  readonly fresh: number;
  /** How old it may be when no store answers whose word is final. Milliseconds. */
  readonly stale: number;
}

interface Reading {
  readonly signal: AbortSignal;
  readonly pauseTimer: PauseTimer;
  /** Milliseconds since 1970. */
  readonly deadline: number;
}

/** A key, its entry and the maps that hold them. */
const OVERHEAD = 512;
/** A job whose clock is further ahead than this, in milliseconds, is wrong, and its times order nothing. */
const MOST_AHEAD = 5 * 60 * 1000;

export class ReadThroughCache<T> {
  readonly #options: ShelfOptions<T>;
  readonly #memory: MemoryCache<Kept<T>>;
  /** Keys that are being asked for in the background, and since when. */
  readonly #refreshing = new Map<string, number>();
  /** Requests that come together read an object once. */
  readonly #flights: SingleFlight<Kept<T> | undefined>;

  constructor(options: ShelfOptions<T>) {
    this.#options = options;
    const { now, startTimer, perFlight } = options;
    this.#flights = new SingleFlight({ now, startTimer, patienceMs: perFlight });
    this.#memory = new MemoryCache(options.room);
  }

  clear(): void {
    this.#memory.clear();
  }

  /**
   * At once where memory has it fresh, which is what most requests meet: a promise more costs each of them.
   * @returns undefined when it does not exist
   * @throws {RegistryError} UNAVAILABLE when no store answers and nothing is kept that may be given
   * @throws {ConfigurationError} for a bucket of another audience
   */
  find(scope: RequestContext, key: string): Kept<T> | Promise<Kept<T> | undefined> {
    const { now, fresh } = this.#options;
    const kept = this.#memory.get(key);
    if (kept !== undefined && now() - kept.at < fresh) return given(scope, kept, 'memory');
    return this.#findElsewhere(scope, key);
  }

  async #findElsewhere(scope: RequestContext, key: string): Promise<Kept<T> | undefined> {
    const { now, fresh, kind } = this.#options;
    const fromEdge = await this.#flights.run(scope, `edge ${key}`, () => this.#fromEdgeCache(scope, key));
    // Looked at only now: another request may have learnt more meanwhile.
    let kept = this.#memory.get(key);
    let source: 'memory' | 'edge' = 'memory';
    if (fromEdge !== undefined && (kept === undefined || this.#supersedes(fromEdge, kept))) {
      kept = fromEdge;
      source = 'edge';
      this.#remember(key, kept);
    }
    if (kept !== undefined) {
      const age = now() - kept.at;
      if (age < fresh) return given(scope, kept, source);
      if (kind.absence === 'pointer' && age < 2 * fresh) {
        this.#refreshLater(scope, key);
        return given(scope, kept, source);
      }
    }
    return this.#ask(scope, key, kept);
  }

  /** Asks the stores, whatever is kept. @throws as `find` */
  refresh(scope: RequestContext, key: string): Promise<Kept<T> | undefined> {
    return this.#flights.run(scope, `store ${key}`, () => this.#refreshOnce(scope, key));
  }

  async #refreshOnce(scope: RequestContext, key: string): Promise<Kept<T> | undefined> {
    const { roster, kind, now, fresh, stale, edgeCache } = this.#options;
    const before = this.#memory.get(key);
    const hit = await roster.search(scope, kind.absence, (store, signal, pauseTimer) =>
      this.#read(store, key, { signal, pauseTimer, deadline: scope.deadline }),
    );
    const { space } = roster;
    if (hit === undefined) {
      this.#memory.delete(key);
      if (space !== undefined && before !== undefined) scope.waitUntil(edgeCache.delete(space, key));
      return undefined;
    }
    const { object, value, release } = hit.value;
    const kept: Kept<T> = { value, at: now(), store: hit.store, modified: object.modified };
    // A store that lags behind another one must not take back what was already given.
    const latest = this.#memory.get(key);
    if (latest !== undefined && this.#outlasts(latest, value)) {
      scope.trace.failures.push(`Store ${hit.store} has an older ${key} than the edge has already given.`);
      release();
      return latest;
    }
    this.#remember(key, kept);
    if (space === undefined) {
      release();
    } else {
      const lifetime = kind.absence === 'pointer' ? stale : fresh;
      const entry = { ...object, at: kept.at, store: kept.store, bucket: roster.idOf(kept.store) };
      scope.waitUntil(edgeCache.put(space, key, entry, lifetime).finally(release));
    }
    return kept;
  }

  /**
   * Reads and decodes an object within the memory that all such reads share. It may have to wait for that memory, and that
   * is no fault of the store.
   * @returns with `release`, which gives the memory back once nobody needs the object's bytes
   */
  async #read(store: Store, key: string, { signal, pauseTimer, deadline }: Reading) {
    const { budget } = this.#options;
    let release = NOTHING_TAKEN;
    const admitted = watchedStore(store, async (object) => {
      if (object === undefined) return;
      try {
        release = await pauseTimer(() => budget.takeForReading(object.size, deadline));
      } catch (error) {
        await object.body.cancel();
        throw error;
      }
    });
    try {
      const object = await readSmall(admitted, key, signal);
      if (object === undefined) return undefined;
      const value = await pauseTimer(() => this.#decode(key, object, deadline));
      return { object, value, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  async #ask(scope: RequestContext, key: string, kept: Kept<T> | undefined): Promise<Kept<T> | undefined> {
    const { now, stale, kind } = this.#options;
    try {
      const found = await this.refresh(scope, key);
      if (found === undefined) return undefined;
      if (found !== kept) return given(scope, found, 'store');
    } catch (error) {
      const isDown = error instanceof RegistryError && error.code === 'UNAVAILABLE';
      if (!isDown || kept === undefined || kind.absence !== 'pointer' || now() - kept.at > stale) throw error;
    }
    if (kept === undefined) return undefined;
    scope.trace.staleSeconds = Math.floor((now() - kept.at) / 1000);
    return given(scope, kept, 'memory');
  }

  #refreshLater(scope: RequestContext, key: string): void {
    const { now, roster } = this.#options;
    const since = this.#refreshing.get(key);
    // The runtime may drop work that outlives its answer; then the next request takes it up.
    if (since !== undefined && now() - since < roster.patience) return;
    this.#refreshing.set(key, now());
    const background = { ...scope, deadline: now() + roster.patience, trace: newTrace() };
    scope.waitUntil(this.#refreshNow(background, key));
  }

  /** Never rejects: nobody waits for it but the runtime. */
  async #refreshNow(scope: RequestContext, key: string): Promise<void> {
    const { failures } = scope.trace;
    try {
      await this.refresh(scope, key);
    } catch (error) {
      const isExpected = error instanceof RegistryError || error instanceof ConfigurationError;
      failures.push(isExpected ? error.message : faultOf(error));
    } finally {
      this.#refreshing.delete(key);
    }
    if (failures.length > 0) this.#options.onRefreshFailure({ key, failures });
  }

  async #fromEdgeCache({ deadline }: RequestContext, key: string): Promise<Kept<T> | undefined> {
    const { roster, edgeCache, now, fresh, stale, kind, budget } = this.#options;
    if (roster.idOf(1) === undefined) await roster.recall();
    const { space } = roster;
    if (space === undefined) return undefined;
    let release = NOTHING_TAKEN;
    try {
      const object: KeptObject | undefined = await edgeCache.get(space, key, async (bytes) => {
        release = await budget.takeForReading(bytes, deadline);
      });
      if (object === undefined) return undefined;
      // The second store is another bucket now; the cache is still the first one's.
      const bucket = roster.idOf(object.store);
      if (bucket !== undefined && object.bucket !== undefined && bucket !== object.bucket) return undefined;
      if (now() - object.at > (kind.absence === 'pointer' ? stale : fresh)) return undefined;
      const value = await this.#decode(key, object, deadline);
      return { value, at: object.at, store: object.store, modified: object.modified };
    } catch (error) {
      if (error instanceof CorruptObjectError) return undefined;
      // Without room for it, what memory has may still be given.
      if (error instanceof RegistryError && this.#memory.get(key) !== undefined) return undefined;
      throw error;
    } finally {
      release();
    }
  }

  #supersedes(one: Kept<T>, other: Kept<T>): boolean {
    return one.at > other.at && !this.#outlasts(other, one.value);
  }

  /**
   * Whether what is kept came later than that value, and is to be believed still: not beyond the stale limit, for
   * then a store that was restored would never be heard, and not when it claims to be from the future.
   */
  #outlasts(kept: Kept<T>, value: T): boolean {
    const { kind, now, stale } = this.#options;
    if (kind.since === undefined) return false;
    const since = kind.since(kept.value);
    if (now() - kept.at > stale || Date.parse(since) > now() + MOST_AHEAD) return false;
    return kind.since(value) < since;
  }

  async #decode(key: string, object: SmallObject, deadline: number): Promise<T> {
    const { budget, kind } = this.#options;
    try {
      return await budget.decode(object.bytes.length, deadline, () => kind.decode(key, object));
    } catch (error) {
      if (error instanceof BucketObjectInvalidError) throw new CorruptObjectError(key, error.message, error);
      throw error;
    }
  }

  #remember(key: string, kept: Kept<T>): void {
    this.#memory.set(key, kept, this.#options.kind.weigh(kept.value) + 2 * key.length + OVERHEAD);
  }
}

function given<T>(scope: RequestContext, kept: Kept<T>, source: 'memory' | 'edge' | 'store'): Kept<T> {
  scope.trace.source = source;
  scope.trace.store = kept.store;
  return kept;
}
