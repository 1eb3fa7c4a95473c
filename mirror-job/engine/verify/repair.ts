/** Mends what a check has found in one store, and says of each problem what became of it. */
import type { Digest } from '../../../core/digest.ts';
import type { Repository } from '../../../core/reference.ts';
import type { Environment } from '../environment.ts';
import type { Image } from '../image.ts';
import { StoreError, type ComparableStore } from '../store/store.ts';
import { readCondemnedHere } from './condemned-here.ts';
import { repairCatalog, type CatalogOwner } from './catalog-repair.ts';
import { rebuildDescription, rebuildReferrers, rebuildTagList } from './repair-derived.ts';
import { rebuildIndex } from './index-repair.ts';
import { restoreTag, type TagSources } from './tag-repair.ts';
import type { OpenStore } from './image-restore.ts';
import { FROM_BUCKET, repairObjects, type RepairOutcome } from './repair-objects.ts';
import type { Problem } from './problem.ts';

export interface RepairOptions extends CatalogOwner {
  /** The sources of objects, by repository: other stores first, then upstreams. */
  readonly images: ReadonlyMap<Repository, readonly Image[]>;
  /** The other stores of the mirror. */
  readonly others: readonly ComparableStore[];
  readonly openStore: OpenStore;
}

/** A problem, and the result of its repair. */
export interface Repaired {
  readonly store: string;
  readonly repository?: Repository;
  readonly key: string;
  readonly kind: Problem['kind'];
  readonly message: string;
  readonly result: 'repaired' | 'right' | 'failed' | 'left';
  /** A name: where the right bytes came from. Or a sentence: why there are none. */
  readonly detail: string;
  /** After an index was lost: the digests that pruning may take, because their pins may be lost. */
  readonly unprotected?: readonly Digest[];
}

/**
 * Content first, then tags, then what is derived from them.
 * @param store the same bucket as `environment.store`
 * @throws the signal's reason
 */
export async function repairStore(
  environment: Environment,
  store: ComparableStore,
  problems: readonly Problem[],
  options: RepairOptions,
): Promise<readonly Repaired[]> {
  const outcomes = new Map<Problem, RepairOutcome | 'left'>();
  const attempt = async (problem: Problem, work: () => Promise<RepairOutcome | 'left'>): Promise<void> => {
    environment.signal.throwIfAborted();
    try {
      outcomes.set(problem, await work());
    } catch (error) {
      environment.signal.throwIfAborted();
      if (!(error instanceof StoreError)) throw error;
      outcomes.set(problem, { failure: error.message });
    }
  };
  try {
    const repaired = await repairObjects(environment, store, problems, options.images);
    for (const [problem, outcome] of repaired) outcomes.set(problem, outcome);
  } catch (error) {
    environment.signal.throwIfAborted();
    if (!(error instanceof StoreError)) throw error;
    for (const problem of problems)
      if (problem.object !== undefined) outcomes.set(problem, { failure: error.message });
  }
  const rest = problems.filter((problem) => !outcomes.has(problem));
  const condemned = rest.length === 0 ? new Set<string>() : await readCondemnedHere(environment.store);
  for (const problem of rest.toSorted((one, other) => orderOf(one) - orderOf(other))) {
    await attempt(problem, () => rebuild(environment, store, problem, { ...options, condemned }));
  }
  return problems.map((problem) => describe(store.name, problem, outcomes.get(problem) ?? 'left'));
}

/**
 * Indexes come after the tags that they list, and after the lists of referrers, which their repair reads. Descriptions and
 * catalogues come after indexes.
 */
const ORDER: readonly Problem['kind'][] = [
  'tag-missing',
  'tag-unreadable',
  'tag-list-stale',
  'referrers-stale',
  'index-stale',
];

function orderOf({ kind }: Problem): number {
  const place = ORDER.indexOf(kind);
  return place === -1 ? ORDER.length : place;
}

async function rebuild(
  environment: Environment,
  store: ComparableStore,
  problem: Problem,
  options: RepairOptions & TagSources,
): Promise<RepairOutcome | 'left'> {
  const { kind, repository, tag, digest } = problem;
  if (kind === 'catalog-stale') return repairCatalog(environment, problem, options);
  if (repository === undefined) return 'left';
  switch (kind) {
    case 'tag-missing':
    case 'tag-unreadable':
      if (tag === undefined) return 'left';
      return restoreTag(environment, { repository, tag }, options);
    case 'tag-list-stale':
      await rebuildTagList(environment, repository, options);
      return FROM_BUCKET;
    case 'index-stale':
      return rebuildIndex(environment, store, repository, options);
    case 'referrers-stale':
      if (digest === undefined) return 'left';
      await rebuildReferrers(environment, store, repository, digest);
      return FROM_BUCKET;
    case 'description-stale':
      await rebuildDescription(environment, options.name, repository);
      return FROM_BUCKET;
    default:
      return 'left';
  }
}

/** Nothing of Lifeboat deletes a key that it does not know, and an image that was built wrong stays as it is. */
const LEFT = 'Nothing of Lifeboat may change it. Look at it, and delete it by hand if nobody needs it.';

function describe(
  store: string,
  { repository, key, kind, message }: Problem,
  outcome: RepairOutcome | 'left',
): Repaired {
  const problem = { store, ...(repository !== undefined && { repository }), key, kind, message };
  if (outcome === 'left') return { ...problem, result: 'left', detail: LEFT };
  if (outcome === 'right') return { ...problem, result: 'right', detail: 'It was right by then.' };
  const { unprotected = [] } = outcome;
  const end = { ...problem, ...(unprotected.length > 0 && { unprotected }) };
  return 'from' in outcome
    ? { ...end, result: 'repaired', detail: outcome.from }
    : { ...end, result: 'failed', detail: outcome.failure };
}
