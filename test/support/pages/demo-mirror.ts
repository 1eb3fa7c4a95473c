/** A mirror as a team might have it: some repositories, held and gone tags, and fifty runs, of which one failed. */
import { BucketObjects, OCI, sha256, type Descriptor, type Json } from './bucket-objects.ts';

const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];

export const NGINX = 'docker.io/library/nginx';
/** The digest of `nginx:1.29.2`, which is known once the demo is written. */
export interface Demo {
  readonly index: string;
  readonly image: string;
}

function runName(number: number): string {
  return `20261129T${String(number).padStart(4, '0')}Z-5f3a`;
}

function requests(heads: number): Json {
  return { heads, manifestGets: 6, blobGets: 12, lists: 3 };
}

const PLATFORMS = [
  { os: 'linux', architecture: 'amd64' },
  { os: 'linux', architecture: 'arm64', variant: 'v8' },
  { os: 'linux', architecture: 'arm', variant: 'v7' },
  { os: 'linux', architecture: 's390x' },
];

interface DemoTag {
  readonly tag: string;
  readonly ageMs: number;
  readonly more?: Json;
}

/**
 * @param now milliseconds since 1970
 * @param isTroubled whether the last run had failures and a finding, and a drill has lost images
 */
export async function putDemoMirror(bucket: BucketObjects, now: number, isTroubled = false): Promise<Demo> {
  const at = (ageMs: number) => new Date(now - ageMs).toISOString();
  const { index, images, signature } = await putImage(bucket);
  const platforms = images.map(({ digest, platform }, position) => ({
    platform: platformOf(platform),
    digest,
    bytes: 59_700_000 + position * 1_733_000,
  }));
  const tagOf = ({ tag, ageMs, more = {} }: DemoTag): Json => ({
    tag,
    digest: tag.startsWith('1.29') || tag === 'latest' ? index.digest : sha256(tag),
    mediaType: OCI.index,
    firstSeen: at(ageMs + 2 * HOUR),
    bytes: 238_400_000 - ageMs / 90_000,
    platforms,
    signatures: 1,
    sboms: 1,
    attestations: 4,
    referrersChecked: at(HOUR),
    moved: at(ageMs),
    run: runName(3),
    movements: [
      {
        at: at(ageMs),
        from: sha256(`${tag} before`),
        to: index.digest,
        run: runName(3),
        why: 'upstream moved',
      },
      {
        at: at(ageMs + 31 * DAY),
        from: sha256(`${tag} first`),
        to: sha256(`${tag} before`),
        run: runName(2),
        why: 'approved: tested in staging',
        by: 'alice@laptop',
      },
      { at: at(ageMs + 64 * DAY), to: sha256(`${tag} first`), run: runName(1), why: 'first seen' },
    ],
    ...more,
  });
  const tags: DemoTag[] = [
    { tag: '1.29.2', ageMs: 9 * DAY },
    { tag: '1.29.1', ageMs: 38 * DAY },
    { tag: '1.29', ageMs: 9 * DAY },
    {
      tag: '1.28.0',
      ageMs: 70 * DAY,
      more: {
        hold: 'Upstream moved this tag, and the policy of it is hold.',
        upstream: { digest: sha256('waiting'), firstSeen: at(26 * HOUR) },
      },
    },
    { tag: '1.28', ageMs: 70 * DAY },
    {
      tag: '1.27.5',
      ageMs: 210 * DAY,
      more: {
        gone: at(12 * DAY),
        storedPlatforms: ['linux/amd64', 'linux/arm64/v8'],
        signatures: 0,
        sboms: 0,
        attestations: 0,
      },
    },
    { tag: '1.27', ageMs: 212 * DAY },
    { tag: 'stable', ageMs: 70 * DAY },
    { tag: 'latest', ageMs: 9 * DAY },
  ];
  await bucket.putState(`repositories/${NGINX}.json`, {
    version: 1,
    repository: NGINX,
    written: at(9 * DAY),
    tags: tags.map(tagOf),
    tagCount: tags.length,
    pins: [{ ...tagOf({ tag: 'pin', ageMs: 400 * DAY }), tag: undefined }],
  });
  await bucket.putReferrers(NGINX, index.digest, [signature]);
  await putOverview(bucket, at, runName(50));
  await bucket.putState('runs.json', { version: 1, runs: runsOf(now, isTroubled) });
  await putLastRun(bucket, at, runName(50), isTroubled);
  if (isTroubled) await bucket.putState('last-drill.json', { version: 1, ...drillAt(at) });
  return { index: index.digest, image: images[0]?.digest ?? '' };
}

function platformOf({ os, architecture, variant }: Json = {}): string {
  return [os, architecture, variant].filter(Boolean).join('/');
}

async function putImage(bucket: BucketObjects) {
  const config = await bucket.putBlob(
    NGINX,
    OCI.config,
    JSON.stringify({
      created: '2026-11-18T01:12:44.812345678Z',
      os: 'linux',
      architecture: 'amd64',
      config: {
        Env: [
          'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
          'NGINX_VERSION=1.29.2',
          'PKG_RELEASE=1~trixie',
          'DYNPKG_RELEASE=1~trixie',
        ],
        Entrypoint: ['/docker-entrypoint.sh'],
        Cmd: ['nginx', '-g', 'daemon off;'],
        ExposedPorts: { '80/tcp': {} },
        StopSignal: 'SIGQUIT',
        Labels: {
          maintainer: 'NGINX Docker Maintainers <docker-maint@nginx.example>',
          'org.opencontainers.image.version': '1.29.2',
        },
      },
      history: [
        { created_by: "# debian.sh --arch 'amd64' out/ 'trixie' '@1763337600'" },
        { created_by: 'LABEL maintainer=NGINX Docker Maintainers', empty_layer: true },
        {
          created_by:
            'RUN /bin/sh -c set -x && groupadd --system --gid 101 nginx && apt-get update && apt-get install --no-install-recommends -y nginx # buildkit',
        },
        { created_by: 'COPY docker-entrypoint.sh / # buildkit' },
        { created_by: 'EXPOSE map[80/tcp:{}]', empty_layer: true },
        { created_by: 'CMD ["nginx" "-g" "daemon off;"]', empty_layer: true },
      ],
    }),
  );
  const layers = [29_776_000, 33_650_000, 629, 956, 403, 1_210, 1_399].map((size, position) => ({
    mediaType: OCI.layer,
    digest: sha256(`layer ${position}`),
    size,
  }));
  const images: Descriptor[] = [];
  for (const platform of PLATFORMS) {
    const manifest = await bucket.putManifest(NGINX, {
      schemaVersion: 2,
      mediaType: OCI.manifest,
      config,
      layers,
      annotations: {
        'org.opencontainers.image.version': '1.29.2',
        'com.docker.official-images.bashbrew.arch': platform.architecture,
      },
    });
    images.push({ ...manifest, platform });
  }
  const attestations = images.map(({ digest }) => ({
    mediaType: OCI.manifest,
    digest: sha256(`attestation of ${digest}`),
    size: 841,
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': digest,
    },
  }));
  const index = await bucket.putManifest(NGINX, {
    schemaVersion: 2,
    mediaType: OCI.index,
    manifests: [...images, ...attestations],
  });
  const signature: Descriptor = {
    mediaType: OCI.manifest,
    digest: sha256('signature'),
    size: 1_204,
    artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    annotations: { 'dev.sigstore.bundle.predicateType': 'https://sigstore.dev/cosign/sign/v1' },
  };
  return { index, images, signature };
}

const REPOSITORIES: readonly (readonly [string, number, string, number])[] = [
  ['docker.io/grafana/grafana', 24, '12.3.0', 4],
  ['docker.io/library/alpine', 9, '3.22', 21],
  [NGINX, 9, '1.29.2', 9],
  ['docker.io/library/postgres', 14, '18.1', 16],
  ['docker.io/library/redis', 11, '8.2.1', 33],
  ['ghcr.io/external-secrets/external-secrets', 7, 'v1.1.0', 12],
  ['ghcr.io/fluxcd/source-controller', 5, 'v1.7.4', 18],
  ['quay.io/cilium/cilium', 6, 'v1.18.4', 11],
  ['quay.io/prometheus/node-exporter', 4, 'v1.10.2', 35],
  ['registry.k8s.io/pause', 2, '3.10.1', 120],
];

async function putOverview(bucket: BucketObjects, at: (ageMs: number) => string, run: string): Promise<void> {
  const repositories = REPOSITORIES.map(([name, tags, newest, days]) => ({
    name,
    tags,
    pins: name === NGINX ? 1 : 0,
    held: name === NGINX || name.endsWith('redis') ? 1 : 0,
    gone: name === NGINX ? 1 : 0,
    newest: { tag: newest, moved: at(days * DAY) },
    checked: at(12 * MINUTE),
  }));
  await bucket.putState('overview.json', {
    version: 1,
    run,
    ended: at(12 * MINUTE),
    repositories,
    held: [
      {
        repository: 'docker.io/library/redis',
        tag: '8.2.1',
        digest: sha256('redis'),
        upstream: sha256('redis upstream'),
        since: at(3 * DAY),
        reason: 'This tag is immutable, and upstream moved it.',
      },
      {
        repository: NGINX,
        tag: '1.28.0',
        digest: sha256('1.28.0'),
        upstream: sha256('waiting'),
        since: at(26 * HOUR),
        reason: 'Upstream moved this tag, and the policy of it is hold.',
      },
    ],
    heldCount: 2,
    clusters: [
      { name: 'prod-eu', observed: at(2 * HOUR), images: 212 },
      { name: 'staging', observed: at(3 * HOUR), images: 148 },
    ],
  });
  await bucket.putState('catalog.json', { repositories: REPOSITORIES.map(([name]) => name) });
}

function runsOf(now: number, isTroubled: boolean): readonly Json[] {
  return Array.from({ length: 50 }, (_, index) => {
    const ended = now - 12 * MINUTE - index * HOUR;
    const wave = Math.abs(Math.sin(index * 1.7) * Math.cos(index / 5));
    const failed = index === 0 && isTroubled ? 2 : index === 7 || index === 23 ? 3 : 0;
    return {
      run: `${new Date(ended).toISOString().replaceAll(/[-:]/g, '').slice(0, 13)}Z-5f3a`,
      begun: new Date(ended - 40_000 - wave * 400_000).toISOString(),
      ended: new Date(ended).toISOString(),
      exitCode: failed > 0 ? 1 : 0,
      counts: {
        unchanged: 91 - failed,
        created: index % 9 === 0 ? 2 : 0,
        moved: index % 4 === 0 ? 1 : 0,
        held: 2,
        gone: 1,
        failed,
        skipped: 0,
      },
      blobs: 12,
      manifests: 8,
      bytes: Math.round(wave * 900_000_000),
      findings: index === 7 ? 1 : 0,
      interrupted: index === 31,
      upstreams: [{ name: 'docker.io', requests: 140, failures: failed }],
    };
  });
}

async function putLastRun(
  bucket: BucketObjects,
  at: (ageMs: number) => string,
  run: string,
  isTroubled: boolean,
): Promise<void> {
  await bucket.putState('last-run.json', {
    run,
    begun: at(14 * MINUTE),
    ended: at(12 * MINUTE),
    interrupted: false,
    counts: { unchanged: 90, created: 0, moved: 1, held: 2, gone: 1, failed: isTroubled ? 2 : 0, skipped: 0 },
    blobs: { copied: 12, present: 40 },
    manifests: { copied: 8 },
    bytes: 84_112_000,
    upstreams: [
      {
        name: 'docker.io',
        requests: requests(61),
        quotas: [{ account: 1, remaining: 176, limit: 200, seconds: 21600 }],
      },
      { name: 'ghcr.io', requests: requests(12), quotas: [] },
      { name: 'quay.io', requests: requests(10), quotas: [] },
      { name: 'registry.k8s.io', requests: requests(2), quotas: [] },
    ],
    items: !isTroubled
      ? []
      : [
          {
            repository: 'quay.io/cilium/cilium',
            reference: 'v1.18.4',
            outcome: {
              result: 'failed',
              error: 'quay.io answered 502 four times for the manifest of v1.18.4. The next run asks again.',
            },
          },
          {
            repository: 'ghcr.io/acme/secret-app',
            reference: '1',
            outcome: { result: 'failed', error: 'ghcr.io shows this repository to nobody without a login.' },
          },
        ],
    findings: !isTroubled
      ? []
      : [
          {
            kind: 'immutable-changed',
            repository: 'docker.io/library/redis',
            tag: '8.2.1',
            message:
              'Upstream moved 8.2.1, which is immutable. Compare the two digests, then approve one of them.',
          },
        ],
    stores: [
      { name: 'https://s3.eu-central-1.example.com/mirror', state: 'in step' },
      {
        name: 'https://backup.example.net/mirror',
        state: 'behind',
        since: at(5 * HOUR),
        reason: 'it did not answer for 30 s.',
      },
    ],
  });
}

function drillAt(at: (ageMs: number) => string): Json {
  const outcomes = { served: 0, 'other-digest': 0, 'platform-missing': 0, missing: 0, unknown: 0 };
  return {
    at: at(5 * HOUR),
    sums: {
      success: false,
      complete: true,
      digestsOnly: false,
      live: true,
      chosen: [],
      images: 212,
      pulled: 204,
      lost: 8,
      clusters: [{ name: 'prod', observed: at(6 * HOUR) }],
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
      { repository: NGINX, images: 3 },
      { repository: 'ghcr.io/secret/app', images: 5 },
    ],
  };
}
