/** Writes a drill as metrics. An alert decides who is woken up. */
import { isComplete, lossReasonsOf, sumsByUpstream, type Drill } from '../../cluster/drill/drill.ts';
import { LOSS_REASONS } from '../../cluster/drill/judge.ts';
import { sumsByNamespace, unnamedUses } from '../../cluster/drill/workloads.ts';
import { formatUpstream, upstreamOf } from '../../core/reference.ts';
import { formatMetric, one, type Metric } from '../../core/prometheus-text.ts';

/** @param exitCode of the command, whose 0 is a success */
export function formatDrillMetrics(drill: Drill, exitCode: number): string {
  const sums = sumsByUpstream(drill.results);
  const reasons: ReadonlyMap<string, number> = lossReasonsOf(drill.results);
  const metrics: Metric[] = [
    {
      name: 'lifeboat_drill_timestamp_seconds',
      help: 'When the last drill was made.',
      samples: one(Date.parse(drill.at) / 1000),
    },
    {
      name: 'lifeboat_drill_success',
      help: '1 if everything was looked at and the requirement is met, else 0.',
      samples: one(exitCode === 0 ? 1 : 0),
    },
    {
      name: 'lifeboat_drill_complete',
      help: '1 if every list and every image could be looked at, else 0.',
      samples: one(isComplete(drill) ? 1 : 0),
    },
    {
      name: 'lifeboat_drill_images',
      help: 'Images that clusters run, by their upstream and by what would happen without it.',
      samples: sums.flatMap(({ upstream, outcomes }) =>
        Object.entries(outcomes).map(([outcome, value]) => ({ labels: { upstream, outcome }, value })),
      ),
    },
    {
      name: 'lifeboat_drill_pulled_images',
      help: 'Images that would still be pulled, by their upstream.',
      samples: sums.map(({ upstream, pulled }) => ({ labels: { upstream }, value: pulled })),
    },
    {
      name: 'lifeboat_drill_lost_images',
      help: 'Images that would be lost, by the reason.',
      samples: Object.keys(LOSS_REASONS).map((reason) => ({
        labels: { reason },
        value: reasons.get(reason) ?? 0,
      })),
    },
    ...namespaceMetrics(drill),
    ...accessMetrics(drill),
    ...lastRunMetrics(drill),
    {
      name: 'lifeboat_drill_list_timestamp_seconds',
      help: 'When each cluster was looked at.',
      samples: drill.lists.map(({ cluster, observed }) => ({
        labels: { cluster },
        value: Date.parse(observed) / 1000,
      })),
    },
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
