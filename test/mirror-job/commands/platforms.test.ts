/** Tests `platforms` in lifeboat.yaml, from the file to the bucket and the exit code. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { emptyRepository, type Repository } from '../../support/content.ts';
import { tagAs } from '../../support/builder.ts';
import { addMultiPlatform } from '../../support/corpus.ts';
import { s3ClientOf } from '../../support/bucket-reader.ts';
import { startRogueRegistry, type RogueRegistry } from '../../support/rogue-registry.ts';
import { emptyBuckets, type Buckets } from '../../support/shared.ts';
import { sync, type Synced } from '../../support/sync.ts';
import { walkBucket, type BucketWalk } from '../../support/walk-bucket.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let store: Buckets;
let registry: RogueRegistry;
let app: Repository;
let index = '';

beforeAll(async () => {
  app = emptyRepository();
  const image = await addMultiPlatform(app, 'app');
  tagAs(app, image, '1');
  index = image.digest;
  registry = await startRogueRegistry({ corpus: { repositories: new Map([['team/app', app]]) } });
  store = await emptyBuckets();
});

afterAll(async () => {
  await registry?.stop();
});

function run(configuration: Readonly<Record<string, unknown>>): Promise<Synced> {
  const [bucket = ''] = store.buckets;
  registry.requests.length = 0;
  return sync({ ...store, bucket }, { upstreams: { [registry.host]: { insecure: true } }, ...configuration });
}

async function walk(): Promise<BucketWalk> {
  const client = s3ClientOf(store);
  try {
    return await walkBucket({ client, bucket: store.buckets[0] ?? '' });
  } finally {
    client.destroy();
  }
}

test('a default selects platforms, an image can select all, and a platform that the image lacks fails', async () => {
  const name = `${registry.host}/team/app`;
  const source = `${name}:1`;
  const defaults = { platforms: ['linux/x86_64'] };

  const lacking = await run({ images: [{ source, platforms: ['linux/s390x'] }] });
  expect([lacking.code, lacking.report.items.map(({ outcome }) => outcome.error)]).toEqual([
    1,
    [
      `${name}: ${index} has nothing for linux/s390x. It has: linux/amd64, linux/arm64. Change "platforms" at the image.`,
    ],
  ]);

  const part = await run({ defaults, images: [source] });
  expect([part.code, part.report.counts.created]).toEqual([0, 1]);
  expect(part.stderr).toContain(
    `${name}: mirrored only for linux/amd64, and not for linux/arm64. podman and CRI-O cannot fall back on upstream`,
  );
  expect((await walk()).problems).toEqual([]);

  const whole = await run({ defaults, images: [{ source, platforms: 'all' }] });
  expect([whole.code, whole.report.counts.unchanged, whole.stderr.includes('podman')]).toEqual([0, 1, false]);
  const { problems, behind } = await walk();
  expect([problems, behind]).toEqual([[], []]);
  const [, arm64 = ''] = [...app.manifests.keys()];
  const gets = registry.requests.filter(({ method, kind }) => method === 'GET' && kind === 'manifest');
  expect(gets.map(({ reference }) => reference)).toEqual([arm64]);
});
