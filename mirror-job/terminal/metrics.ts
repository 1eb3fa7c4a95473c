/**
 * Writes a run as metrics, for the textfile collector of Prometheus' node exporter. An alert decides who is woken up,
 * and every mirror needs the alert "no run has succeeded for six hours".
 */
import type { RunReport } from '../engine/report.ts';
import { formatMetric, one, type Metric } from './prometheus-text.ts';

/**
 * @param mirror the configuration's name
 * @param isDone whether the run exits with 0
 */
export function formatMetrics(mirror: string, report: RunReport, isDone: boolean): string {
  const { begun, ended, counts, findings, blobs, manifests, bytes, upstreams } = report;
  const metrics: Metric[] = [
    {
      name: 'lifeboat_run_end_timestamp_seconds',
      help: 'When the last run ended.',
      samples: one(Date.parse(ended) / 1000),
    },
    {
      name: 'lifeboat_run_duration_seconds',
      help: 'How long the last run took.',
      samples: one((Date.parse(ended) - Date.parse(begun)) / 1000),
    },
    {
      name: 'lifeboat_run_success',
      help: '1 if everything was done and there is no finding, else 0.',
      samples: one(isDone ? 1 : 0),
    },
    {
      name: 'lifeboat_run_images',
      help: 'Tags and digests, by their result.',
      samples: Object.entries(counts).map(([result, value]) => ({ labels: { result }, value })),
    },
    {
      name: 'lifeboat_run_findings',
      help: 'Findings: nothing failed, but somebody has to look at them; the report lists them.',
      samples: one(findings.length),
    },
    {
      name: 'lifeboat_run_blobs',
      help: 'Blobs that were copied, and blobs that were already present.',
      samples: [
        { labels: { result: 'copied' }, value: blobs.copied },
        { labels: { result: 'present' }, value: blobs.present },
      ],
    },
    {
      name: 'lifeboat_run_manifests_copied',
      help: 'Manifests that were copied.',
      samples: one(manifests.copied),
    },
    {
      name: 'lifeboat_run_upstream_requests',
      help: 'Requests that were sent to each upstream, repeats included.',
      samples: upstreams.flatMap(({ name: upstream, requests }) =>
        Object.entries(requests).map(([kind, value]) => ({ labels: { upstream, kind }, value })),
      ),
    },
    {
      name: 'lifeboat_upstream_quota_remaining',
      help: 'Manifest GETs that an upstream still grants, if it says so.',
      samples: upstreams.flatMap(({ name: upstream, quotas }) =>
        // Some upstreams do not name the owner of a quota, and no two samples may have the same labels.
        quotas.map(({ account, source = '', remaining }) => ({
          labels: { upstream, account: String(account), source },
          value: remaining,
        })),
      ),
    },
    { name: 'lifeboat_run_read_bytes', help: 'Bytes of blobs that upstreams sent.', samples: one(bytes) },
  ];
  return metrics.map((metric) => formatMetric(mirror, metric)).join('');
}
