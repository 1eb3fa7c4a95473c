/**
 * The stores, in order. A store that is down is asked last, and looked after in the background, so that one that hangs
 * costs one client its 3 seconds and not every client. It costs every client that if it still answers for lifeboat.json
 * (docs/decisions/0100).
 */
import { RegistryError } from '../../core/error.ts';
import { IDENTITY_KEY } from '../../core/layout.ts';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import { faultOf, type RefreshFailure } from '../log.ts';
import { newTrace, type RequestContext } from '../isolate/request-context.ts';
import { CorruptObjectError } from './corrupt-object-error.ts';
import { StoreHealth, type PauseTimer, type StoreHealthOptions, type StoreState } from './store-health.ts';
import { StoreError, type Store } from './store.ts';

export interface RosterOptions extends StoreHealthOptions {
  readonly stores: readonly Store[];
  /** The longest that all stores together may take to an answer, body included. Milliseconds. */
  readonly perAnswer: number;
  readonly onRefreshFailure: (failure: RefreshFailure) => void;
}

export interface Hit<T> {
  readonly value: T;
  /** The number of the store that had it. */
  readonly store: number;
}

/**
 * How a store's "no" is taken, and its failure for one key. `pointer`: a "no" is final if each store before it says so
 * too, because a tag that is gone is gone, and a later store may lag behind one that is silent. A failure of a store that
 * is up is final too, because a later store may have an older tag. `digest`: either is a reason to ask the next store.
 */
export type Absence = 'pointer' | 'digest';

export class FailoverStores {
  readonly #members: readonly StoreHealth[];
  readonly #options: RosterOptions;

  constructor(options: RosterOptions) {
    this.#options = options;
    this.#members = options.stores.map((store) => new StoreHealth(store, options));
  }

  /**
   * Asks one store after the other.
   * @param first the number of the store that is likely to have it
   * @returns undefined when those stores say that it is not there whose word is final, and none has it
   * @throws {RegistryError} UNAVAILABLE when no store gives it in time, and none may say that it is not there
   * @throws {ConfigurationError} for a bucket of another audience
   */
  async search<T>(
    scope: RequestContext,
    absence: Absence,
    run: (store: Store, signal: AbortSignal, pauseTimer: PauseTimer) => Promise<T | undefined>,
    first?: number,
  ): Promise<Hit<T> | undefined> {
    let isAbsent = false;
    let isWithheld = false;
    const silent = new Set(this.#members);
    const order = this.#order(scope, first);
    for (const [index, member] of order.entries()) {
      // Whoever answered knows of a digest; those that are down are asked only when nobody else is there.
      if (isAbsent && absence === 'digest' && member.isDown) continue;
      try {
        // A pointer is not asked of the next store once this one has answered.
        const hasNext = absence === 'digest' && index < order.length - 1;
        const reserve = hasNext ? this.#options.perStore : 0;
        const value = await member.ask(scope, reserve, run);
        if (value !== undefined) return { value, store: member.store.number };
        silent.delete(member);
        isAbsent = true;
        if (absence === 'pointer' && !this.#isBehind(member, silent)) return undefined;
      } catch (error) {
        if (!(error instanceof StoreError) && !(error instanceof CorruptObjectError)) throw error;
        if (member.isDown) continue;
        isWithheld = true;
        if (absence === 'pointer') break;
      }
    }
    if (isWithheld) {
      throw new RegistryError('UNAVAILABLE', 'The store does not give this object at the moment.');
    }
    if (isAbsent && absence === 'digest') return undefined;
    throw new RegistryError('UNAVAILABLE', 'No store answers at the moment.');
  }

  /** Whether a store that comes before it has not answered: tags move in the first store last. */
  #isBehind(member: StoreHealth, silent: ReadonlySet<StoreHealth>): boolean {
    return this.#members.some((other) => silent.has(other) && other.store.number < member.store.number);
  }

  /** Whether that store answered a moment ago, or does now. @throws {ConfigurationError} */
  isLive(scope: RequestContext, number: number): boolean | Promise<boolean> {
    const member = this.#members[number - 1];
    if (member === undefined) return false;
    return member.isFresh || member.isLive(scope);
  }

  /** Whether any store does. @throws {ConfigurationError} */
  async isAnyLive(scope: RequestContext): Promise<boolean> {
    const order = this.#order(scope);
    if (order.some((member) => member.isFresh)) return true;
    for (const member of order) {
      if (await member.isLive(scope)) return true;
    }
    return false;
  }

  /** What this isolate knows of each store, without asking. One that is not needed is not asked. */
  overview(): readonly StoreState[] {
    return this.#members.map((member) => member.state);
  }

  urlFor(number: number, key: string): string | undefined | Promise<string> {
    return this.#members[number - 1]?.store.urlFor(key);
  }

  /** The longest that work in the background may take, which asks one store after the other. Milliseconds. */
  get patience(): number {
    return Math.max(this.#options.perAnswer, this.#options.perStore * this.#members.length);
  }

  /**
   * The id of the first bucket whose id is known: whose cache it is. Not all of theirs, for a second store is
   * first asked when the first fails, and what is kept must not be lost then. Undefined while none is known.
   */
  get space(): string | undefined {
    return this.#members.map(({ id }) => id).find((id) => id !== undefined);
  }

  /** The id of that store's bucket; undefined while it is not known. */
  idOf(number: number): string | undefined {
    return this.#members[number - 1]?.id;
  }

  /**
   * Learns from other isolates which buckets these are, so that one which starts while no store answers still
   * finds what the data centre keeps.
   */
  async recall(): Promise<void> {
    for (const member of this.#members) await member.recall();
  }

  #order(scope: RequestContext, first?: number): readonly StoreHealth[] {
    if (this.#members.length === 1) return this.#members;
    const up = this.#members.filter((member) => !member.isDown);
    const down = this.#members.filter((member) => member.isDown);
    if (up.length > 0) for (const member of down) this.#probeLater(member, scope);
    const preferred = up.find((member) => member.store.number === first);
    const others = up.filter((member) => member !== preferred);
    return [...(preferred === undefined ? [] : [preferred]), ...others, ...down];
  }

  #probeLater(member: StoreHealth, scope: RequestContext): void {
    if (member.isDueForCheck) {
      scope.waitUntil(this.#probe(member, { ...scope, deadline: Infinity, trace: newTrace() }));
    }
  }

  /** Never rejects: nobody waits for it but the runtime. */
  async #probe(member: StoreHealth, scope: RequestContext): Promise<void> {
    const { failures } = scope.trace;
    try {
      await member.isLive(scope);
    } catch (error) {
      failures.push(error instanceof ConfigurationError ? error.message : faultOf(error));
    }
    if (failures.length > 0) this.#options.onRefreshFailure({ key: IDENTITY_KEY, failures });
  }
}
