/** Summarises a run for the history of runs. Pure. */
import type { Repository } from '../../../core/reference.ts';
import type { RunSummary } from '../../../core/run-history.ts';
import { exitCodeOf, type ItemReport, type RunReport } from '../report.ts';

/** @param upstreamOf the name of the upstream that a repository is mirrored from; undefined for one without, such as a layout */
export function summaryOf(
  report: RunReport,
  upstreamOf: (repository: Repository) => string | undefined,
): RunSummary {
  const { run, begun, ended, counts, blobs, manifests, bytes, findings, interrupted } = report;
  const failures = failuresOf(report.items, upstreamOf);
  return {
    run,
    begun,
    ended,
    exitCode: exitCodeOf(report),
    counts,
    blobs: blobs.copied,
    manifests: manifests.copied,
    bytes,
    findings: findings.length,
    interrupted,
    upstreams: report.upstreams.map(({ name, requests }) => ({
      name,
      requests: Object.values(requests).reduce((sum, count) => sum + count, 0),
      failures: failures.get(name) ?? 0,
    })),
  };
}

function failuresOf(
  items: readonly ItemReport[],
  upstreamOf: (repository: Repository) => string | undefined,
): ReadonlyMap<string, number> {
  const failures = new Map<string, number>();
  for (const { repository, outcome } of items) {
    const name = outcome.result === 'failed' ? upstreamOf(repository) : undefined;
    if (name !== undefined) failures.set(name, (failures.get(name) ?? 0) + 1);
  }
  return failures;
}
