/** The metrics of a run, by the same names in the file that `--metrics` writes and in the edge's `/metrics` (docs/reports.md). */
import type { RequestKinds } from './last-run.ts';
import { one, type Metric } from './prometheus-text.ts';
import type { RunCounts } from './run-history.ts';

/** The values of a run that become its metrics. */
export interface MeasuredRun {
  /** ISO 8601, UTC. */
  readonly begun: string;
  readonly ended: string;
  readonly counts: RunCounts;
  /** How many. */
  readonly findings: number;
  readonly blobs: { readonly copied: number; readonly present: number };
  readonly manifests: { readonly copied: number };
  readonly bytes: number;
  readonly upstreams: readonly {
    readonly name: string;
    readonly requests: RequestKinds;
    readonly quotas: readonly {
      readonly account: number;
      readonly remaining: number;
      readonly source?: string | undefined;
    }[];
  }[];
}

/** @param isDone whether the run exits with 0; undefined if that is not known */
export function runMetrics(run: MeasuredRun, isDone: boolean | undefined): Metric[] {
  const { begun, ended, counts, findings, blobs, manifests, bytes, upstreams } = run;
  return [
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
      samples: isDone === undefined ? [] : one(isDone ? 1 : 0),
    },
    {
      name: 'lifeboat_run_images',
      help: 'Tags and digests, by their result.',
      samples: Object.entries(counts).map(([result, value]) => ({ labels: { result }, value })),
    },
    {
      name: 'lifeboat_run_findings',
      help: 'Findings: nothing failed, but somebody has to look at them; the report lists them.',
      samples: one(findings),
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
}
