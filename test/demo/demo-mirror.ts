/** A mirror as a team might have it: some repositories, held and gone tags, and fifty runs, of which some failed. */
import { parseDigest } from '../../core/digest.ts';
import { encodePrintableJson } from '../../core/json.ts';
import { encodeLastDrill } from '../../core/last-drill.ts';
import { encodeOverview, mergeOverview } from '../../core/overview.ts';
import { encodeDescription } from '../../core/repository-description.ts';
import { encodeRuns } from '../../core/run-history.ts';
import { spellPlatform } from '../../mirror-job/engine/selection/platform.ts';
import type { BucketObjects } from '../support/pages/bucket-objects.ts';
import { putDemoImage, type DemoImage } from './demo-image.ts';
import {
  DAY,
  demoRepository,
  describedTags,
  digestOf,
  HOUR,
  MINUTE,
  overviewLines,
  timeOf,
  type DemoRepository,
  type DemoTag,
} from './demo-repository.ts';
import { demoDrill, demoReport, demoRuns } from './demo-runs.ts';

export const NGINX = 'docker.io/library/nginx';
const REDIS = 'docker.io/library/redis';

/** The digests of `nginx:1.29.2`, which are known once the demo is written. */
export interface Demo {
  readonly index: string;
  readonly image: string;
}

/**
 * @param time milliseconds since 1970
 * @param isTroubled whether the last run had failures and a finding, a store is behind, and a drill has lost images
 */
export async function putDemoMirror(bucket: BucketObjects, time: number, isTroubled = false): Promise<Demo> {
  const now = time - 12 * MINUTE;
  const image = await putDemoImage(bucket, NGINX);
  const nginx = demoRepository(NGINX, nginxTags(image), now);
  const repositories = OTHERS.map(([name, tags, newest, days]) =>
    demoRepository(name, tagsOf(name, tags, newest, days, isTroubled), now),
  );
  await putDescription(bucket, nginx, image, now);
  await putOverview(bucket, [nginx, ...repositories], now);
  const demo = { now, isTroubled, repositories: [nginx, ...repositories] };
  const runs = demoRuns(demo);
  const [last] = runs;
  if (last === undefined) throw new Error('The demo has no run.');
  await bucket.putState('runs.json', encodeRuns(runs));
  await bucket.putState('last-run.json', encodePrintableJson(demoReport(demo, last)));
  if (isTroubled) await bucket.putState('last-drill.json', encodeLastDrill(demoDrill(now, 'prod-eu')));
  return { index: image.index.digest, image: image.images[0]?.digest ?? '' };
}

function nginxTags({ index }: DemoImage): readonly DemoTag[] {
  const newest = { ageMs: 9 * DAY, digest: parseDigest(index.digest) };
  return [
    { tag: 'latest', ...newest },
    { tag: '1.29.2', ...newest },
    { tag: '1.29.1', ageMs: 38 * DAY },
    { tag: '1.29', ...newest },
    { tag: '1.28.0', ageMs: 70 * DAY, waiting: { ageMs: 26 * HOUR, policy: 'hold' } },
    { tag: '1.28', ageMs: 70 * DAY, waiting: { ageMs: 26 * HOUR, minAgeMs: 3 * DAY } },
    { tag: '1.27.5', ageMs: 210 * DAY, goneMs: 12 * DAY, storedPlatforms: ['linux/amd64', 'linux/arm64'] },
    { tag: '1.27', ageMs: 212 * DAY },
    { tag: 'stable', ageMs: 5 * DAY, hold: 'reverted by hand: checkout answers 502' },
  ];
}

/** The name, the number of tags, the newest one, and its age in days. */
const OTHERS: readonly (readonly [string, number, string, number])[] = [
  ['docker.io/grafana/grafana', 24, '12.3.0', 0],
  ['docker.io/library/alpine', 9, '3.22', 4 / 24],
  ['docker.io/library/postgres', 14, '18.1', 9 / 24],
  [REDIS, 11, '8.2.1', 33],
  ['ghcr.io/external-secrets/external-secrets', 7, 'v1.1.0', 30 / 24],
  ['ghcr.io/fluxcd/source-controller', 5, 'v1.7.4', 38 / 24],
  ['quay.io/cilium/cilium', 6, 'v1.18.4', 11],
  ['quay.io/prometheus/node-exporter', 4, 'v1.10.2', 35],
  ['registry.k8s.io/pause', 2, '3.10.1', 120],
];

/** Pages show no tags of these, so that only the newest one and the held one have a name that people know. */
function tagsOf(name: string, count: number, newest: string, days: number, isTroubled: boolean): DemoTag[] {
  const held: Pick<DemoTag, 'waiting'> =
    name !== REDIS
      ? {}
      : isTroubled
        ? { waiting: { ageMs: MINUTE / 2, policy: 'immutable' } }
        : { waiting: { ageMs: 3 * DAY, policy: 'hold' } };
  const older = Array.from({ length: count - 1 }, (_, index) => ({
    tag: `0.${index}`,
    ageMs: (days + 20 * (index + 1)) * DAY,
  }));
  return [{ tag: newest, ageMs: days * DAY, ...held }, ...older];
}

async function putDescription(
  bucket: BucketObjects,
  nginx: DemoRepository,
  { images, referrers }: DemoImage,
  now: number,
): Promise<void> {
  const tags = describedTags(nginx, now, ({ tag, ageMs, digest: newest, storedPlatforms }) => {
    const platforms = images
      .map(({ digest, platform }, position) => ({
        platform: spellPlatform(platform),
        digest: newest === undefined ? digestOf(`${tag} ${position}`) : parseDigest(digest),
        bytes: 59_700_000 + position * 1_733_000 - Math.round(ageMs / 4_000),
      }))
      .filter(({ platform }) => storedPlatforms === undefined || storedPlatforms.includes(platform));
    return storedPlatforms === undefined
      ? { platforms, signatures: 1, sboms: referrers.length - 1, attestations: images.length }
      : { platforms, signatures: 0, sboms: 0, attestations: 0 };
  });
  const [newest] = tags;
  if (newest === undefined) throw new Error('The demo has no tags.');
  const { tag: _tag, moved: _moved, run: _run, movements: _movements, ...pin } = newest;
  const bytes = encodeDescription({
    repository: nginx.name,
    written: timeOf(now),
    tags,
    tagCount: tags.length,
    pins: [{ ...pin, digest: digestOf('pin'), firstSeen: timeOf(now - 400 * DAY) }],
  });
  await bucket.putState(`repositories/${nginx.name}.json`, bytes);
}

async function putOverview(
  bucket: BucketObjects,
  repositories: readonly DemoRepository[],
  now: number,
): Promise<void> {
  const lines = repositories.map((one) => overviewLines(one, now));
  const overview = mergeOverview(undefined, {
    run: 'run',
    ended: timeOf(now),
    repositories: lines.map(({ line }) => line),
    held: lines.flatMap(({ held }) => held),
    clusters: [
      { name: 'prod-eu', observed: timeOf(now - 2 * HOUR), images: 212 },
      { name: 'staging', observed: timeOf(now - 3 * HOUR), images: 148 },
    ],
  });
  await bucket.putState('overview.json', encodeOverview(overview));
  await bucket.putState('catalog.json', { repositories: overview.repositories.map(({ name }) => name) });
}
