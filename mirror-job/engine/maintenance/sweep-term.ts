/**
 * The right of one process to delete, for a few minutes at a time. It ends when a run wants to begin, because mirroring goes
 * before pruning.
 */
import type { Clock } from '../runtime.ts';
import { asCondemned, withoutPhase, type Condemnation, type PruneState } from '../store/prune-state.ts';
import { StoreError, type PrunableStore } from '../store/store.ts';
import { movePruneState, type HeldState } from './prune-state-object.ts';
import { findWriters, type Writers } from './writers.ts';

/** The time for which a sweep may delete after it has written the state. */
export const TERM_MS = 10 * 60_000;
/** Far from the end of the term, so that no request of an earlier look is on its way when it ends. */
const RENEW_MS = 3 * 60_000;
const LOOK_MS = 20_000;
/** How far the clock may go back between two looks. With the interval of renewals it is less than a term. */
const MAX_SET_BACK_MS = 60_000;

/** A run is at work, or wants to begin, so the sweep has stopped. A later call goes on. */
export class SweepYieldedError extends Error {
  override readonly name = 'SweepYieldedError';
  readonly writers: Writers['live'];

  constructor(writers: Writers['live']) {
    super('A run is at work.');
    this.writers = writers;
  }
}

export interface TermOptions {
  readonly store: PrunableStore;
  readonly clock: Pick<Clock, 'now'>;
  /** Names this process. It is unique. */
  readonly sweeper: string;
}

export class SweepTerm {
  readonly #options: TermOptions;
  readonly #condemnation: Condemnation;
  #held: HeldState;
  #hasEnded = false;
  #begun: string | undefined;
  #writtenMs = 0;
  #lookedMs = 0;

  private constructor(options: TermOptions, condemnation: Condemnation, held: HeldState) {
    this.#options = options;
    this.#condemnation = condemnation;
    this.#held = held;
  }

  /**
   * Says that a sweep begins, and only then looks for runs: a run that begins later sees the sweep, and waits.
   * @throws {SweepYieldedError} if a run is at work, {PruneContendedError} and {StoreError}
   */
  static async begin(options: TermOptions, condemnation: Condemnation, held: HeldState): Promise<SweepTerm> {
    const term = new SweepTerm(options, condemnation, held);
    await term.#write();
    await term.#look();
    return term;
  }

  /** Called before each few deletions. @throws as `begin` */
  async check(): Promise<void> {
    const { clock, store } = this.#options;
    const nowMs = clock.now().getTime();
    if (nowMs + MAX_SET_BACK_MS < Math.max(this.#writtenMs, this.#lookedMs)) {
      // By this clock the next term would seem to have ended long ago, so a run could take over while this process deletes.
      throw new StoreError(
        `${store.name}: this machine's clock was set back while objects were deleted, so nothing more is deleted. Look whether it is right now, and run "lifeboat prune --continue" again.`,
      );
    }
    if (nowMs - this.#writtenMs >= RENEW_MS) await this.#write();
    if (nowMs - this.#lookedMs >= LOOK_MS) await this.#look();
  }

  /** Ends the term with the state that comes next, unless it has ended. @throws {PruneContendedError} and {StoreError} */
  async end(next: PruneState = asCondemned(this.#condemnation)): Promise<void> {
    if (this.#hasEnded) return;
    this.#held = await movePruneState(this.#options.store, this.#held, next);
    this.#hasEnded = true;
  }

  async #write(): Promise<void> {
    const { store, clock, sweeper } = this.#options;
    const nowMs = clock.now().getTime();
    const until = new Date(nowMs + TERM_MS).toISOString();
    this.#begun ??= new Date(nowMs).toISOString();
    const fields = withoutPhase(this.#condemnation);
    const state: PruneState = { phase: 'sweeping', ...fields, begun: this.#begun, until, sweeper };
    this.#held = await movePruneState(store, this.#held, state);
    this.#writtenMs = nowMs;
  }

  async #look(): Promise<void> {
    const { store, clock } = this.#options;
    const now = clock.now();
    const { live } = await findWriters(store, now);
    if (live.length > 0) throw new SweepYieldedError(live);
    this.#lookedMs = now.getTime();
  }
}
