/**
 * Knows which repositories a sweep of a prune may have left half-way. A sweep takes names off lists before it deletes them, which
 * looks like damage, and a repair would put them back. docs/decisions/0205-a-check-beside-a-sweep.md
 */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import { kindOfKey } from '../../../core/key-kind.ts';
import { PRUNE_KEY } from '../../../core/layout.ts';
import type { Repository } from '../../../core/reference.ts';
import { stageOf } from '../maintenance/condemned-keys.ts';
import { readPruneState } from '../maintenance/prune-state-object.ts';
import type { Clock } from '../runtime.ts';
import type { PruneState } from '../store/prune-state.ts';
import type { Store } from '../store/store.ts';
import { readCondemnedBy } from './condemned-here.ts';
import type { Problem, ProblemKind } from './problem.ts';

/** Derived objects alone differ half-way. Whatever else is wrong is damage, also while a sweep is left. */
const HALF_WAY: ReadonlySet<ProblemKind> = new Set(['tag-list-stale', 'index-stale', 'description-stale']);

export class UnfinishedSweep {
  /** The keys that a prune takes away; a sentence if they are not known. */
  readonly condemned: ReadonlySet<string> | string;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #state: PruneState | undefined;
  /** Undefined for all, because the lists of condemned keys cannot be read. */
  readonly #repositories: ReadonlySet<Repository> | undefined;
  readonly #unreadable: string | undefined;
  #hidden = 0;

  private constructor(
    clock: Pick<Clock, 'now'>,
    state: PruneState | undefined,
    condemned: ReadonlySet<string> | string,
    unreadable: string | undefined,
  ) {
    this.condemned = condemned;
    this.#clock = clock;
    this.#state = state;
    this.#repositories = typeof condemned === 'string' ? undefined : repositoriesOf(condemned);
    this.#unreadable = unreadable;
  }

  /** Costs one read, unless something is condemned. @throws {StoreError} */
  static async read(store: Pick<Store, 'name' | 'get'>, clock: Pick<Clock, 'now'>): Promise<UnfinishedSweep> {
    let state: PruneState | undefined;
    try {
      ({ state } = await readPruneState(store));
    } catch (error) {
      if (!(error instanceof BucketObjectInvalidError)) throw error;
      const sentence = `${PRUNE_KEY} cannot be read: ${error.reason} Nothing is pruned until somebody gives up what it was about: "lifeboat prune --cancel"`;
      return new UnfinishedSweep(clock, undefined, sentence, sentence);
    }
    if (state === undefined || state.phase === 'idle') {
      return new UnfinishedSweep(clock, undefined, new Set(), undefined);
    }
    return new UnfinishedSweep(clock, state, await readCondemnedBy(store, state), undefined);
  }

  /** Whether a part of the repository's names may be gone by now. */
  has(repository: Repository | undefined): boolean {
    if (repository === undefined || !this.#mayHaveBegun()) return false;
    return this.#repositories?.has(repository) ?? true;
  }

  /** Whether a problem may be the half of a sweep, so that nobody may repair it. */
  explains({ kind, repository }: Problem): boolean {
    if (!HALF_WAY.has(kind) || !this.has(repository)) return false;
    this.#hidden += 1;
    return true;
  }

  /** @returns a sentence, if something could not be judged because of it; undefined otherwise */
  get sentence(): string | undefined {
    const state = this.#state;
    if (state === undefined || state.phase === 'idle') return this.#unreadable;
    if (this.#hidden === 0 && (state.phase !== 'sweeping' || state.stage !== 'names')) return undefined;
    return `a sweep of "lifeboat prune" for a plan that was applied at ${state.condemned} is at work, or has ended half-way. Lists and indexes of its repositories are judged, and repaired, once it has come to its end: "lifeboat prune --continue". If that fails, give it up and check again: "lifeboat prune --cancel"`;
  }

  #mayHaveBegun(): boolean {
    const state = this.#state;
    if (state === undefined || state.phase === 'idle' || state.stage !== 'names') return false;
    // A sweep that could not go on, or a run that took over from one, leaves the state as it was before.
    return state.phase === 'sweeping' || Date.parse(state.after) <= this.#clock.now().getTime();
  }
}

/** @returns the repositories of which names go */
function repositoriesOf(condemned: ReadonlySet<string>): ReadonlySet<Repository> {
  const repositories = new Set<Repository>();
  for (const key of condemned) {
    const kind = kindOfKey(key);
    if (kind !== undefined && 'repository' in kind && stageOf(key) === 'names') {
      repositories.add(kind.repository);
    }
  }
  return repositories;
}
