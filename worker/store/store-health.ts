/**
 * One store, and what the edge knows of it: whether it is up, and which bucket it is. A store is down when it does not
 * answer for lifeboat.json. A failure for another key says nothing about the store: otherwise one object that a store
 * refuses would take the store out for as long as clients ask for that object.
 */
import type { Audience, Identity } from '../../core/identity.ts';
import type { Clock } from '../isolate/edge-runtime.ts';
import { CONFIRMATION_MS } from '../isolate/limits.ts';
import type { RequestContext } from '../isolate/request-context.ts';
import { SingleFlight } from '../isolate/single-flight.ts';
import { cachedId, readIdentity } from './bucket-identity.ts';
import { CorruptObjectError } from './corrupt-object-error.ts';
import { StoreError, type Store } from './store.ts';
import { withinTime } from './time-limit.ts';
import { watchedStore } from './watched-store.ts';

/** The least time for a body once there is room for it, even if the next store then has less than its 3 seconds. */
const MIN_BODY_MS = 1000;

/** Does work that is not the store's, such as a wait for room. The store's time limits do not count it. */
export type PauseTimer = <R>(work: () => Promise<R>) => Promise<R>;

/** Reads something from a store. */
export type Read<T> = (store: Store, signal: AbortSignal, pauseTimer: PauseTimer) => Promise<T>;

export interface StoreHealthOptions extends Clock {
  readonly audience: Audience;
  /** How long a store counts as live after an answer. */
  readonly freshMs: number;
  /** The longest time to the first byte of one store's answer. */
  readonly storeMs: number;
  /** How long a request waits for another one that makes the same check. */
  readonly joinMs: number;
  /** The keys of the catalogues, which the job writes last when it fills a bucket. */
  readonly catalogKeys: readonly string[];
  /** Remembers identities beyond this isolate. */
  readonly identities: IdentityCache;
  /** Called when a store turns out to be another bucket than before, so that nothing cached is true any more. */
  readonly onReplaced: () => void;
}

export interface IdentityCache {
  get(location: string): Promise<Uint8Array | undefined>;
  put(location: string, identity: Uint8Array<ArrayBuffer>): Promise<void>;
}

/** The result of the last contact with a store. */
export interface StoreState {
  readonly store: number;
  readonly last: 'answered' | 'failed' | 'never asked';
  readonly secondsAgo?: number;
}

export class StoreHealth {
  readonly store: Store;
  readonly #options: StoreHealthOptions;
  /** Requests that come together read lifeboat.json once for each time limit. */
  readonly #checks: SingleFlight<void>;
  /** The identity that the store itself gave in this isolate. */
  #identity: Identity | undefined;
  /** The id that another isolate learnt. It is good for finding cached objects, but not for reading the store. */
  #recalledId: string | undefined;
  #isRecalled = false;
  #isDown = false;
  /** -Infinity for never. */
  #answeredAtMs = -Infinity;
  /** Whether it had a catalogue when it was last asked for one. */
  #isFilled = false;
  #filledCheckedAtMs = -Infinity;
  #triedAtMs = -Infinity;
  /** When a client last waited for this store until the time was up; -Infinity since it answered. */
  #timedOutAtMs = -Infinity;
  /** How often it has answered. Times cannot show an answer, because a Worker's clock stands still between two events. */
  #answerCount = 0;

  constructor(store: Store, options: StoreHealthOptions) {
    this.store = store;
    this.#options = options;
    const { now, startTimer, joinMs } = options;
    this.#checks = new SingleFlight({ now, startTimer, patienceMs: joinMs });
  }

  /** Whether it did not answer the last read of lifeboat.json. */
  get isDown(): boolean {
    return this.#isDown;
  }

  /** Whether it answered within the last `freshMs`. */
  get isFresh(): boolean {
    return !this.#isDown && this.#options.now() - this.#answeredAtMs < this.#options.freshMs;
  }

  /** Whether no request has tried it, or timed out on it, within the last `freshMs`. */
  get isDueForCheck(): boolean {
    const { now, freshMs } = this.#options;
    return now() - Math.max(this.#triedAtMs, this.#timedOutAtMs) >= freshMs;
  }

  /** The id of its bucket; undefined while it is not known. */
  get id(): string | undefined {
    return this.#identity?.id ?? this.#recalledId;
  }

  get state(): StoreState {
    const { number } = this.store;
    const at = this.#isDown ? this.#triedAtMs : this.#answeredAtMs;
    if (at === -Infinity) return { store: number, last: 'never asked' };
    const secondsAgo = Math.floor((this.#options.now() - at) / 1000);
    return { store: number, last: this.#isDown ? 'failed' : 'answered', secondsAgo };
  }

  /** Learns the id of its bucket from another isolate, through the data centre's cache. */
  async recallId(): Promise<void> {
    const { location } = this.store;
    if (location === undefined || this.#identity !== undefined || this.#isRecalled) return;
    const bytes = await this.#options.identities.get(location);
    // Set only now: a request that comes during the wait has to look too, or it would find nothing in the cache.
    this.#isRecalled = true;
    if (bytes !== undefined) this.#recalledId = cachedId(bytes, this.#options.audience);
  }

  /**
   * Whether it answered within the last `freshMs`, or answers now.
   * @throws {ConfigurationError} for a bucket of another audience
   */
  async isLive(context: RequestContext): Promise<boolean> {
    if (this.isFresh) return true;
    try {
      await this.#check(context);
      return true;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      noteFailure(context, error, this.store);
      // It may have answered another request meanwhile.
      return this.isFresh;
    }
  }

  /**
   * Reads one object. If that fails, and the store has not answered any request meanwhile, its lifeboat.json is read.
   * @param reserveMs how much of the remaining time the next store needs
   * @param read may take 3 seconds to the first byte; a body that has begun may go on
   * @throws {StoreError | CorruptObjectError} which is in the trace already
   * @throws {ConfigurationError} for a bucket of another audience
   */
  async read<T>(context: RequestContext, reserveMs: number, read: Read<T>): Promise<T> {
    const answersBefore = this.#answerCount;
    try {
      return await this.#readOnce(context, reserveMs, read);
    } catch (error) {
      const isOfStore = error instanceof StoreError;
      if (!isOfStore && !(error instanceof CorruptObjectError)) throw error;
      noteFailure(context, error, this.store);
      if (isOfStore && !this.#isDown && this.#answerCount === answersBefore) await this.#confirm(context);
      throw error;
    }
  }

  /**
   * Whether the job has filled it to the end, so that an object that it lacks is absent. A bucket that was emptied, or that is
   * being filled from another one, has no catalogue.
   */
  async isFilled(context: RequestContext): Promise<boolean> {
    const { now, freshMs, storeMs } = this.#options;
    if (now() - this.#filledCheckedAtMs >= freshMs) {
      await this.#checks.run(context, 'filled', async () => {
        this.#isFilled = await this.read(context, storeMs, (store, signal) =>
          this.#hasCatalog(store, signal),
        );
        this.#filledCheckedAtMs = now();
      });
    }
    return this.#isFilled;
  }

  async #hasCatalog(store: Store, signal: AbortSignal): Promise<boolean> {
    for (const key of this.#options.catalogKeys) {
      const object = await store.get(key, { range: { start: 0, end: 0 }, signal });
      await object?.body.cancel();
      if (object !== undefined) return true;
    }
    return false;
  }

  async #readOnce<T>(context: RequestContext, reserveMs: number, read: Read<T>): Promise<T> {
    const { storeMs, now, startTimer } = this.#options;
    this.#refuseAfterTimeout();
    const firstByteBy = Math.min(now() + storeMs, context.deadlineMs);
    if (this.#isDown || this.#identity === undefined) await this.#check(context);
    const startedAtMs = now();
    this.#triedAtMs = startedAtMs;
    try {
      return await withinTime(
        firstByteBy - startedAtMs,
        startTimer,
        (signal, restart) => {
          context.trace.reads += 1;
          const bodyBy = Math.max(firstByteBy, context.deadlineMs - reserveMs);
          const onAnswer = () => {
            this.#noteAnswer();
            restart(bodyBy - now());
          };
          const pauseTimer: PauseTimer = async (work) => {
            restart(Infinity);
            const result = await work();
            restart(Math.min(Math.max(bodyBy - now(), MIN_BODY_MS), context.deadlineMs - now()));
            return result;
          };
          return read(watchedStore(this.store, onAnswer), signal, pauseTimer);
        },
        () => this.#lateError(),
      );
    } finally {
      context.trace.storeMs += now() - startedAtMs;
    }
  }

  /** Finds out whether the store is down, after it failed for one key. */
  async #confirm(context: RequestContext): Promise<void> {
    if (this.#options.now() >= context.deadlineMs) return;
    try {
      await this.#check(context, CONFIRMATION_MS);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      noteFailure(context, error, this.store);
    }
  }

  /**
   * Reads lifeboat.json, which alone says whether the store is up.
   * @param limitMs how long the store has. Requests with the same limit share a read, so that sharing lengthens no limit
   * @throws {StoreError} when the store is down, or does not answer within the limit or before the request's deadline
   * @throws {ConfigurationError} for a bucket of another audience
   */
  async #check(context: RequestContext, limitMs = this.#options.storeMs): Promise<void> {
    this.#refuseAfterTimeout();
    const { now, startTimer } = this.#options;
    const check = () => this.#checks.run(context, String(limitMs), () => this.#checkOnce(context, limitMs));
    const remainingMs = context.deadlineMs - now();
    if (remainingMs >= limitMs) return check();
    // The check goes on without this request: a shorter time says nothing of the store, and other requests may share it.
    return withinTime(remainingMs, startTimer, check, () => this.#lateError());
  }

  async #checkOnce(context: RequestContext, limitMs: number): Promise<void> {
    const { now, startTimer } = this.#options;
    const answersBefore = this.#answerCount;
    const startedAtMs = now();
    this.#triedAtMs = startedAtMs;
    let isLate = false;
    const lateError = () => {
      isLate = true;
      return this.#lateError();
    };
    try {
      await withinTime(limitMs, startTimer, (signal) => this.#identify(context, signal), lateError);
      this.#isDown = false;
    } catch (error) {
      // A store that has answered another request meanwhile is up, and lifeboat.json is one slow object.
      const isUp = isLate && this.#answerCount !== answersBefore;
      if (error instanceof StoreError && !isUp) {
        this.#isDown = true;
        if (isLate) this.#timedOutAtMs = now();
      }
      throw error;
    } finally {
      context.trace.storeMs += now() - startedAtMs;
    }
  }

  async #identify(context: RequestContext, signal: AbortSignal): Promise<void> {
    const { audience, identities, onReplaced } = this.#options;
    context.trace.reads += 1;
    const { identity, bytes } = await readIdentity(this.store, audience, signal);
    const idBefore = this.id;
    if (this.#identity === undefined && this.store.location !== undefined) {
      context.waitUntil(identities.put(this.store.location, bytes));
    }
    this.#identity = identity;
    this.#noteAnswer();
    if (idBefore !== undefined && idBefore !== identity.id) onReplaced();
  }

  #noteAnswer(): void {
    this.#answeredAtMs = this.#options.now();
    this.#answerCount += 1;
    this.#timedOutAtMs = -Infinity;
  }

  /** A pull is many requests. If each of them waited 3 seconds, no client would wait for all of them. */
  #refuseAfterTimeout(): void {
    if (this.#options.now() - this.#timedOutAtMs >= this.#options.freshMs) return;
    throw new StoreError(this.store.number, 'did not answer in time a moment ago.');
  }

  #lateError(): StoreError {
    return new StoreError(this.store.number, 'did not answer in time.');
  }
}

function noteFailure(context: RequestContext, error: StoreError | CorruptObjectError, store: Store): void {
  context.trace.failures.push(
    error instanceof CorruptObjectError
      ? `CORRUPT in store ${store.number}: ${error.message}`
      : error.message,
  );
}
