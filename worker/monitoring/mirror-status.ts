/** The state of one mirror, as `/status.json` has it, and as metrics are made from it. docs/status.md has every field. */
import { freshForMs } from '../../core/freshness.ts';
import type { FailedItem, LastRun, LastRunStore, QuotaLeft } from '../../core/last-run.ts';
import type { ClusterLine, Overview } from '../../core/overview.ts';
import type { RunSummary } from '../../core/run-history.ts';
import type { VisibleDrill, VisibleState } from './visible-state.ts';

/** The times and the success of the last run. */
interface RunStatus {
  readonly run: string;
  readonly begun: string;
  readonly ended: string;
  /** Whether its exit code was 0; undefined if the history of runs does not have it. */
  readonly success?: boolean;
}

/** The numbers of the last run, of all repositories. */
type RunNumbers = Pick<RunSummary, 'interrupted' | 'counts' | 'blobs' | 'manifests' | 'bytes' | 'findings'>;

export interface UpstreamStatus {
  readonly name: string;
  /** Of all kinds, repeats included. */
  readonly requests: number;
  readonly failures: number;
  readonly quotas: readonly QuotaLeft[];
  readonly exhausted?: string;
}

/** Sums over the repositories that the caller may read. */
export interface ImageCounts {
  readonly repositories: number;
  readonly tags: number;
  readonly pins: number;
  /** Of the tags. */
  readonly held: number;
  readonly gone: number;
  /** How many repositories no run has checked without a failure. */
  readonly unchecked: number;
  /** The oldest of the times at which each was last checked; undefined if none was. ISO 8601, UTC. */
  readonly oldestCheck?: string;
}

export interface MirrorStatus {
  readonly mirror: string;
  readonly fresh: boolean;
  readonly freshForSeconds: number;
  readonly lastRun?: RunStatus & Partial<RunNumbers>;
  /** When the last run ended whose exit code was 0; undefined if none of those in the history did. */
  readonly lastSuccess?: string;
  readonly images?: ImageCounts;
  readonly upstreams?: readonly UpstreamStatus[];
  /** Those of the last run, the first ones of each registry. */
  readonly failures: readonly FailedItem[];
  readonly stores?: readonly LastRunStore[];
  readonly clusters?: readonly ClusterLine[];
  /** The last drill that was published. */
  readonly lastDrill?: VisibleDrill;
  readonly unreadable: readonly string[];
}

export function mirrorStatus(state: VisibleState, nowMs: number): MirrorStatus {
  const { mirror, runs = [], lastRun, overview, lastDrill, isPartial, unreadable } = state;
  const latest = latestOf(runs, lastRun);
  const success = runs.find(({ run }) => run === latest?.run);
  const boundMs = freshForMs(runs);
  return {
    mirror,
    fresh: latest !== undefined && nowMs - Date.parse(latest.ended) <= boundMs,
    freshForSeconds: Math.round(boundMs / 1000),
    ...(latest !== undefined && {
      lastRun: {
        run: latest.run,
        begun: latest.begun,
        ended: latest.ended,
        ...(success !== undefined && { success: success.exitCode === 0 }),
        ...(!isPartial && numbersOf(latest)),
      },
    }),
    ...lastSuccessOf(runs),
    ...(overview !== undefined && { images: imagesOf(overview) }),
    failures: lastRun?.failures ?? [],
    ...(!isPartial && {
      upstreams: upstreamsOf(latest, lastRun),
      stores: lastRun?.stores ?? [],
      clusters: overview?.clusters ?? [],
    }),
    ...(lastDrill !== undefined && { lastDrill }),
    unreadable,
  };
}

type Latest = RunStatus & RunNumbers & Pick<RunSummary, 'upstreams'>;

/** The report of a run whose summary could not be written is later than the history. */
function latestOf(runs: readonly RunSummary[], lastRun: LastRun | undefined): Latest | undefined {
  const [newest] = runs;
  if (lastRun === undefined || (newest !== undefined && newest.ended >= lastRun.ended)) return newest;
  const { blobs, manifests, findingCount: findings } = lastRun;
  return { ...lastRun, blobs: blobs.copied, manifests: manifests.copied, findings, upstreams: [] };
}

function numbersOf({ interrupted, counts, blobs, manifests, bytes, findings }: Latest): RunNumbers {
  return { interrupted, counts, blobs, manifests, bytes, findings };
}

function lastSuccessOf(runs: readonly RunSummary[]): Pick<MirrorStatus, 'lastSuccess'> {
  const success = runs.find(({ exitCode }) => exitCode === 0);
  return success === undefined ? {} : { lastSuccess: success.ended };
}

function imagesOf({ repositories }: Overview): ImageCounts {
  const sums = { repositories: 0, tags: 0, pins: 0, held: 0, gone: 0, unchecked: 0 };
  let oldestCheck: string | undefined;
  for (const { tags, pins, held, gone, checked } of repositories) {
    sums.repositories += 1;
    sums.tags += tags;
    sums.pins += pins;
    sums.held += held;
    sums.gone += gone;
    if (checked === undefined) sums.unchecked += 1;
    else if (oldestCheck === undefined || checked < oldestCheck) oldestCheck = checked;
  }
  return { ...sums, ...(oldestCheck !== undefined && { oldestCheck }) };
}

/** Joins how many failed, which the history has, with the quotas, which the report has. Sorted by name. */
function upstreamsOf(latest: Latest | undefined, lastRun: LastRun | undefined): readonly UpstreamStatus[] {
  const joined = new Map<string, UpstreamStatus>();
  for (const { name, requests, quotas, exhausted } of lastRun?.upstreams ?? []) {
    const sum = Object.values(requests).reduce((total, count) => total + count, 0);
    joined.set(name, {
      name,
      requests: sum,
      failures: 0,
      quotas,
      ...(exhausted !== undefined && { exhausted }),
    });
  }
  for (const { name, requests, failures } of latest?.upstreams ?? []) {
    joined.set(name, { quotas: [], ...joined.get(name), name, requests, failures });
  }
  return [...joined.values()].toSorted((one, other) => (one.name < other.name ? -1 : 1));
}
