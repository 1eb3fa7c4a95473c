/**
 * Deletes what is condemned and still unneeded, in two sweeps: first all that leads to blobs, and a day later the blobs, when
 * no edge remembers any more what led to them. A later call goes on wherever one has ended.
 * docs/decisions/0174-two-sweeps-and-a-fence.md
 */
import { kindOfKey } from '../../../core/key-kind.ts';
import { BLOBS, PRUNE_LISTS, pruneListsPrefix } from '../../../core/layout.ts';
import type { Repository } from '../../../core/reference.ts';
import type { Clock } from '../runtime.ts';
import { SWEEP_DEAD_MS, asCondemned, type Condemnation, type SweepStage } from '../store/prune-state.ts';
import { StoreError, type ListedObject, type PrunableStore } from '../store/store.ts';
import { allOrThrow } from '../support/all-or-throw.ts';
import { withRetries } from '../support/retry.ts';
import { PruneRefusedError } from './condemn.ts';
import { readCondemned, stageOf } from './condemned-keys.ts';
import { deleteNames } from './delete-names.ts';
import type { DoomedNames } from './doomed-names.ts';
import { markBucket } from './mark-bucket.ts';
import { movePruneState, readPruneState } from './prune-state-object.ts';
import type { PolicyOf } from './repository-policy.ts';
import { MIN_GRACE_MS } from './retention.ts';
import { SweepTerm, SweepYieldedError } from './sweep-term.ts';
import { findWriters, type Writers } from './writers.ts';

/** How many objects are deleted side by side, between two looks at the term. */
const AT_ONCE = 16;
const ATTEMPTS = 4;
const DELAY_MS = 250;
const UPLOAD_ABANDONED_MS = 24 * 3_600_000;

export interface SweepOptions {
  readonly store: PrunableStore;
  readonly clock: Clock;
  /** Aborted when the process has to stop. What was not deleted yet is left for the next call. */
  readonly signal: AbortSignal;
  /**
   * Reads what must stay. It is called once the state says that a sweep is under way, so that whatever was published before
   * counts: a writer that comes later waits.
   */
  readonly readPolicy: () => Promise<PolicyOf>;
  /** The configuration's name. */
  readonly name: string;
  /** Names this process. It is unique. */
  readonly sweeper: string;
}

/** Another process is at work. A later call goes on. */
export class SweepUnderWayError extends PruneRefusedError {
  override readonly name: string = 'SweepUnderWayError';
}

export interface Swept {
  readonly objects: number;
  /** Bytes. */
  readonly bytes: number;
}

export type SweepResult =
  | { readonly kind: 'nothing' }
  /** The grace is not over. @param until ISO 8601, UTC */
  | { readonly kind: 'waits'; readonly stage: SweepStage; readonly until: string }
  /** Runs are at work: what was not deleted yet is left for the next call. */
  | ({ readonly kind: 'yielded'; readonly writers: Writers['live'] } & Swept)
  /** @param until when the second sweep may begin. ISO 8601, UTC */
  | ({ readonly kind: 'names deleted'; readonly rescued: readonly string[]; readonly until: string } & Swept)
  | ({ readonly kind: 'done'; readonly rescued: readonly string[]; readonly uploads: number } & Swept);

/**
 * Goes on with the condemnation of a bucket. Nothing is deleted before all of the bucket was marked again.
 * @throws {PruneRefusedError}, {IncompleteImageError}, {BucketObjectInvalidError} and {StoreError}
 */
export async function sweep(options: SweepOptions): Promise<SweepResult> {
  const { store, clock, name } = options;
  const held = await readPruneState(store);
  const { state } = held;
  if (state === undefined || state.phase === 'idle') return { kind: 'nothing' };
  if (state.configuration !== name) {
    throw new PruneRefusedError(
      `${store.name}: the plan that was applied follows the retention of the configuration "${state.configuration}". Go on with that one.`,
    );
  }
  const now = clock.now();
  if (state.phase === 'sweeping' && Date.parse(state.until) + SWEEP_DEAD_MS > now.getTime()) {
    const dead = new Date(Date.parse(state.until) + SWEEP_DEAD_MS).toISOString();
    throw new SweepUnderWayError(
      `${store.name}: another process is sweeping, or was killed while it did. Wait for its end, or until ${dead}.`,
    );
  }
  if (Date.parse(state.after) > now.getTime())
    return { kind: 'waits', stage: state.stage, until: state.after };
  const condemned = await readCondemned(store, state);
  const counted = { objects: 0, bytes: 0 };
  let term: SweepTerm;
  try {
    term = await SweepTerm.begin(options, state, held);
  } catch (error) {
    if (!(error instanceof SweepYieldedError)) throw error;
    await releaseAfterRefusal(store, state);
    return { kind: 'yielded', writers: error.writers, ...counted };
  }
  try {
    return await new Sweep(options, state, condemned, term, counted).run();
  } catch (error) {
    // The term may be lost, and then it is somebody else's.
    await term.end().catch(() => undefined);
    if (!(error instanceof SweepYieldedError)) throw error;
    return { kind: 'yielded', writers: error.writers, ...counted };
  }
}

/** Gives the state back that `SweepTerm.begin` has written before it found a run. */
async function releaseAfterRefusal(store: PrunableStore, condemnation: Condemnation): Promise<void> {
  const held = await readPruneState(store);
  if (held.state?.phase !== 'sweeping' || held.state.generation !== condemnation.generation) return;
  await movePruneState(store, held, asCondemned(condemnation));
}

class Sweep {
  readonly #options: SweepOptions;
  readonly #state: Condemnation;
  readonly #condemned: ReadonlySet<string>;
  readonly #term: SweepTerm;
  readonly #counted: { objects: number; bytes: number };
  readonly #sizes = new Map<string, number>();

  constructor(
    options: SweepOptions,
    state: Condemnation,
    condemned: ReadonlySet<string>,
    term: SweepTerm,
    counted: { objects: number; bytes: number },
  ) {
    this.#options = options;
    this.#state = state;
    this.#condemned = condemned;
    this.#term = term;
    this.#counted = counted;
  }

  async run(): Promise<SweepResult> {
    const { stage } = this.#state;
    const { repositories, doomed, rescued } = await this.#mark();
    return stage === 'names' ? this.#sweepNames(repositories, rescued) : this.#sweepBytes(doomed, rescued);
  }

  /** Marks all of the bucket again: what may go now is what was condemned, belongs to this sweep, and is still unneeded. */
  async #mark() {
    const { store, clock, readPolicy } = this.#options;
    const policyOf = await readPolicy();
    const mayGo = (key: string): boolean => this.#condemned.has(key) && stageOf(key) === this.#state.stage;
    const seen = new Set<string>();
    const entries = async function* (prefix: string): AsyncGenerator<ListedObject> {
      for await (const object of store.entries(prefix)) {
        if (mayGo(object.key)) seen.add(object.key);
        yield object;
      }
    };
    const doomed: string[] = [];
    const repositories: DoomedNames[] = [];
    await markBucket(
      {
        store: { name: store.name, get: (key) => store.get(key), entries },
        policyOf,
        now: clock.now(),
        mayGo,
        onProgress: () => this.#term.check(),
      },
      {
        repository: (repository: Repository, { unneeded, dropped, isEmpty }) => {
          const keys = new Set(unneeded.map(({ key }) => key));
          for (const { key, size } of unneeded) this.#sizes.set(key, size);
          doomed.push(...keys);
          if (keys.size > 0) repositories.push({ repository, keys, dropped, isEmpty });
        },
        blob: ({ key, size }) => {
          this.#sizes.set(key, size);
          doomed.push(key);
        },
      },
    );
    for (const key of doomed) seen.delete(key);
    return { doomed, repositories, rescued: [...seen].toSorted() };
  }

  async #sweepNames(repositories: readonly DoomedNames[], rescued: readonly string[]): Promise<SweepResult> {
    const { store, name, clock } = this.#options;
    for (const one of repositories) {
      await deleteNames(one, {
        store,
        name,
        deleteAll: (keys) => this.#deleteAll(keys),
        check: () => this.#term.check(),
      });
    }
    const until = new Date(clock.now().getTime() + MIN_GRACE_MS).toISOString();
    const next = asCondemned({ ...this.#state, stage: 'bytes', after: until });
    await this.#term.end(next);
    return { kind: 'names deleted', rescued, until, ...this.#counted };
  }

  async #sweepBytes(doomed: readonly string[], rescued: readonly string[]): Promise<SweepResult> {
    const { clock } = this.#options;
    const own = pruneListsPrefix(this.#state.generation);
    // A link says that the blob is stored, so it goes first.
    await this.#deleteAll(doomed.filter(isLink));
    await this.#deleteAll(doomed.filter((key) => !isLink(key)));
    const uploads = await this.#abortUploads();
    await this.#clear((key) => !key.startsWith(own));
    await this.#term.end({ phase: 'idle', ended: clock.now().toISOString() });
    await this.#clear((key) => key.startsWith(own));
    return { kind: 'done', rescued, uploads, ...this.#counted };
  }

  async #deleteAll(keys: readonly string[]): Promise<void> {
    for (let at = 0; at < keys.length; at += AT_ONCE) {
      this.#options.signal.throwIfAborted();
      await this.#term.check();
      await allOrThrow(
        keys.slice(at, at + AT_ONCE).map(async (key) => {
          await this.#delete(key);
          this.#counted.objects += 1;
          this.#counted.bytes += this.#sizes.get(key) ?? 0;
        }),
      );
    }
  }

  /** The store repeats no deletion, because each attempt has to be within the term. */
  #delete(key: string): Promise<void> {
    const { store, clock, signal } = this.#options;
    return withRetries(() => store.delete(key), {
      attempts: ATTEMPTS,
      isRetryable: (error) => error instanceof StoreError,
      pause: async (attempt) => {
        await clock.sleep(DELAY_MS * 2 ** attempt, signal);
        await this.#term.check();
      },
    });
  }

  /** Frees what uploads have left that nobody can be working on any more. */
  async #abortUploads(): Promise<number> {
    const { store, clock } = this.#options;
    let count = 0;
    for (const upload of await store.openUploads(BLOBS)) {
      if (clock.now().getTime() - upload.begun.getTime() <= UPLOAD_ABANDONED_MS) continue;
      await this.#term.check();
      await upload.abort();
      count += 1;
    }
    return count;
  }

  /**
   * Deletes lists of condemned keys, and the notes of runs that have ended. Lists that came to nothing go while nobody else can
   * condemn anything, and the own ones last, because a sweep that dies before its end needs them.
   */
  async #clear(isWanted: (key: string) => boolean): Promise<void> {
    const { store, clock } = this.#options;
    const { ended } = await findWriters(store, clock.now());
    for (const key of ended) await store.delete(key);
    for await (const { key } of store.entries(PRUNE_LISTS)) if (isWanted(key)) await store.delete(key);
  }
}

function isLink(key: string): boolean {
  return kindOfKey(key)?.kind === 'link';
}
