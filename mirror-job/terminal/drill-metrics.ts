/** Writes a drill as metrics. An alert decides who is woken up. */
import { isComplete, sumsByUpstream, type Drill } from '../../cluster/drill/drill.ts';
import { formatMetric, one, type Metric } from './prometheus-text.ts';

/** @param exitCode of the command, whose 0 is a success */
export function formatDrillMetrics(drill: Drill, exitCode: number): string {
  const sums = sumsByUpstream(drill.results);
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
