/** Runs that are made up: the history of fifty, the report of the last one, and a drill. */
import type { DrillSummary } from '../../core/last-drill.ts';
import { parseRepository, parseTag } from '../../core/reference.ts';
import type { RunSummary } from '../../core/run-history.ts';
import {
  exitCodeOf,
  type Finding,
  type ItemReport,
  type OutcomeCounts,
  type RunReport,
  type StoreReport,
} from '../../mirror-job/engine/report.ts';
import type { UpstreamReport } from '../../mirror-job/engine/source.ts';
import { parseVersion } from '../../mirror-job/engine/selection/selection-version.ts';
import { immutableFinding } from '../../mirror-job/engine/tags/hold-text.ts';
import { HOUR, MINUTE, runIdAt, timeOf, type DemoRepository } from './demo-repository.ts';

/** How long a store has been behind, if one is. */
const BEHIND_MS = 5 * HOUR;

export interface DemoRuns {
  /** The time of the last run's end. Milliseconds since 1970. */
  readonly now: number;
  /** Whether the last run had failures and a finding, and a store is behind. */
  readonly isTroubled: boolean;
  readonly repositories: readonly DemoRepository[];
}

/** Newest first. */
export function demoRuns(demo: DemoRuns): readonly RunSummary[] {
  return Array.from({ length: 50 }, (_, index): RunSummary => {
    const ended = demo.now - index * HOUR;
    const wave = Math.abs(Math.sin(index * 1.7 + 1) * Math.cos(index / 5));
    const begun = ended - 40_000 - wave * 400_000;
    const failed = index === 0 && demo.isTroubled ? 2 : index === 7 || index === 23 ? 3 : 0;
    const interrupted = index === 31;
    const findings = index === 0 ? findingsOf(demo) : [];
    const counts = countsAt(demo, ended, failed);
    const isNew = counts.created + counts.moved > 0;
    return {
      run: runIdAt(begun),
      begun: timeOf(begun),
      ended: timeOf(ended),
      exitCode: exitCodeOf({ counts, findings, interrupted, stores: storesAt(demo, ended) }),
      counts,
      blobs: isNew ? 12 : 0,
      manifests: isNew ? 8 : 0,
      bytes: isNew ? Math.round(40_000_000 + wave * 200_000_000) : 0,
      findings: findings.length,
      interrupted,
      upstreams: UPSTREAMS.map(([name, heads], position) => ({
        name,
        requests: heads + 21,
        failures:
          index === 0 && failed > 0 ? Number(position === 1 || position === 2) : position === 0 ? failed : 0,
      })),
    };
  });
}

/** The tags moved in the runs that their ages say. */
function countsAt({ now, repositories }: DemoRuns, ended: number, failed: number): OutcomeCounts {
  const at = timeOf(ended);
  const entries = repositories.flatMap((one) => one.entries);
  const held = entries.filter((entry) => entry.kind === 'candidate' && entry.firstSeen <= at).length;
  const gone = entries.filter((entry) => entry.kind === 'tag' && (entry.gone ?? '~') <= at).length;
  const all = repositories.flatMap(({ tags }) => tags);
  const fresh = all.filter(({ ageMs }) => now - ageMs > ended - HOUR && now - ageMs <= ended);
  const created = fresh.filter(({ entry: { tag } }) => parseVersion(tag)?.precision === 3).length;
  const moved = fresh.length - created;
  const unchanged = all.length - held - gone - failed - created - moved;
  return { unchanged, created, moved, held, gone, failed, skipped: 0 };
}

const UPSTREAMS: readonly (readonly [string, number])[] = [
  ['docker.io', 61],
  ['ghcr.io', 12],
  ['quay.io', 10],
  ['registry.k8s.io', 2],
];

/** @param last the summary of the same run */
export function demoReport(demo: DemoRuns, last: RunSummary): RunReport {
  const { run, begun, ended, interrupted, counts, bytes } = last;
  return {
    run,
    begun,
    ended,
    interrupted,
    counts,
    blobs: { copied: last.blobs, present: 40 },
    manifests: { copied: last.manifests },
    bytes,
    upstreams: UPSTREAMS.map(([name, heads]): UpstreamReport => {
      const quota = { account: 1, remaining: 176, limit: 200, seconds: 21_600, source: undefined };
      return {
        name,
        requests: { heads, manifestGets: 6, blobGets: 12, lists: 3 },
        quotas: name === 'docker.io' ? [quota] : [],
        exhausted: undefined,
      };
    }),
    items: [...demo.repositories.flatMap(({ items }) => items), ...(demo.isTroubled ? FAILED : [])],
    findings: findingsOf(demo),
    stores: storesAt(demo, Date.parse(ended)),
  };
}

const FAILED: readonly ItemReport[] = [
  {
    repository: parseRepository('quay.io/cilium/cilium'),
    reference: parseTag('v1.18.4'),
    outcome: {
      result: 'failed',
      error: 'quay.io answered 502 four times for the manifest of v1.18.4. The next run asks again.',
    },
  },
  {
    repository: parseRepository('ghcr.io/acme/secret-app'),
    reference: parseTag('1'),
    outcome: { result: 'failed', error: 'ghcr.io shows this repository to nobody without a login.' },
  },
];

function findingsOf({ repositories }: DemoRuns): readonly Finding[] {
  return repositories.flatMap(({ name, tags, items }) =>
    tags.flatMap(({ waiting, entry: { tag, digest } }): Finding[] => {
      const held = items.find(({ reference }) => reference === tag)?.outcome;
      if (waiting?.policy !== 'immutable' || held?.result !== 'held') return [];
      const upstream = { digest: held.upstream, firstSeen: '' };
      return [immutableFinding({ repository: name, tag, digest, upstream })];
    }),
  );
}

function storesAt({ now, isTroubled }: DemoRuns, ended: number): readonly StoreReport[] {
  const since = now - BEHIND_MS;
  return [
    { name: 'https://s3.eu-central-1.example.com/mirror', state: 'in step' },
    isTroubled && ended >= since
      ? {
          name: 'https://backup.example.net/mirror',
          state: 'behind',
          since: timeOf(since),
          reason: 'it did not answer for 30 s.',
        }
      : { name: 'https://backup.example.net/mirror', state: 'in step' },
  ];
}

export function demoDrill(now: number, cluster: string): DrillSummary {
  const outcomes = { served: 0, 'other-digest': 0, 'platform-missing': 0, missing: 0, unknown: 0 };
  return {
    at: timeOf(now - 5 * HOUR),
    sums: {
      success: false,
      complete: true,
      digestsOnly: false,
      live: true,
      chosen: [],
      images: 212,
      pulled: 204,
      lost: 8,
      clusters: [{ name: cluster, observed: timeOf(now - 5 * HOUR - 20 * MINUTE) }],
      clusterCount: 1,
      upstreams: [
        {
          name: 'docker.io',
          pulled: 164,
          outcomes: { ...outcomes, served: 160, 'other-digest': 4, missing: 3 },
        },
        { name: 'ghcr.io', pulled: 40, outcomes: { ...outcomes, served: 40, missing: 5 } },
      ],
      reasons: [
        { reason: 'platform', says: 'a platform is missing', images: 0 },
        { reason: 'failed', says: 'the last run failed to mirror it', images: 2 },
        { reason: 'not-selected', says: 'no entry of lifeboat.yaml selects it', images: 6 },
      ],
    },
    lost: [
      { repository: parseRepository('docker.io/library/nginx'), images: 3 },
      { repository: parseRepository('ghcr.io/secret/app'), images: 5 },
    ],
  };
}
