/** Reads what pages, metrics and feeds show. One object that cannot be read does not take the others away. */
import { RegistryError } from '../../core/error.ts';
import type { DrillSummary } from '../../core/last-drill.ts';
import type { LastRun } from '../../core/last-run.ts';
import { descriptionKey, stateKey } from '../../core/layout.ts';
import type { Overview } from '../../core/overview.ts';
import type { Repository } from '../../core/reference.ts';
import type { RepositoryDescription } from '../../core/repository-description.ts';
import type { RunSummary } from '../../core/run-history.ts';
import type { RequestContext } from '../isolate/request-context.ts';
import type { EdgeObjects } from './edge-objects.ts';
import type { Sized } from './page-object-kind.ts';
import type { ReadThroughCache } from './read-through-cache.ts';

/** The state of one configuration of the job. A part that the bucket lacks, or that cannot be read, is undefined. */
export interface MirrorState {
  /** The configuration's name. */
  readonly mirror: string;
  /** Newest first. */
  readonly runs: readonly RunSummary[] | undefined;
  readonly lastRun: LastRun | undefined;
  readonly overview: Overview | undefined;
  /** Left out if nobody asked for it. */
  readonly lastDrill?: DrillSummary | undefined;
  /** The keys of the objects that cannot be read at the moment: they are damaged, or of another release. */
  readonly unreadable: readonly string[];
}

type Caches = Pick<EdgeObjects, 'runs' | 'lastRuns' | 'lastDrills' | 'overviews' | 'descriptions'>;

/**
 * Reads three objects, and the last drill if it is wanted.
 * @throws {RegistryError} UNAVAILABLE when none of the three can be read
 */
export async function readMirrorState(
  context: RequestContext,
  { runs, lastRuns, lastDrills, overviews }: Caches,
  mirror: string,
  withDrill: boolean,
): Promise<MirrorState> {
  const unreadable: string[] = [];
  let failure: RegistryError | undefined;
  const attempt = async <T>(cache: ReadThroughCache<Sized<T>>, key: string): Promise<T | undefined> => {
    try {
      return (await cache.find(context, key))?.value.content;
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      unreadable.push(key);
      failure = error;
      return undefined;
    }
  };
  const drillKey = stateKey(mirror, 'last-drill.json');
  const [history, lastRun, overview, lastDrill] = await Promise.all([
    attempt(runs, stateKey(mirror, 'runs.json')),
    attempt(lastRuns, stateKey(mirror, 'last-run.json')),
    attempt(overviews, stateKey(mirror, 'overview.json')),
    withDrill ? attempt(lastDrills, drillKey) : undefined,
  ]);
  if (failure !== undefined && unreadable.filter((key) => key !== drillKey).length === 3) throw failure;
  return { mirror, runs: history, lastRun, overview, lastDrill, unreadable: unreadable.toSorted() };
}

/**
 * Reads the description of a repository: one object for each configuration.
 * @returns the one that was written last; undefined if no configuration has described the repository
 */
export async function readDescription(
  context: RequestContext,
  { descriptions }: Caches,
  mirrors: readonly string[],
  repository: Repository,
): Promise<RepositoryDescription | undefined> {
  const found = await Promise.all(
    mirrors.map((mirror) => descriptions.find(context, descriptionKey(mirror, repository))),
  );
  return found
    .flatMap((cached) => cached?.value.content ?? [])
    .toSorted((one, other) => (one.written > other.written ? -1 : 1))
    .at(0);
}
