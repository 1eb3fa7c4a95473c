/**
 * The stores, in order. A store that is down comes last, and is checked in the background, so that a store that hangs
 * costs one client its 3 seconds and not every client. A store that hangs for some keys, but answers for lifeboat.json,
 * still costs every client of those keys that time (docs/decisions/0100).
 */
import { RegistryError } from '../../core/error.ts';
import type { Mutability } from '../../core/key-kind.ts';
import { IDENTITY_KEY } from '../../core/layout.ts';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import type { EdgeRuntime } from '../isolate/edge-runtime.ts';
import { faultOf } from '../isolate/failure.ts';
import { backgroundContext, type RequestContext } from '../isolate/request-context.ts';
import { CorruptObjectError } from './corrupt-object-error.ts';
import { StoreHealth, type Read, type StoreHealthOptions, type StoreState } from './store-health.ts';
import { StoreError, type Store } from './store.ts';

export interface FailoverOptions extends StoreHealthOptions {
  readonly stores: readonly Store[];
  /** The longest that all stores together may take for an answer, body included. */
  readonly answerMs: number;
  readonly onBackgroundFailure: EdgeRuntime['onBackgroundFailure'];
}

export interface Hit<T> {
  readonly value: T;
  /** The number of the store that had it. */
  readonly store: number;
}

export class FailoverStores {
  readonly #stores: readonly StoreHealth[];
  readonly #options: FailoverOptions;

  constructor(options: FailoverOptions) {
    this.#options = options;
    this.#stores = options.stores.map((store) => new StoreHealth(store, options));
  }

  /**
   * Reads an object from one store after the other, until one has it.
   *
   * For an immutable object, a store that lacks it or fails is a reason to try the next store. For a mutable one, the
   * first answer decides: "not there" is final if each store before this one says so too, because a deleted tag must stay
   * deleted, and a later store may lag behind one that is silent. It is not final in a bucket that is not filled. A store that
   * is up and fails for the key is final too, because a later store may have an older tag.
   * @param first the number of the store that is likely to have it
   * @returns undefined when the stores whose word is final say that it is not there
   * @throws {RegistryError} UNAVAILABLE when no store gives it in time, and none may say that it is not there
   * @throws {ConfigurationError} for a bucket of another audience
   */
  async read<T>(
    context: RequestContext,
    mutability: Mutability,
    read: Read<T | undefined>,
    first?: number,
  ): Promise<Hit<T> | undefined> {
    const isMutable = mutability === 'mutable';
    let isAbsent = false;
    let isRefused = false;
    const silent = new Set(this.#stores);
    const order = this.#order(context, first);
    for (const [index, store] of order.entries()) {
      // A store that is up has said that it lacks the digest. Stores that are down count only if no other answers.
      if (isAbsent && !isMutable && store.isDown) continue;
      try {
        const hasNext = index < order.length - 1;
        // The next store is seldom asked for a mutable object once this store has answered, so no time is kept for it.
        const value = await store.read(context, hasNext && !isMutable ? this.#options.storeMs : 0, read);
        if (value !== undefined) return { value, store: store.store.number };
        silent.delete(store);
        isAbsent = true;
        if (!isMutable || this.#isBehind(store, silent)) continue;
        if (!hasNext || (await store.isFilled(context))) return undefined;
      } catch (error) {
        if (!(error instanceof StoreError) && !(error instanceof CorruptObjectError)) throw error;
        if (store.isDown) continue;
        isRefused = true;
        if (isMutable) break;
      }
    }
    if (isRefused) {
      throw new RegistryError('UNAVAILABLE', 'The store does not give this object at the moment.');
    }
    if (isAbsent && !isMutable) return undefined;
    throw new RegistryError('UNAVAILABLE', 'No store answers at the moment.');
  }

  /** Whether an earlier store has not answered: the job moves a tag in the first store last. */
  #isBehind(store: StoreHealth, silent: ReadonlySet<StoreHealth>): boolean {
    const { number } = store.store;
    return this.#stores.some((other) => silent.has(other) && other.store.number < number);
  }

  /**
   * Whether the store with that number answered within the last `freshMs`, or answers now.
   * @throws {ConfigurationError} for a bucket of another audience
   */
  async isLive(context: RequestContext, number: number): Promise<boolean> {
    return (await this.#stores[number - 1]?.isLive(context)) ?? false;
  }

  /** Whether any store is live. @throws {ConfigurationError} for a bucket of another audience */
  async isAnyLive(context: RequestContext): Promise<boolean> {
    const order = this.#order(context);
    if (order.some((store) => store.isFresh)) return true;
    for (const store of order) {
      if (await store.isLive(context)) return true;
    }
    return false;
  }

  /** The state of each store as this isolate knows it, without a read. A store that no request needed has never been asked. */
  overview(): readonly StoreState[] {
    return this.#stores.map((store) => store.state);
  }

  /** As `Store.urlFor`, of the store with that number. */
  async urlFor(number: number, key: string): Promise<string | undefined> {
    return this.#stores[number - 1]?.store.urlFor(key);
  }

  /** The longest that a read in the background takes, which tries one store after the other. */
  get backgroundMs(): number {
    return Math.max(this.#options.answerMs, this.#options.storeMs * this.#stores.length);
  }

  /**
   * The id of the bucket whose part of the data centre's cache is used: the first one that is known; undefined while none
   * is. It is not made of all ids, because the second store is asked only when the first fails, and the cached objects must
   * still be found then.
   */
  get cacheId(): string | undefined {
    return this.#stores.map(({ id }) => id).find((id) => id !== undefined);
  }

  /** The id of the bucket of the store with that number; undefined while it is not known. */
  idOf(number: number): string | undefined {
    return this.#stores[number - 1]?.id;
  }

  /**
   * Learns from other isolates which buckets the stores are, so that an isolate that starts while no store answers still
   * finds the objects in the data centre's cache.
   */
  async recallIds(): Promise<void> {
    for (const store of this.#stores) await store.recallId();
  }

  #order(context: RequestContext, first?: number): readonly StoreHealth[] {
    if (this.#stores.length === 1) return this.#stores;
    const up = this.#stores.filter((store) => !store.isDown);
    const down = this.#stores.filter((store) => store.isDown);
    if (up.length > 0) for (const store of down) this.#probeLater(store, context);
    const preferred = up.find((store) => store.store.number === first);
    const others = up.filter((store) => store !== preferred);
    return [...(preferred === undefined ? [] : [preferred]), ...others, ...down];
  }

  #probeLater(store: StoreHealth, context: RequestContext): void {
    if (store.isDueForCheck) context.waitUntil(this.#probe(store, backgroundContext(context, Infinity)));
  }

  /** Never rejects, because nothing but the runtime waits for it. */
  async #probe(store: StoreHealth, context: RequestContext): Promise<void> {
    const { failures } = context.trace;
    try {
      await store.isLive(context);
    } catch (error) {
      failures.push(error instanceof ConfigurationError ? error.message : faultOf(error));
    }
    if (failures.length > 0) this.#options.onBackgroundFailure({ key: IDENTITY_KEY, failures });
  }
}
