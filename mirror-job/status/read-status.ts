/** Reads where a mirror stands: the overview and the last runs, and for tags one object for each repository. */
import { descriptionKey, PRUNE_KEY, stateKey } from '../../core/layout.ts';
import { decodeOverview, type Overview, type RepositoryLine } from '../../core/overview.ts';
import type { Repository } from '../../core/reference.ts';
import { decodeDescription, type RepositoryDescription } from '../../core/repository-description.ts';
import { decodeRuns } from '../../core/run-history.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { LastRunReport } from '../drill/last-run.ts';
import { addUnlisted } from '../in-use/unlisted-images.ts';
import type { Log } from '../engine/runtime.ts';
import { decodeOrWarn } from '../engine/store/decode-object.ts';
import { decodePruneState, underWayIn, type PruneUnderWay } from '../engine/store/prune-state.ts';
import type { Store } from '../engine/store/store.ts';
import { createLimit } from '../engine/support/limit.ts';
import {
  alarmsOf,
  isOlderThan,
  type ItemFailure,
  type MirrorStatus,
  type RepositoryStatus,
  type TagStates,
} from './mirror-status.ts';

/** Descriptions that are read at once. One may have megabytes. */
const READS = 8;

export interface StatusQuestion {
  readonly now: Date;
  readonly staleAfterMs: number;
  /** The repositories that the question is about; none for all. A filter that means no repository is an alarm. */
  readonly filters: readonly {
    readonly name: string;
    readonly matches: (repository: Repository) => boolean;
  }[];
  /** Which of these are shown. The others count for the alarms alone. */
  readonly isShown: (repository: RepositoryStatus) => boolean;
  /** Whether the tags of the shown repositories are read. */
  readonly withTags: boolean;
}

interface Reading {
  readonly store: Store;
  readonly log: Log;
  readonly configuration: Configuration;
}

/** @returns undefined if no run has written an overview that can be read. @throws {StoreError} */
export async function readStatus(
  reading: Reading,
  question: StatusQuestion,
): Promise<MirrorStatus | undefined> {
  const { store, log, configuration } = reading;
  const { name } = configuration;
  const { staleAfterMs, now, filters } = question;
  const [overview, runs, pruning, listed] = await Promise.all([
    readOverview(reading),
    read(reading, stateKey(name, 'runs.json'), decodeRuns),
    readPruning(reading),
    listedRepositories(reading, now),
  ]);
  if (overview === undefined) return undefined;
  const at = now.toISOString();
  const all = withUnmirrored(overview.repositories, listed);
  const named = all
    .map((line): RepositoryStatus => {
      const isListed = listed.has(line.name);
      const isStale = isListed && isOlderThan(line.checked, staleAfterMs, at);
      return Object.assign({}, line, { isListed, isStale });
    })
    .filter(({ name: one }) => filters.length === 0 || filters.some(({ matches }) => matches(one)));
  const idle = filters.filter(({ matches }) => !all.some(({ name: one }) => matches(one)));
  const repositories = named.filter(question.isShown);
  const chosen = new Map<string, Repository>(repositories.map(({ name: one }) => [one, one]));
  const held = overview.held.filter(({ repository }) => chosen.has(repository));
  const lastRun = runs?.[0];
  const hasFailed = lastRun !== undefined && lastRun.counts.failed + lastRun.counts.skipped > 0;
  const failures = hasFailed ? (await LastRunReport.read(store, name)).failures : [];
  return {
    name,
    at,
    staleAfterMs,
    lastRun,
    pruning,
    alarms: [
      ...idle.map((filter) => `the mirror has no repository that --repository ${filter.name} means`),
      ...alarmsOf({ lastRun, at, staleAfterMs }, named),
    ],
    repositoryCount: all.length,
    repositories,
    held,
    heldCount: repositories.reduce((sum, line) => sum + line.held, 0),
    clusters: overview.clusters,
    failures: failures.flatMap(({ repository, reference, reason, says }): ItemFailure[] => {
      const known = chosen.get(repository);
      const result = reason === 'skipped' ? reason : 'failed';
      return known === undefined ? [] : [{ repository: known, reference, result, says }];
    }),
    images: question.withTags ? await readTags({ store, log, configuration }, repositories) : undefined,
  };
}

function readOverview(reading: Reading): Promise<Overview | undefined> {
  return read(reading, stateKey(reading.configuration.name, 'overview.json'), decodeOverview);
}

async function readPruning({ store, log }: Reading): Promise<PruneUnderWay | undefined> {
  const stored = await store.get(PRUNE_KEY);
  if (stored === undefined) return undefined;
  const hint = 'Nothing is pruned as long as it cannot be read.';
  return underWayIn(decodeOrWarn(log, hint, () => decodePruneState(stored.bytes)));
}

async function read<Value>(
  { store, log }: Pick<Reading, 'store' | 'log'>,
  key: string,
  decode: (key: string, bytes: Uint8Array) => Value,
): Promise<Value | undefined> {
  const stored = await store.get(key);
  if (stored === undefined) return undefined;
  return decodeOrWarn(log, 'The next run writes it anew.', () => decode(key, stored.bytes));
}

/** The repositories that runs look at. A repository that was mirrored once and is not listed any more cannot become stale. */
async function listedRepositories(
  { store, log, configuration }: Reading,
  now: Date,
): Promise<ReadonlySet<Repository>> {
  const isWhole = configuration.inUse.length + configuration.onDemand.length === 0;
  const unlisted = isWhole ? undefined : await addUnlisted(store, configuration, now);
  for (const warning of unlisted?.warnings ?? []) log.warn(warning);
  const { images } = unlisted?.configuration ?? configuration;
  return new Set(images.map(({ repository }) => repository));
}

function withUnmirrored(
  lines: readonly RepositoryLine[],
  listed: ReadonlySet<Repository>,
): readonly RepositoryLine[] {
  const known = new Set(lines.map(({ name }) => name));
  const missing = [...listed].filter((name) => !known.has(name));
  return [...lines, ...missing.map((name) => ({ name, tags: 0, pins: 0, held: 0, gone: 0 }))].toSorted(
    (one, other) => (one.name < other.name ? -1 : 1),
  );
}

async function readTags(reading: Reading, repositories: readonly RepositoryStatus[]): Promise<TagStates> {
  const { name } = reading.configuration;
  const inTurn = createLimit(READS);
  const described = await Promise.all(
    repositories
      .filter(({ tags, pins }) => tags + pins > 0)
      .map((line) =>
        inTurn(async () => ({
          line,
          description: await read(reading, descriptionKey(name, line.name), decodeDescription),
        })),
      ),
  );
  return {
    tags: described.flatMap(({ line, description }) =>
      (description?.tags ?? []).map((tag) => Object.assign({ repository: line.name }, tag)),
    ),
    pins: described.flatMap(({ line, description }) =>
      (description?.pins ?? []).map((pin) => Object.assign({ repository: line.name }, pin)),
    ),
    undescribed: described.flatMap(({ line, description }) => undescribedOf(line, description)),
  };
}

function undescribedOf(
  { name, tags }: RepositoryStatus,
  description: RepositoryDescription | undefined,
): TagStates['undescribed'] {
  const missing = (description?.tagCount ?? tags) - (description?.tags.length ?? 0);
  return missing > 0 ? [{ repository: name, tags: missing }] : [];
}
