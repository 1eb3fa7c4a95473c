/** Sums a drill up for those who may know its numbers and not its images: pages and metrics. */
import type { DrillSummary } from '../../core/last-drill.ts';
import { isComplete, lossReasonsOf, sumOf, sumsByUpstream, type Drill } from './drill.ts';
import { isLost, LOSS_REASONS } from './judge.ts';

/** @param exitCode of the command, whose 0 is a success */
export function summaryOf(drill: Drill, exitCode: number): DrillSummary {
  const { at, isByDigestOnly, edge, edgeFailure, chosen, lists, results } = drill;
  const { images, pulled, lost } = sumOf(results);
  const reasons: ReadonlyMap<string, number> = lossReasonsOf(results);
  const lostResults = results.filter(({ verdict }) => isLost(verdict.outcome));
  const repositories = Map.groupBy(lostResults, ({ image }) => image.reference.repository);
  return {
    at,
    sums: {
      success: exitCode === 0,
      complete: isComplete(drill),
      digestsOnly: isByDigestOnly,
      live: edge !== undefined && edgeFailure === undefined,
      chosen,
      images,
      pulled,
      lost,
      clusters: lists.map(({ cluster: name, observed }) => ({ name, observed })),
      clusterCount: lists.length,
      upstreams: sumsByUpstream(results).map(({ upstream, ...sum }) => ({
        name: upstream,
        pulled: sum.pulled,
        outcomes: sum.outcomes,
      })),
      reasons: Object.entries(LOSS_REASONS).map(([reason, says]) => ({
        reason,
        says,
        images: reasons.get(reason) ?? 0,
      })),
    },
    lost: [...repositories].map(([repository, own]) => ({ repository, images: own.length })),
  };
}
