/** Puts the state of a configuration into a bucket, in the same form as the job does. */
import { digestOf } from '../../../core/digest.ts';
import { encodePrintableJson } from '../../../core/json.ts';
import { encodeLastDrill, type DrillSummary } from '../../../core/last-drill.ts';
import { descriptionKey, stateKey } from '../../../core/layout.ts';
import { encodeOverview, type Overview } from '../../../core/overview.ts';
import { parseRepository, parseTag } from '../../../core/reference.ts';
import {
  encodeDescription,
  type DescribedTag,
  type RepositoryDescription,
} from '../../../core/repository-description.ts';
import { encodeRuns, type RunSummary } from '../../../core/run-history.ts';
import type { TestBucket } from './bucket.ts';
import { bytesOf } from './content.ts';

/** An hour after the last run ended. */
export const NOW = Date.parse('2026-02-01T01:00:11.500Z');

const COUNTS = { unchanged: 40, created: 2, moved: 1, held: 2, gone: 1, failed: 2, skipped: 4 };

function runAt(ended: string, exitCode: 0 | 1): RunSummary {
  return {
    run: `run-${ended.slice(0, 13)}`,
    begun: `${ended.slice(0, 13)}:00:00.000Z`,
    ended,
    exitCode,
    counts: COUNTS,
    blobs: 5,
    manifests: 7,
    bytes: 89_000_000,
    findings: 1,
    interrupted: false,
    upstreams: [
      { name: 'docker.io', requests: 58, failures: 1 },
      { name: 'quay.io', requests: 3, failures: 1 },
    ],
  };
}

/** The last one failed. The largest of their distances is six hours. */
export const RUNS: readonly [RunSummary, ...RunSummary[]] = [
  runAt('2026-02-01T00:00:11.500Z', 1),
  runAt('2026-01-31T23:00:11.500Z', 0),
  runAt('2026-01-31T17:00:11.500Z', 0),
  runAt('2026-01-31T16:00:11.500Z', 0),
];

/** The report of the first of these runs. Its texts attack. */
export const REPORT = {
  run: 'run-2026-02-01T00',
  begun: '2026-02-01T00:00:00.000Z',
  ended: '2026-02-01T00:00:11.500Z',
  interrupted: false,
  counts: COUNTS,
  blobs: { copied: 5, present: 6 },
  manifests: { copied: 7 },
  bytes: 89_000_000,
  upstreams: [
    {
      name: 'docker.io',
      requests: { heads: 43, manifestGets: 9, blobGets: 5, lists: 1 },
      quotas: [
        { account: 1, remaining: 91, limit: 100, seconds: 21_600, source: '192.0.2.1"\\\n\u202E' },
        { account: 2, remaining: 5 },
      ],
      exhausted: 'The budget is used up.',
    },
    { name: 'quay.io', requests: { heads: 2, manifestGets: 1, blobGets: 0, lists: 0 }, quotas: [] },
  ],
  stores: [
    { name: 'first', state: 'in step' },
    {
      name: 'second "\\\u001B[31m',
      state: 'behind',
      since: '2026-01-30T00:00:00.000Z',
      reason: 'No answer.',
    },
  ],
  items: [
    {
      repository: 'docker.io/library/app',
      reference: '1.27',
      outcome: { result: 'failed', error: 'Upstream said </script>\u202E<b>.' },
    },
    {
      repository: 'quay.io/private/app',
      outcome: { result: 'failed', error: 'quay.io answers 500.' },
    },
  ],
  findings: [{ kind: 'list-too-short', repository: 'quay.io/private/app', message: 'Too short.' }],
};

export const OVERVIEW: Overview = {
  run: REPORT.run,
  ended: REPORT.ended,
  repositories: [
    {
      name: parseRepository('docker.io/library/app'),
      tags: 12,
      pins: 1,
      held: 1,
      gone: 1,
      checked: '2026-02-01T00:00:05.000Z',
    },
    { name: parseRepository('ghcr.io/acme/team/app'), tags: 3, pins: 0, held: 0, gone: 0 },
    {
      name: parseRepository('quay.io/private/app'),
      tags: 4,
      pins: 2,
      held: 1,
      gone: 0,
      newest: { tag: parseTag('2.1'), moved: '2026-01-19T00:00:00.000Z' },
      checked: '2026-01-20T00:00:00.000Z',
    },
  ],
  held: [],
  heldCount: 2,
  clusters: [{ name: 'prod"\n', observed: '2026-01-31T12:00:00.000Z', images: 37 }],
};

/** The last drill, which has lost images of a repository that the mirror does not list, too. */
export const DRILL: DrillSummary = {
  at: '2026-01-31T12:30:00.000Z',
  sums: {
    success: false,
    complete: true,
    digestsOnly: false,
    live: true,
    chosen: [],
    images: 40,
    pulled: 36,
    lost: 4,
    clusters: [{ name: 'prod"\n', observed: '2026-01-31T12:00:00.000Z' }],
    clusterCount: 1,
    upstreams: [
      {
        name: 'docker.io',
        pulled: 30,
        outcomes: { served: 29, 'other-digest': 1, 'platform-missing': 1, missing: 0, unknown: 0 },
      },
      {
        name: 'secret.test:5000',
        pulled: 6,
        outcomes: { served: 6, 'other-digest': 0, 'platform-missing': 0, missing: 3, unknown: 0 },
      },
    ],
    reasons: [
      { reason: 'platform', says: 'a platform is missing', images: 1 },
      { reason: 'failed', says: 'the last run failed </li>\u202Eto mirror it', images: 3 },
      { reason: 'denied', says: 'the edge does not let the drill read it', images: 0 },
    ],
  },
  lost: [
    { repository: parseRepository('secret.test_5000/team/app'), images: 2 },
    { repository: parseRepository('docker.io/library/app'), images: 1 },
    { repository: parseRepository('quay.io/private/app'), images: 1 },
  ],
};

export async function putState(bucket: TestBucket, mirror = 'default'): Promise<void> {
  await bucket.put(stateKey(mirror, 'runs.json'), encodeRuns(RUNS));
  await bucket.put(stateKey(mirror, 'last-run.json'), encodePrintableJson(REPORT));
  await bucket.put(stateKey(mirror, 'overview.json'), encodeOverview(OVERVIEW));
  await bucket.put(stateKey(mirror, 'last-drill.json'), encodeLastDrill(DRILL));
}

export async function describedTag(tag: string, firstSeen: string, gone?: string): Promise<DescribedTag> {
  return {
    tag: parseTag(tag),
    digest: await digestOf(bytesOf(tag)),
    mediaType: 'application/vnd.oci.image.index.v1+json',
    firstSeen,
    bytes: 1234,
    platforms: [],
    signatures: 0,
    sboms: 0,
    attestations: 0,
    moved: '2026-01-15T00:00:00.000Z',
    run: 'run',
    ...(gone !== undefined && { gone }),
    movements: [],
  };
}

export async function putDescription(
  bucket: TestBucket,
  name: string,
  tags: readonly DescribedTag[],
  { mirror = 'default', written = '2026-02-01T00:00:00.000Z' } = {},
): Promise<void> {
  const repository = parseRepository(name);
  const description: RepositoryDescription = { repository, written, tags, tagCount: tags.length, pins: [] };
  await bucket.put(descriptionKey(mirror, repository), encodeDescription(description));
}
