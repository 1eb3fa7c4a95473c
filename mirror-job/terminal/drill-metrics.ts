/** Writes a drill as metrics. An alert decides who is woken up. */
import type { Drill } from '../../cluster/drill/drill.ts';
import { summaryOf } from '../../cluster/drill/summary.ts';
import { sumsByNamespace, unnamedUses } from '../../cluster/drill/workloads.ts';
import { drillMetrics } from '../../core/drill-metrics.ts';
import { formatUpstream, upstreamOf } from '../../core/reference.ts';
import { formatMetric, one, type Metric } from '../../core/prometheus-text.ts';

/** @param exitCode of the command, whose 0 is a success */
export function formatDrillMetrics(drill: Drill, exitCode: number): string {
  const metrics: readonly Metric[] = [
    ...drillMetrics(summaryOf(drill, exitCode)),
    ...namespaceMetrics(drill),
    ...accessMetrics(drill),
    ...lastRunMetrics(drill),
  ];
  return metrics.map((metric) => formatMetric(drill.mirror, metric)).join('');
}

function namespaceMetrics({ results }: Drill): readonly Metric[] {
  const sums = sumsByNamespace(results).map(({ cluster, namespace = '', ...sum }) => ({
    labels: { cluster, namespace },
    sum,
  }));
  return [
    {
      name: 'lifeboat_drill_namespace_images',
      help: 'Images that a namespace uses, by what would happen without their upstreams.',
      samples: sums.flatMap(({ labels, sum }) =>
        Object.entries(sum.outcomes).map(([outcome, value]) => ({ labels: { ...labels, outcome }, value })),
      ),
    },
    {
      name: 'lifeboat_drill_namespace_lost_workloads',
      help: 'Workloads of a namespace that could not start on a node that lacks their images.',
      samples: sums.map(({ labels, sum }) => ({ labels, value: sum.workloads.lost })),
    },
    {
      name: 'lifeboat_drill_unnamed_uses',
      help: 'Uses of images that the lists count and do not name, which the metrics of namespaces therefore lack.',
      samples: one(unnamedUses(results).uses),
    },
  ];
}

/** An edge that was not asked, and an audience that is not known, have no sample. */
function accessMetrics({ edge, edgeFailure, access: { audience }, results }: Drill): readonly Metric[] {
  const withLogin = results.flatMap(({ login, image }) =>
    login === undefined ? [] : [{ login, upstream: formatUpstream(upstreamOf(image.reference.repository)) }],
  );
  const logins = Map.groupBy(withLogin, ({ login, upstream }) => `${upstream} ${login}`);
  return [
    {
      name: 'lifeboat_drill_edge_asked',
      help: '1 if the edge answered and let the drill in, else 0.',
      samples: edge === undefined ? [] : one(edgeFailure === undefined ? 1 : 0),
    },
    {
      name: 'lifeboat_drill_needs_token',
      help: '1 if the bucket is for holders of a token, 0 if it is for everybody.',
      samples: typeof audience === 'string' ? one(audience === 'token' ? 1 : 0) : [],
    },
    {
      name: 'lifeboat_drill_login_images',
      help: 'Images whose upstream is known to want a login, by its kind.',
      samples: [...logins.values()].flatMap(([labels, ...others]) =>
        labels === undefined ? [] : [{ labels, value: others.length + 1 }],
      ),
    },
  ];
}

/** A fact that the report of the last run lacks has no sample. */
function lastRunMetrics({ lastRun }: Drill): readonly Metric[] {
  const { isSuccess, failed } = 'ended' in lastRun ? lastRun : {};
  return [
    {
      name: 'lifeboat_drill_last_run_success',
      help: '1 if the last run of the job succeeded, else 0.',
      samples: isSuccess === undefined ? [] : one(isSuccess ? 1 : 0),
    },
    {
      name: 'lifeboat_drill_last_run_failed_images',
      help: 'Tags and digests that the last run of the job could not mirror.',
      samples: failed === undefined ? [] : one(failed),
    },
  ];
}
