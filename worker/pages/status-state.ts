/** What the status page shows, cut to what the caller may know. */
import type { LastRun } from '../../core/last-run.ts';
import type { ClusterLine } from '../../core/overview.ts';
import { upstreamOf } from '../../core/reference.ts';
import type { RunSummary } from '../../core/run-history.ts';
import type { EdgeObjects } from '../cache/edge-objects.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { mayReadAll, type Token } from '../configuration/token.ts';
import type { RequestContext } from '../isolate/request-context.ts';
import type { StoreState } from '../store/store-health.ts';
import { readMirror, type ReadableMirror } from './readable-mirror.ts';

export interface StatusState {
  readonly configurations: readonly ConfigurationStatus[];
  readonly stores: readonly StoreState[];
  readonly clusters: readonly ClusterLine[];
}

export interface ConfigurationStatus {
  readonly name: string;
  /** Newest first. */
  readonly runs: readonly RunSummary[];
  /** With the failures and findings of repositories that the caller sees. */
  readonly last: LastRun | undefined;
  /** How many failures and findings are about something that the caller does not see. */
  readonly unseen: number;
}

/** @throws {RegistryError} UNAVAILABLE */
export async function readStatus(
  context: RequestContext,
  objects: EdgeObjects,
  configuration: Pick<Configuration, 'catalogs' | 'audience'>,
  token: Token | undefined,
): Promise<StatusState> {
  const mirror = await readMirror(context, objects, configuration, token);
  const configurations = mirror.configurations.map(({ mirror: name, runs = [], lastRun }) => ({
    name,
    runs,
    ...cut(lastRun, mirror, token !== undefined && !mayReadAll(token)),
  }));
  const clusters = mirror.configurations.flatMap(({ overview }) => overview?.clusters ?? []);
  return { configurations, stores: objects.stores.overview(), clusters };
}

/**
 * A failure may name a repository that the mirror does not serve, because upstream does not show it to everybody. So only
 * those of repositories in the caller's own list are shown, and the upstreams that these are from.
 */
function cut(
  last: LastRun | undefined,
  { repositories }: ReadableMirror,
  isPartial: boolean,
): Pick<ConfigurationStatus, 'last' | 'unseen'> {
  if (last === undefined) return { last, unseen: 0 };
  const seen = new Set<string>(repositories.map(({ name }) => name));
  const registries = new Set<string>(repositories.map(({ name }) => upstreamOf(name)));
  const failures = last.failures.filter(({ repository }) => seen.has(repository));
  const findings = last.findings.filter(({ repository }) => repository !== undefined && seen.has(repository));
  const unseen = last.counts.failed - failures.length + (last.findingCount - findings.length);
  const upstreams = last.upstreams.filter(({ name }) => registries.has(name.replace(':', '_')));
  return { last: { ...last, failures, findings, upstreams }, unseen: isPartial ? 0 : unseen };
}
