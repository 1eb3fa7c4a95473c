/**
 * One store, and what is known of it: whether it answers, and whose bucket it is. A store is down when it does not answer
 * for lifeboat.json. A failure for another key is about that key alone: otherwise one object that a store refuses would
 * close the store, for as long as somebody asks for that object.
 */
import type { Audience, Identity } from '../../core/identity.ts';
import { SingleFlight } from '../isolate/single-flight.ts';
import type { RequestContext } from '../isolate/request-context.ts';
import { readIdentity, recallId } from './bucket-identity.ts';
import { CorruptObjectError } from './corrupt-object-error.ts';
import { StoreError, type Store } from './store.ts';
import { withinTime, type StartTimer } from './time-limit.ts';
import { watchedStore } from './watched-store.ts';

/**
 * How long a store has to answer for lifeboat.json after it failed for another key, in milliseconds. It is less than for
 * a first try, because the client has waited already, and a store that answers needs a tenth of it.
 */
export const CONFIRMATION_MS = 1000;
/** A body has at least so long once there is room for it, even if the next store then has less than its 3 seconds. */
const LEAST_BODY_MS = 1000;

/** Does work that is not the store's, such as a wait for room: no limit of the store applies meanwhile. */
export type PauseTimer = <R>(work: () => Promise<R>) => Promise<R>;

export interface StoreHealthOptions {
  readonly audience: Audience;
  /** How long an answer makes a store live. Milliseconds. */
  readonly fresh: number;
  /** The longest that one store may take to the first byte of its answer. Milliseconds. */
  readonly perStore: number;
  /** After so long a request no longer waits for another one that asks for the same. Milliseconds. */
  readonly perFlight: number;
  readonly now: () => number;
  readonly startTimer: StartTimer;
  /** Remembers identities beyond this isolate. */
  readonly identities: IdentityCache;
  /** Another bucket stands where one was: nothing that is kept is true any more. */
  readonly onReplaced: () => void;
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

export class StoreHealth {
  readonly store: Store;
  readonly #options: StoreHealthOptions;
  /** Requests that come together ask for lifeboat.json once for each limit. */
  readonly #checks: SingleFlight<void>;
  /** What the store said in this isolate. */
  #identity: Identity | undefined;
  /** The id that another isolate was told. Good for finding what is kept, not for reading what is not. */
  #recalled: string | undefined;
  #isRecalled = false;
  #isDown = false;
  /** By the edge's clock; -Infinity for never. */
  #answeredAt = -Infinity;
  #triedAt = -Infinity;
  /** When a client last waited for it in vain; -Infinity since it answered. */
  #hungAt = -Infinity;
  /** How often it has answered. The clock of a Worker stands still between two events, so times do not tell. */
  #answers = 0;

  constructor(store: Store, options: StoreHealthOptions) {
    this.store = store;
    this.#options = options;
    const { now, startTimer, perFlight } = options;
    this.#checks = new SingleFlight({ now, startTimer, patienceMs: perFlight });
  }

  /** Whether it did not answer for lifeboat.json when it was last asked for it. */
  get isDown(): boolean {
    return this.#isDown;
  }

  /** Whether it answered a moment ago. */
  get isFresh(): boolean {
    return !this.#isDown && this.#options.now() - this.#answeredAt < this.#options.fresh;
  }

  /** Whether nobody has asked it for a while, or waited for it in vain. */
  get isDueForCheck(): boolean {
    const { now, fresh } = this.#options;
    return now() - Math.max(this.#triedAt, this.#hungAt) >= fresh;
  }

  /** The id of its bucket; undefined while it is not known. */
  get id(): string | undefined {
    return this.#identity?.id ?? this.#recalled;
  }

  get state(): StoreState {
    const { number } = this.store;
    const at = this.#isDown ? this.#triedAt : this.#answeredAt;
    if (at === -Infinity) return { store: number, last: 'never asked' };
    const secondsAgo = Math.floor((this.#options.now() - at) / 1000);
    return { store: number, last: this.#isDown ? 'failed' : 'answered', secondsAgo };
  }

  /** Learns its id from what another isolate was told. */
  async recall(): Promise<void> {
    const { location } = this.store;
    if (location === undefined || this.#identity !== undefined || this.#isRecalled) return;
    const bytes = await this.#options.identities.get(location);
    // Only now: a request that comes meanwhile looks as well, or it would find nothing of what is kept.
    this.#isRecalled = true;
    if (bytes !== undefined) this.#recalled = recallId(bytes, this.#options.audience);
  }

  /** Whether it answered a moment ago, or does now. @throws {ConfigurationError} for a bucket of another audience */
  async isLive(scope: RequestContext): Promise<boolean> {
    if (this.isFresh) return true;
    try {
      await this.#check(scope);
      return true;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      noteFailure(scope, error, this.store);
      // It may have answered another request meanwhile.
      return this.isFresh;
    }
  }

  /**
   * Reads one object. If that fails, and the store has not answered anybody meanwhile, it is asked for lifeboat.json.
   * @param run may take 3 seconds to the first byte; a body that has begun may go on
   * @param reserve what the next store needs of the time that is left. Milliseconds
   * @throws {StoreError | CorruptObjectError} which is noted already
   * @throws {ConfigurationError} for a bucket of another audience
   */
  async ask<T>(
    scope: RequestContext,
    reserve: number,
    run: (store: Store, signal: AbortSignal, pauseTimer: PauseTimer) => Promise<T>,
  ): Promise<T> {
    const answers = this.#answers;
    try {
      return await this.#askOnce(scope, reserve, run);
    } catch (error) {
      const isOfStore = error instanceof StoreError;
      if (!isOfStore && !(error instanceof CorruptObjectError)) throw error;
      noteFailure(scope, error, this.store);
      if (isOfStore && !this.#isDown && this.#answers === answers) await this.#confirm(scope);
      throw error;
    }
  }

  async #askOnce<T>(
    scope: RequestContext,
    reserve: number,
    run: (store: Store, signal: AbortSignal, pauseTimer: PauseTimer) => Promise<T>,
  ): Promise<T> {
    const { perStore, now, startTimer } = this.#options;
    this.#refuseHung();
    const begin = now();
    const firstByte = Math.min(begin + perStore, scope.deadline);
    if (this.#isDown || this.#identity === undefined) await this.#check(scope);
    const from = now();
    this.#triedAt = from;
    try {
      return await withinTime(
        firstByte - from,
        startTimer,
        (signal, restart) => {
          scope.trace.reads += 1;
          const end = Math.max(firstByte, scope.deadline - reserve);
          const onAnswer = () => {
            this.#noteAnswer();
            restart(end - now());
          };
          const pauseTimer: PauseTimer = async (work) => {
            restart(Infinity);
            const result = await work();
            restart(Math.min(Math.max(end - now(), LEAST_BODY_MS), scope.deadline - now()));
            return result;
          };
          return run(watchedStore(this.store, onAnswer), signal, pauseTimer);
        },
        () => this.#lateError(),
      );
    } finally {
      scope.trace.storeMilliseconds += now() - from;
    }
  }

  /** Finds out whether it is down, after it failed for one key. */
  async #confirm(scope: RequestContext): Promise<void> {
    if (this.#options.now() >= scope.deadline) return;
    try {
      await this.#check(scope, CONFIRMATION_MS);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      noteFailure(scope, error, this.store);
    }
  }

  /**
   * Asks for lifeboat.json, which alone says whether the store is up.
   * @param limit how long the store has. Requests with the same limit ask once: a join never lengthens it. Milliseconds
   * @throws {StoreError} when it is down, or does not answer in that time, or before the request's deadline
   * @throws {ConfigurationError} for a bucket of another audience
   */
  async #check(scope: RequestContext, limit = this.#options.perStore): Promise<void> {
    this.#refuseHung();
    const { now, startTimer } = this.#options;
    const check = () => this.#checks.run(scope, String(limit), () => this.#checkOnce(scope, limit));
    const left = scope.deadline - now();
    if (left >= limit) return check();
    // The check goes on without this request: less time says nothing of a store, and others may wait for it.
    return withinTime(left, startTimer, check, () => this.#lateError());
  }

  async #checkOnce(scope: RequestContext, limit: number): Promise<void> {
    const { now, startTimer } = this.#options;
    const answers = this.#answers;
    const begin = now();
    this.#triedAt = begin;
    let isLate = false;
    const late = () => {
      isLate = true;
      return this.#lateError();
    };
    try {
      await withinTime(limit, startTimer, (signal) => this.#identify(scope, signal), late);
      this.#isDown = false;
    } catch (error) {
      // A store that has answered another request meanwhile is up, and lifeboat.json is a slow object like any other.
      const isUp = isLate && this.#answers !== answers;
      if (error instanceof StoreError && !isUp) {
        this.#isDown = true;
        if (isLate) this.#hungAt = now();
      }
      throw error;
    } finally {
      scope.trace.storeMilliseconds += now() - begin;
    }
  }

  async #identify(scope: RequestContext, signal: AbortSignal): Promise<void> {
    const { audience, identities, onReplaced } = this.#options;
    scope.trace.reads += 1;
    const { identity, bytes } = await readIdentity(this.store, audience, signal);
    const before = this.id;
    if (this.#identity === undefined && this.store.location !== undefined) {
      scope.waitUntil(identities.put(this.store.location, bytes));
    }
    this.#identity = identity;
    this.#noteAnswer();
    if (before !== undefined && before !== identity.id) onReplaced();
  }

  #noteAnswer(): void {
    this.#answeredAt = this.#options.now();
    this.#answers += 1;
    this.#hungAt = -Infinity;
  }

  /** A pull is many requests: if each of them waited its 3 seconds, no client would wait for all of them. */
  #refuseHung(): void {
    if (this.#options.now() - this.#hungAt >= this.#options.fresh) return;
    throw new StoreError(this.store.number, 'did not answer in time a moment ago.');
  }

  #lateError(): StoreError {
    return new StoreError(this.store.number, 'did not answer in time.');
  }
}

function noteFailure(scope: RequestContext, error: StoreError | CorruptObjectError, store: Store): void {
  scope.trace.failures.push(
    error instanceof CorruptObjectError
      ? `CORRUPT in store ${store.number}: ${error.message}`
      : error.message,
  );
}
