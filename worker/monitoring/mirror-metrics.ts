/** The metrics of one mirror. docs/status.md names them, and docs/reports.md those that `--metrics` has too. */
import { drillMetrics } from '../../core/drill-metrics.ts';
import { one, type Metric, type Sample } from '../../core/prometheus-text.ts';
import { runMetrics } from '../../core/run-metrics.ts';
import type { ImageCounts, MirrorStatus } from './mirror-status.ts';
import type { VisibleState } from './visible-state.ts';

/** A metric whose value is not known has no sample: a zero would be an invention. */
export function mirrorMetrics(
  status: MirrorStatus,
  { lastRun, lastDrill }: Pick<VisibleState, 'lastRun' | 'lastDrill'>,
): readonly Metric[] {
  const { fresh, freshForSeconds, images, upstreams = [], stores = [], clusters = [], unreadable } = status;
  // The history may have a later run than the report.
  const isDone = status.lastRun?.run === lastRun?.run ? status.lastRun?.success : undefined;
  return [
    ...(lastRun === undefined ? [] : runMetrics({ ...lastRun, findings: lastRun.findingCount }, isDone)),
    {
      name: 'lifeboat_run_upstream_failures',
      help: 'Tags, digests and repositories of each upstream that failed in the last run.',
      samples: upstreams.map(({ name: upstream, failures: value }) => ({ labels: { upstream }, value })),
    },
    {
      name: 'lifeboat_last_success_timestamp_seconds',
      help: 'When the last run ended that did everything and had no finding.',
      samples: time(status.lastSuccess),
    },
    {
      name: 'lifeboat_fresh',
      help: '1 if the last run ended within lifeboat_fresh_bound_seconds, else 0.',
      samples: one(fresh ? 1 : 0),
    },
    {
      name: 'lifeboat_fresh_bound_seconds',
      help: 'How old the end of the last run may be, by the rhythm of the last runs.',
      samples: one(freshForSeconds),
    },
    ...(images === undefined ? [] : imageMetrics(images)),
    {
      name: 'lifeboat_store_in_step',
      help: '1 if a store had all that the first one has when the last run ended, else 0.',
      samples: stores.map(({ name: store, state }) => ({
        labels: { store },
        value: state === 'in step' ? 1 : 0,
      })),
    },
    {
      name: 'lifeboat_cluster_observed_timestamp_seconds',
      help: 'When somebody last looked at what a cluster runs.',
      samples: clusters.map(({ name: cluster, observed }) => ({
        labels: { cluster },
        value: secondsOf(observed),
      })),
    },
    {
      name: 'lifeboat_cluster_images',
      help: 'Images on the list of what a cluster runs.',
      samples: clusters.map(({ name: cluster, images: value }) => ({ labels: { cluster }, value })),
    },
    ...(lastDrill?.sums === undefined ? [] : drillMetrics({ ...lastDrill, sums: lastDrill.sums })),
    {
      name: 'lifeboat_unreadable_objects',
      help: 'Objects of the state that the edge cannot read; the metrics made from them are missing.',
      samples: one(unreadable.length),
    },
  ];
}

function imageMetrics({ repositories, tags, pins, held, gone, ...checks }: ImageCounts): Metric[] {
  return [
    { name: 'lifeboat_repositories', help: 'Repositories of the mirror.', samples: one(repositories) },
    { name: 'lifeboat_tags', help: 'Tags that can be pulled.', samples: one(tags) },
    { name: 'lifeboat_pins', help: 'Digests that are kept without a tag.', samples: one(pins) },
    { name: 'lifeboat_tags_held', help: 'Tags that do not follow upstream.', samples: one(held) },
    { name: 'lifeboat_tags_gone', help: 'Tags that upstream has no more.', samples: one(gone) },
    {
      name: 'lifeboat_repositories_unchecked',
      help: 'Repositories that no run has compared with upstream without a failure.',
      samples: one(checks.unchecked),
    },
    {
      name: 'lifeboat_oldest_check_timestamp_seconds',
      help: 'The oldest of the times at which each repository was last compared with upstream.',
      samples: time(checks.oldestCheck),
    },
  ];
}

function time(at: string | undefined): Sample[] {
  return at === undefined ? [] : one(secondsOf(at));
}

/** Since 1970. */
function secondsOf(at: string): number {
  return Date.parse(at) / 1000;
}
