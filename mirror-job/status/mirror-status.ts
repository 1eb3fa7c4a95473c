/** The state of a mirror, by what its last run has written into the bucket. No upstream is asked. */
import type { ClusterLine, HeldLine, RepositoryLine } from '../../core/overview.ts';
import { formatReference, type Repository } from '../../core/reference.ts';
import type { DescribedManifest, DescribedTag } from '../../core/repository-description.ts';
import type { RunSummary } from '../../core/run-history.ts';
import type { PruneUnderWay } from '../engine/store/prune-state.ts';

/** A repository of the bucket, or one that is listed and not mirrored yet. */
export interface RepositoryStatus extends RepositoryLine {
  /** Whether runs look at it: the configuration lists it, a cluster uses it, or it was demanded. */
  readonly isListed: boolean;
  /** Whether it is listed, and no run has looked at all of it for too long. */
  readonly isStale: boolean;
}

export interface TagState extends DescribedTag {
  readonly repository: Repository;
}

export interface PinState extends DescribedManifest {
  readonly repository: Repository;
}

/** The tags of some repositories. */
export interface TagStates {
  /** By repository, and the newest version first. */
  readonly tags: readonly TagState[];
  readonly pins: readonly PinState[];
  /** How many tags no run has described yet; only repositories that have such tags. */
  readonly undescribed: readonly { readonly repository: Repository; readonly tags: number }[];
}

/** An image that the last run did not mirror. */
export interface ItemFailure {
  readonly repository: Repository;
  /** Undefined if all of the repository failed. */
  readonly reference?: string | undefined;
  readonly result: 'failed' | 'skipped';
  /** A clause. */
  readonly says: string;
}

export interface MirrorStatus {
  /** The configuration's. */
  readonly name: string;
  /** When the bucket was read. ISO 8601, UTC. */
  readonly at: string;
  readonly staleAfterMs: number;
  /** Undefined if the bucket has no history of runs. */
  readonly lastRun?: RunSummary | undefined;
  /** Clauses: what is stale, and that the last run did not succeed; none if all is well. */
  readonly alarms: readonly string[];
  /** The number of repositories of the whole mirror, also those that are not shown. */
  readonly repositoryCount: number;
  /** A plan of `lifeboat prune` that was applied and has not come to its end; undefined if there is none. */
  readonly pruning?: PruneUnderWay | undefined;
  /** Sorted by name. */
  readonly repositories: readonly RepositoryStatus[];
  /** Oldest first. */
  readonly held: readonly HeldLine[];
  /** Also those that the list has no room for. */
  readonly heldCount: number;
  readonly clusters: readonly ClusterLine[];
  /** Of the last run. */
  readonly failures: readonly ItemFailure[];
  /** Undefined if they were not asked for. */
  readonly images?: TagStates | undefined;
}

/** @param time undefined for never. Both in ISO 8601, UTC */
export function isOlderThan(time: string | undefined, milliseconds: number, now: string): boolean {
  return time === undefined || Date.parse(now) - Date.parse(time) > milliseconds;
}

/** @returns the alarms: clauses, none if all is well */
export function alarmsOf(
  { lastRun, staleAfterMs, at }: Pick<MirrorStatus, 'lastRun' | 'staleAfterMs' | 'at'>,
  repositories: readonly RepositoryStatus[],
): readonly string[] {
  const stale = repositories.filter(({ isStale }) => isStale);
  return [
    ...(lastRun === undefined ? ['no run has written its summary yet'] : []),
    ...(lastRun !== undefined && isOlderThan(lastRun.ended, staleAfterMs, at)
      ? ['the last run ended too long ago']
      : []),
    ...(lastRun === undefined || lastRun.exitCode === 0 ? [] : ['the last run did not succeed']),
    ...(stale.length === 0 ? [] : [staleText(stale)]),
  ];
}

function staleText(stale: readonly RepositoryStatus[]): string {
  const [first] = stale;
  const rest = stale.length - 1;
  const name =
    first === undefined ? '' : formatReference({ repository: first.name, tag: undefined, digest: undefined });
  const which = `${name}${rest > 0 ? ` and ${rest} more` : ''} ${rest > 0 ? 'have' : 'has'}`;
  if (stale.every(({ checked }) => checked === undefined)) return `${which} never been checked`;
  return `${which} not been checked for too long`;
}
