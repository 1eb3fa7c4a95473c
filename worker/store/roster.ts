/**
 * The stores, in order, and what is known of each: whether it answers, and whose bucket it is. A store that
 * failed is asked last, and looked after in the background, so that one that hangs costs one client its 3
 * seconds and not every client.
 */
import { RegistryError } from '../../core/error.ts';
import type { Audience, Identity } from '../../core/identity.ts';
import { IDENTITY_KEY } from '../../core/layout.ts';
import { ConfigurationError } from '../configuration-error.ts';
import { faultOf, type RefreshFailure } from '../log.ts';
import { newTrace, type Scope } from '../scope.ts';
import { readIdentity, recallId } from './bucket-identity.ts';
import { CorruptObjectError } from './corrupt-object-error.ts';
import { StoreError, type Store } from './store.ts';
import { withinTime, type StartTimer } from './time-limit.ts';

interface Member {
  readonly store: Store;
  /** What the store said in this isolate. */
  identity: Identity | undefined;
  /** The id that another isolate was told. Good for finding what is kept, not for reading what is not. */
  recalled: string | undefined;
  isRecalled: boolean;
  /** By the edge's clock; -Infinity for never. */
  answeredAt: number;
  triedAt: number;
  isDown: boolean;
  /** When a client last waited for it in vain; -Infinity since it answered. */
  hungAt: number;
}

export interface RosterOptions {
  readonly stores: readonly Store[];
  readonly audience: Audience;
  /** How long an answer makes a store live. Milliseconds. */
  readonly fresh: number;
  /** The longest that one store may take to an answer. Milliseconds. */
  readonly perStore: number;
  readonly now: () => number;
  readonly startTimer: StartTimer;
  /** Remembers identities beyond this isolate. */
  readonly identities: IdentityCache;
  /** Another bucket stands where one was: nothing that is kept is true any more. */
  readonly onReplaced: () => void;
  readonly onRefreshFailure: (failure: RefreshFailure) => void;
}

export interface IdentityCache {
  get(location: string): Promise<Uint8Array | undefined>;
  put(location: string, identity: Uint8Array<ArrayBuffer>): Promise<void>;
}

/** How it went when a store was last asked. */
export interface StoreState {
  readonly store: number;
  readonly last: 'answered' | 'failed' | 'never asked';
  readonly secondsAgo?: number;
}

export interface Hit<T> {
  readonly value: T;
  /** The number of the store that had it. */
  readonly store: number;
}

/**
 * How a store's "no" is taken. `pointer`: final, for a tag that is gone is gone, if each store before it says so
 * too; a later store may lag behind one that is silent. `digest`: a reason to ask the next one.
 */
export type Absence = 'pointer' | 'digest';

export class Roster {
  readonly #members: readonly Member[];
  readonly #options: RosterOptions;

  constructor(options: RosterOptions) {
    this.#options = options;
    this.#members = options.stores.map((store) => ({
      store,
      identity: undefined,
      recalled: undefined,
      isRecalled: false,
      answeredAt: -Infinity,
      triedAt: -Infinity,
      isDown: false,
      hungAt: -Infinity,
    }));
  }

  /**
   * Asks one store after the other.
   * @param first the number of the store that is likely to have it
   * @returns undefined when those stores say that it is not there whose word is final, and none has it
   * @throws {RegistryError} UNAVAILABLE when no store answers in time, or only those that cannot know
   * @throws {ConfigurationError} for a bucket of another audience
   */
  async search<T>(
    scope: Scope,
    absence: Absence,
    run: (store: Store, signal: AbortSignal) => Promise<T | undefined>,
    first?: number,
  ): Promise<Hit<T> | undefined> {
    let isAbsent = false;
    const silent = new Set(this.#members);
    for (const member of this.#order(scope, first)) {
      // Whoever answered knows of a digest; those that are down are asked only when nobody else is there.
      if (isAbsent && absence === 'digest' && member.isDown) continue;
      try {
        const value = await this.#ask(member, scope, run);
        if (value !== undefined) return { value, store: member.store.number };
        silent.delete(member);
        isAbsent = true;
        if (absence === 'pointer' && !this.#isBehind(member, silent)) return undefined;
      } catch (error) {
        if (!(error instanceof StoreError) && !(error instanceof CorruptObjectError)) throw error;
        noteFailure(scope, member.store, error);
      }
    }
    if (isAbsent && absence === 'digest') return undefined;
    throw unavailable();
  }

  /** Whether a store that comes before it has not answered: tags move in the first store last. */
  #isBehind(member: Member, silent: ReadonlySet<Member>): boolean {
    return this.#members.some((other) => silent.has(other) && other.store.number < member.store.number);
  }

  /** Whether that store answered a moment ago, or does now. @throws {ConfigurationError} */
  isLive(scope: Scope, number: number): boolean | Promise<boolean> {
    const member = this.#members[number - 1];
    if (member === undefined) return false;
    return this.#isFresh(member) || this.#isLive(member, scope);
  }

  /** Whether any store does. @throws {ConfigurationError} */
  async isAnyLive(scope: Scope): Promise<boolean> {
    const order = this.#order(scope);
    if (order.some((member) => this.#isFresh(member))) return true;
    for (const member of order) {
      if (await this.#isLive(member, scope)) return true;
    }
    return false;
  }

  /** What this isolate knows of each store, without asking. One that is not needed is not asked. */
  overview(): readonly StoreState[] {
    return this.#members.map(({ store: { number }, isDown, answeredAt, triedAt }) => {
      const at = isDown ? triedAt : answeredAt;
      if (at === -Infinity) return { store: number, last: 'never asked' };
      return { store: number, last: isDown ? 'failed' : 'answered', secondsAgo: this.#secondsSince(at) };
    });
  }

  #secondsSince(time: number): number {
    return Math.floor((this.#options.now() - time) / 1000);
  }

  urlFor(number: number, key: string): string | undefined | Promise<string> {
    return this.#members[number - 1]?.store.urlFor(key);
  }

  /** The longest that all stores together may take. Milliseconds. */
  get patience(): number {
    return this.#options.perStore * this.#members.length;
  }

  /**
   * The id of the first bucket whose id is known: whose cache it is. Not all of theirs, for a second store is
   * first asked when the first fails, and what is kept must not be lost then. Undefined while none is known.
   */
  get space(): string | undefined {
    return this.#members.map(idOf).find((id) => id !== undefined);
  }

  /** The id of that store's bucket; undefined while it is not known. */
  idOf(number: number): string | undefined {
    const member = this.#members[number - 1];
    return member && idOf(member);
  }

  /**
   * Learns from other isolates which buckets these are, so that one which starts while no store answers still
   * finds what the data centre keeps.
   */
  async recall(): Promise<void> {
    for (const member of this.#members) {
      const { location } = member.store;
      if (location === undefined || member.identity !== undefined || member.isRecalled) continue;
      const bytes = await this.#options.identities.get(location);
      // Only now: a request that comes meanwhile looks as well, or it would find nothing of what is kept.
      member.isRecalled = true;
      if (bytes !== undefined) member.recalled = recallId(bytes, this.#options.audience);
    }
  }

  #order(scope: Scope, first?: number): readonly Member[] {
    if (this.#members.length === 1) return this.#members;
    const up = this.#members.filter((member) => !member.isDown);
    const down = this.#members.filter((member) => member.isDown);
    if (up.length > 0) for (const member of down) this.#probeLater(member, scope);
    const preferred = up.find((member) => member.store.number === first);
    const others = up.filter((member) => member !== preferred);
    return [...(preferred === undefined ? [] : [preferred]), ...others, ...down];
  }

  #probeLater(member: Member, scope: Scope): void {
    if (this.#options.now() - member.triedAt < this.#options.fresh) return;
    member.triedAt = this.#options.now();
    scope.waitUntil(this.#probe(member, { ...scope, deadline: Infinity, trace: newTrace() }));
  }

  /** Never rejects: nobody waits for it but the runtime. */
  async #probe(member: Member, scope: Scope): Promise<void> {
    const { failures } = scope.trace;
    try {
      await this.#isLive(member, scope);
    } catch (error) {
      failures.push(error instanceof ConfigurationError ? error.message : faultOf(error));
    }
    if (failures.length > 0) this.#options.onRefreshFailure({ key: IDENTITY_KEY, failures });
  }

  #isFresh(member: Member): boolean {
    return !member.isDown && this.#options.now() - member.answeredAt < this.#options.fresh;
  }

  async #isLive(member: Member, scope: Scope): Promise<boolean> {
    if (this.#isFresh(member)) return true;
    try {
      await this.#ask(member, scope, async (store, signal) => {
        // A store that is not known yet has just been read for that.
        if (!this.#isFresh(member)) await this.#identify(member, store, scope, signal);
      });
      return true;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      noteFailure(scope, member.store, error);
      return false;
    }
  }

  async #ask<T>(
    member: Member,
    scope: Scope,
    run: (store: Store, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { perStore, fresh, now, startTimer } = this.#options;
    const { store } = member;
    const begin = now();
    // A pull is many requests: each of them waiting its 3 seconds would be longer than any client waits for.
    if (begin - member.hungAt < fresh)
      throw new StoreError(store.number, 'did not answer in time a moment ago.');
    member.triedAt = begin;
    const time = Math.min(perStore, scope.deadline - begin);
    try {
      const answer = await withinTime(
        time,
        startTimer,
        async (signal) => {
          if (member.identity === undefined) await this.#identify(member, store, scope, signal);
          scope.trace.reads += 1;
          return run(store, signal);
        },
        () => {
          // What is left of a deadline may be too short for any store.
          if (time === perStore) member.hungAt = now();
          return new StoreError(store.number, 'did not answer in time.');
        },
      );
      member.answeredAt = now();
      member.isDown = false;
      member.hungAt = -Infinity;
      return answer;
    } catch (error) {
      // Whoever gives wrong bytes for one object still answers for the others.
      if (error instanceof StoreError) member.isDown = true;
      if (error instanceof CorruptObjectError) member.answeredAt = now();
      throw error;
    } finally {
      scope.trace.storeMilliseconds += now() - begin;
    }
  }

  async #identify(member: Member, store: Store, scope: Scope, signal: AbortSignal): Promise<void> {
    scope.trace.reads += 1;
    const { identity, bytes } = await readIdentity(store, this.#options.audience, signal);
    const before = idOf(member);
    if (member.identity === undefined && store.location !== undefined) {
      scope.waitUntil(this.#options.identities.put(store.location, bytes));
    }
    member.identity = identity;
    member.answeredAt = this.#options.now();
    if (before !== undefined && before !== identity.id) this.#options.onReplaced();
  }
}

function idOf({ identity, recalled }: Member): string | undefined {
  return identity?.id ?? recalled;
}

function noteFailure(scope: Scope, store: Store, error: StoreError | CorruptObjectError): void {
  scope.trace.failures.push(
    error instanceof CorruptObjectError
      ? `CORRUPT in store ${store.number}: ${error.message}`
      : error.message,
  );
}

function unavailable(): RegistryError {
  return new RegistryError('UNAVAILABLE', 'No store answers at the moment.');
}
