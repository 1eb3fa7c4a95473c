/**
 * Cuts the state of a mirror to what the caller may know, for `/`, `/status`, `/status.json` and `/metrics` alike. A token that may
 * read everything sees all of it. docs/decisions/0192-what-a-public-edge-names.md
 */
import type { DrillSummary } from '../../core/last-drill.ts';
import type { LastRun, LastRunStore, LastRunUpstream } from '../../core/last-run.ts';
import { formatUpstream, upstreamOf } from '../../core/reference.ts';
import type { MirrorState } from '../cache/page-objects.ts';
import { mayRead, mayReadAll, type Token } from '../configuration/token.ts';

export interface VisibleState extends Omit<MirrorState, 'lastDrill'> {
  /** Whether a token sees some repositories alone. Then no number of the whole mirror is for it. */
  readonly isPartial: boolean;
  /** How many failures and findings of the last run are not in its lists. */
  readonly unseen: number;
  readonly lastDrill?: VisibleDrill | undefined;
}

export type VisibleDrill = Pick<DrillSummary, 'at' | 'lost'> & Partial<Pick<DrillSummary, 'sums'>>;

/** The name of a bucket in sentences of the job, with its address. */
const BUCKET = /(bucket) "[^"]*"(?: \(prefix "[^"]*"\))? at (?:AWS, )?\S+/g;

/** @param token undefined where everybody may read everything */
export function visibleState(state: MirrorState, token: Token | undefined): VisibleState {
  const { runs, lastRun, overview, lastDrill } = state;
  const isPublic = token === undefined;
  const isPartial = !isPublic && !mayReadAll(token);
  const repositories = overview?.repositories.filter(({ name }) => isPublic || mayRead(token, name)) ?? [];
  // A public mirror refuses a repository that upstream does not show to everybody. That is a failure, and the name of such a
  // repository is not for everybody either. It has no line in the overview, because nothing of it was mirrored.
  const listed = new Set<string>(repositories.map(({ name }) => name));
  const sees = (name: string): boolean => (isPublic ? listed.has(name) : mayRead(token, name));
  const registries = new Set(repositories.map(({ name }) => formatUpstream(upstreamOf(name))));
  const isSeen = (upstream: string): boolean => !isPublic || registries.has(upstream);
  const seen = <Named extends { readonly name: string }>(upstreams: readonly Named[]): readonly Named[] =>
    upstreams.filter(({ name }) => isSeen(name));
  // The clusters of the overview come first, so that a cluster of a drill has the same number.
  const clusters = [...(overview?.clusters ?? []), ...(lastDrill?.sums.clusters ?? [])];
  const names = [...new Set(clusters.map(({ name }) => name))].filter((name) => name !== '');
  const named = <Named extends { readonly name: string }>(all: readonly Named[]): readonly Named[] =>
    // A list that was made of files has no name.
    all.map((one) =>
      isPublic && one.name !== '' ? changed(one, { name: `cluster ${names.indexOf(one.name) + 1}` }) : one,
    );
  return {
    ...state,
    runs: runs?.map((run) => changed(run, { upstreams: seen(run.upstreams) })),
    ...cutRun(lastRun, { isPublic, isPartial, sees, seen }),
    overview: overview && { ...overview, repositories, clusters: named(overview.clusters) },
    isPartial,
    lastDrill: lastDrill && {
      at: lastDrill.at,
      ...(!isPartial && {
        sums: {
          ...lastDrill.sums,
          chosen: lastDrill.sums.chosen.map((name) => (isSeen(name) ? name : 'one that is not listed')),
          clusters: named(lastDrill.sums.clusters),
          upstreams: seen(lastDrill.sums.upstreams),
        },
      }),
      lost: lastDrill.lost.filter(({ repository }) => sees(repository)),
    },
  };
}

function changed<Whole, Change>(whole: Whole, change: Change): Whole & Change {
  return { ...whole, ...change };
}

interface Sight {
  readonly isPublic: boolean;
  readonly isPartial: boolean;
  readonly sees: (repository: string) => boolean;
  readonly seen: <Named extends { readonly name: string }>(upstreams: readonly Named[]) => readonly Named[];
}

function cutRun(
  lastRun: LastRun | undefined,
  { isPublic, isPartial, sees, seen }: Sight,
): Pick<VisibleState, 'lastRun' | 'unseen'> {
  if (lastRun === undefined) return { lastRun, unseen: 0 };
  const text = (sentence: string): string => (isPublic ? sentence.replaceAll(BUCKET, '$1') : sentence);
  const failures = lastRun.failures
    .filter(({ repository }) => sees(repository))
    .map((item) => changed(item, { error: text(item.error) }));
  // A finding without a repository is about a cluster.
  const findings = lastRun.findings
    .filter(({ repository }) => (repository === undefined ? !isPublic && !isPartial : sees(repository)))
    .map((finding) => changed(finding, { message: text(finding.message) }));
  return {
    lastRun: {
      ...lastRun,
      failures,
      findings,
      upstreams: isPublic ? seen(lastRun.upstreams).map(withoutSources) : lastRun.upstreams,
      stores: isPublic ? lastRun.stores.map(numbered) : lastRun.stores,
    },
    unseen: isPartial ? 0 : lastRun.counts.failed - failures.length + lastRun.findingCount - findings.length,
  };
}

/** Docker Hub names the job's address as the source of a quota. */
function withoutSources(upstream: LastRunUpstream): LastRunUpstream {
  return { ...upstream, quotas: upstream.quotas.map(({ source: _source, ...quota }) => quota) };
}

/** A store's name is its address, and a reason may have it too. */
function numbered({ name: _name, reason: _reason, ...store }: LastRunStore, index: number): LastRunStore {
  return { name: `store ${index + 1}`, ...store };
}
