/** The metrics of a drill, by the same names in what `lifeboat drill --metrics` writes and in the edge's `/metrics` (docs/clusters.md). */
import type { DrillSummary } from './last-drill.ts';
import { one, type Metric } from './prometheus-text.ts';

export function drillMetrics({ at, sums }: Pick<DrillSummary, 'at' | 'sums'>): Metric[] {
  const { success, complete, upstreams, reasons, clusters } = sums;
  return [
    {
      name: 'lifeboat_drill_timestamp_seconds',
      help: 'When the last drill was made.',
      samples: one(Date.parse(at) / 1000),
    },
    {
      name: 'lifeboat_drill_success',
      help: '1 if everything was looked at and the requirement is met, else 0.',
      samples: one(success ? 1 : 0),
    },
    {
      name: 'lifeboat_drill_complete',
      help: '1 if every list and every image could be looked at, else 0.',
      samples: one(complete ? 1 : 0),
    },
    {
      name: 'lifeboat_drill_images',
      help: 'Images that clusters run, by their upstream and by what would happen without it.',
      samples: upstreams.flatMap(({ name: upstream, outcomes }) =>
        Object.entries(outcomes).map(([outcome, value]) => ({ labels: { upstream, outcome }, value })),
      ),
    },
    {
      name: 'lifeboat_drill_pulled_images',
      help: 'Images that would still be pulled, by their upstream.',
      samples: upstreams.map(({ name: upstream, pulled: value }) => ({ labels: { upstream }, value })),
    },
    {
      name: 'lifeboat_drill_lost_images',
      help: 'Images that would be lost, by the reason.',
      samples: reasons.map(({ reason, images: value }) => ({ labels: { reason }, value })),
    },
    {
      name: 'lifeboat_drill_list_timestamp_seconds',
      help: 'When each cluster was looked at.',
      samples: clusters.map(({ name: cluster, observed }) => ({
        labels: { cluster },
        value: Date.parse(observed) / 1000,
      })),
    },
  ];
}
