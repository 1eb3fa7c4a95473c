/** `lifeboat drill --publish`: the sums in the bucket, and what happens where they cannot be written. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { s3ClientOf } from '../../../support/bucket-reader.ts';
import { DrilledBucket, NOW } from '../drilled-bucket.ts';

vi.setConfig({ hookTimeout: 120_000 });

const KEY = 'state/default/last-drill.json';

let bucket: DrilledBucket;

beforeAll(async () => {
  bucket = await DrilledBucket.fill();
});

afterAll(async () => bucket?.stop());

async function published(): Promise<unknown> {
  const client = s3ClientOf(bucket.store);
  const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket.store.bucket, Key: KEY }));
  const text = (await Body?.transformToString()) ?? '';
  client.destroy();
  return JSON.parse(text);
}

test('the sums are written, and nothing else; they name no tag and no workload', async () => {
  const before = await bucket.objects();
  const { code, stdout, stderr } = await bucket.lifeboat('drill', '--publish', '--require', '60');
  expect([code, stderr]).toEqual([3, expect.stringContaining(`the drill is published as ${KEY}.`)]);
  expect(stdout).toContain('2 of 4 images would still be pulled (50 %)');
  const after = await bucket.objects();
  expect([...after.keys()].filter((key) => before.get(key) !== after.get(key))).toEqual([KEY]);
  const sums = await published();
  expect(sums).toMatchObject({
    version: 1,
    at: expect.stringMatching(/^\d{4}-.*Z$/),
    sums: {
      success: false,
      complete: true,
      live: false,
      images: 4,
      pulled: 2,
      lost: 2,
      clusters: [{ name: 'prod', observed: NOW }],
      upstreams: [
        { name: 'docker.io', pulled: 2, outcomes: { served: 1, 'other-digest': 1, 'platform-missing': 1 } },
        { name: 'quay.io', pulled: 0, outcomes: { missing: 1 } },
      ],
    },
    lost: [
      { repository: 'docker.io/library/app', images: 1 },
      { repository: 'quay.io/org/tool', images: 1 },
    ],
  });
  expect(JSON.stringify(sums)).not.toMatch(/shop|latest|sha256/);
});

test('a later drill replaces it, also one of a part, which says of what', async () => {
  expect((await bucket.lifeboat('drill', '--publish', '--upstream', 'docker.io')).code).toBe(0);
  expect(await published()).toMatchObject({ sums: { chosen: ['docker.io'], images: 3, success: true } });
});

test('the object is no stray to verify, and nothing to prune', async () => {
  await bucket.lifeboat('drill', '--publish');
  const verified = await bucket.lifeboat('verify', '--json');
  expect([verified.code, verified.stdout + verified.stderr]).toEqual([
    0,
    expect.not.stringContaining('drill'),
  ]);
  const pruned = await bucket.lifeboat('prune', '--json');
  expect(pruned.stdout + pruned.stderr).not.toContain('last-drill');
});

test('each store gets it; one that cannot be written is named, and ends the command with 1', async () => {
  const { endpoint, region, accessKeyId, secretAccessKey } = bucket.store;
  const store = { endpoint, bucket: bucket.store.bucket, region, accessKeyId, secretAccessKey };
  const refusing = { ...store, bucket: bucket.store.buckets[1], secretAccessKey: 'wrong' };
  await writeFile(
    join(bucket.folder, 'two.yaml'),
    JSON.stringify({ name: 'two', stores: [store, refusing], images: ['docker.io/library/app:one'] }),
  );
  const { code, stderr } = await bucket.lifeboat('drill', '-c', 'two.yaml', '--publish');
  expect(stderr).toMatch(/the drill is published as state\/two\/last-drill\.json\./);
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(
      /bucket ".*: the drill was not published: .*could not write state\/two\/last-drill\.json/,
    ),
  ]);
});

test('the metrics of a list have its name, and no empty one', async () => {
  const seen = [{ reference: 'docker.io/library/app:one' }];
  const linesOf = async (list: string): Promise<readonly string[]> => {
    expect((await bucket.drillOfList(list, '--metrics', 'list.prom')).code).toBe(0);
    const text = await readFile(join(bucket.folder, 'list.prom'), 'utf8');
    return text.split('\n').filter((line) => /^lifeboat_drill_(list|namespace_lost)/.test(line));
  };
  const at = Date.parse(NOW) / 1000;
  expect(await linesOf(bucket.listOf('test', seen))).toEqual([
    `lifeboat_drill_list_timestamp_seconds{mirror="default",cluster="test"} ${at}`,
    'lifeboat_drill_namespace_lost_workloads{mirror="default",cluster="test",namespace="shop"} 0',
  ]);
  expect(await linesOf(bucket.listOf('', seen))).toEqual([
    `lifeboat_drill_list_timestamp_seconds{mirror="default"} ${at}`,
    'lifeboat_drill_namespace_lost_workloads{mirror="default",namespace="shop"} 0',
  ]);
});
