/** A run's report, its catalogue and its overview, reduced from the results of its repositories. Pure. */
import type { OverviewChange } from '../../../core/overview.ts';
import type { Repository } from '../../../core/reference.ts';
import { sumCounts, type Finding, type RunReport, type StoreReport } from '../report.ts';
import type { UpstreamReport } from '../source.ts';
import { sumCopied, type CopyCounts } from '../tally.ts';
import type { RepositoryResult } from './mirror-repository.ts';

/** The facts of a run that no repository's result has. */
export interface RunFacts extends Pick<RunReport, 'run' | 'begun' | 'ended' | 'interrupted'> {
  readonly upstreams: readonly UpstreamReport[];
  /** Undefined where only one store is filled. */
  readonly stores: readonly StoreReport[] | undefined;
  /** The findings in lists and in stores, from before any repository was looked at. */
  readonly earlierFindings: readonly Finding[];
  readonly scrub: { readonly findings: readonly Finding[]; readonly copied: CopyCounts };
}

export function reportOf(
  results: readonly RepositoryResult[],
  { run, begun, ended, interrupted, upstreams, stores, earlierFindings, scrub }: RunFacts,
): RunReport {
  return {
    run,
    begun,
    ended,
    counts: sumCounts(results.map(({ counts }) => counts)),
    ...sumCopied([...results.map(({ copied }) => copied), scrub.copied]),
    interrupted,
    upstreams,
    ...(stores !== undefined && { stores }),
    items: results.flatMap(({ items }) => items),
    findings: [...earlierFindings, ...results.flatMap(({ findings }) => findings), ...scrub.findings],
  };
}

/** @returns the repositories that the catalogue names */
export function servedOf(results: readonly RepositoryResult[]): Repository[] {
  return results.flatMap(({ repository, isServed }) => (isServed ? [repository] : []));
}

/** @returns the lines of the overview about these repositories */
export function linesOf(
  results: readonly Pick<RepositoryResult, 'overview'>[],
): Pick<OverviewChange, 'repositories' | 'held'> {
  const overviews = results.flatMap(({ overview }) => overview ?? []);
  return {
    repositories: overviews.map(({ line }) => line),
    held: overviews.flatMap(({ held }) => held),
  };
}
