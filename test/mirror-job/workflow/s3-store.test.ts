/** The job as a Worker fills a bucket of another provider, over `fetch` and the S3 API, through a store that fails at times. */
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { BucketReader, s3ClientOf } from '../../support/bucket-reader.ts';
import { compareSnapshots, snapshot } from '../../support/bucket-snapshot.ts';
import { addImage, addStreamedLayer, tagAs } from '../../support/builder.ts';
import {
  startCountingProxy,
  type CountingProxy,
  type HookResult,
  type ProxiedRequest,
} from '../../support/counting-proxy.ts';
import { emptyBuckets, type Buckets } from '../../support/shared.ts';
import { sync } from '../../support/sync.ts';
import { JobOnNetwork } from './job-on-network.ts';
import { SmallRegistry, textOf } from './small-registry.ts';

vi.setConfig({ testTimeout: 120_000 });

const PREFIX = 'team/mirror/';

let buckets: Buckets;
let proxy: CountingProxy;
let upstream: SmallRegistry;
let job: JobOnNetwork;
let before: ((request: ProxiedRequest) => HookResult) | undefined;
let after: ((request: ProxiedRequest) => HookResult) | undefined;

beforeAll(async () => {
  buckets = await emptyBuckets(2);
  upstream = await SmallRegistry.start(['app', 'other']);
  await upstream.tag('app', 'first', '1.0', 'latest');
  await upstream.tag('other', 'other', '1');
  proxy = await startCountingProxy({
    target: new URL(buckets.endpoint).origin,
    before: (request) => before?.(request),
    after: (request) => after?.(request),
  });
  const { bucket, region, accessKeyId, secretAccessKey } = buckets;
  job = await JobOnNetwork.start(
    {
      S3_ENDPOINT: proxy.url + new URL(buckets.endpoint).pathname,
      S3_BUCKET: bucket,
      S3_REGION: region,
      S3_ACCESS_KEY_ID: accessKeyId,
      S3_SECRET_ACCESS_KEY: secretAccessKey,
      S3_PREFIX: '/team/mirror',
      S3_PATH_STYLE: 'true',
    },
    { ...buckets, prefix: PREFIX },
  );
  await job.configure(
    textOf({
      store: { endpoint: '${S3_ENDPOINT}', bucket: 'unused', prefix: PREFIX },
      ...upstream.configuration(),
    }),
  );
}, 120_000);

afterAll(async () => {
  await job?.close();
  await proxy?.stop();
  await upstream?.stop();
});

beforeEach(() => {
  [before, after] = [undefined, undefined];
  upstream.reset();
});

/** Mirrors into the second bucket by the job on a machine. @returns how the two buckets differ */
async function differencesFromNode(): Promise<string[]> {
  const bucket = buckets.buckets[1] ?? '';
  await sync({ ...buckets, bucket }, upstream.configuration());
  const client = s3ClientOf(buckets);
  const [byNode, byWorker] = await Promise.all([
    snapshot({ client, bucket }),
    snapshot({ client, bucket: buckets.bucket, prefix: PREFIX }),
  ]);
  expect(byNode.size).toBeGreaterThan(10);
  return compareSnapshots(byNode, byWorker);
}

test('a first run leaves below the prefix what the job on a machine leaves, and nothing beside it', async () => {
  expect(await job.run()).toMatchObject({ counts: { created: 3, failed: 0 }, findings: [] });
  expect(await differencesFromNode()).toEqual([]);
  const whole = new BucketReader({ client: s3ClientOf(buckets), bucket: buckets.bucket });
  const keys = [...(await whole.sizes()).keys()];
  expect(keys.filter((key) => !key.startsWith(PREFIX))).toEqual([]);
  expect(await job.run()).toMatchObject({ counts: { unchanged: 3 }, bytes: 0 });
});

test('a store that answers 503 twice for each object, and then resets the connection, only makes a run slower', async () => {
  await upstream.tag('app', 'second', 'latest');
  const seen = new Map<string, number>();
  before = ({ method, path }) => {
    if (method !== 'PUT' || !/\/(?:blobs|_manifests)\//.test(path)) return undefined;
    const count = (seen.get(path) ?? 0) + 1;
    seen.set(path, count);
    if (count <= 2) return { status: 503, body: '<Error><Code>SlowDown</Code></Error>' };
    return count === 3 ? 'drop' : undefined;
  };
  expect(await job.run()).toMatchObject({ counts: { moved: 1, unchanged: 2, failed: 0 } });
  expect(seen.size).toBeGreaterThan(4);
  expect(new Set(seen.values())).toEqual(new Set([4]));
  expect(await differencesFromNode()).toEqual([]);
});

test('a write of a tag whose answer is lost is repeated, and the 412 to its own write does not fail the tag', async () => {
  await upstream.tag('app', 'third', 'latest');
  const statuses: number[] = [];
  after = ({ method, path, status }) => {
    if (method !== 'PUT' || !path.endsWith('/_tags/latest')) return undefined;
    statuses.push(status);
    return statuses.length === 1 ? 'drop' : undefined;
  };
  const report = await job.run();
  expect(statuses.slice(0, 2)).toEqual([200, 412]);
  expect(report).toMatchObject({ counts: { failed: 0 } });
  after = undefined;
  expect(await job.run()).toMatchObject({ counts: { unchanged: 3, failed: 0 } });
  expect(await differencesFromNode()).toEqual([]);
});

test('an upload in parts goes on after parts whose connection was reset', async () => {
  const app = upstream.repository('app');
  tagAs(app, addImage(app, { layers: [await addStreamedLayer(app, 'large', 20 * 1024 * 1024)] }), 'large');
  const parts: string[] = [];
  before = ({ method, query }) => {
    const part = query.get('partNumber');
    if (method !== 'PUT' || part === null) return undefined;
    parts.push(part);
    return parts.filter((one) => one === part).length === 1 ? 'drop' : undefined;
  };
  expect(await job.run()).toMatchObject({ counts: { created: 1, unchanged: 3, failed: 0 } });
  expect(parts.toSorted()).toEqual(['1', '1', '2', '2', '3', '3']);
  expect(await differencesFromNode()).toEqual([]);
});

test('a store that refuses every write of blobs fails the tag that needs them, and publishes nothing of it', async () => {
  await upstream.tag('other', 'refused', 'refused');
  await upstream.tag('app', 'fourth', '4.0');
  before = ({ method, path }) =>
    method === 'PUT' && path.includes('/blobs/')
      ? { status: 403, body: '<Error><Code>AccessDenied</Code></Error>' }
      : undefined;
  expect(await job.run()).toMatchObject({
    counts: { failed: 2, unchanged: 4 },
    items: [
      { reference: '4.0', outcome: { error: expect.stringContaining('access is denied (AccessDenied)') } },
      { reference: 'refused', outcome: { result: 'failed' } },
    ],
  });
  const keys = [...(await job.reader().sizes('repositories/')).keys()];
  expect(keys.filter((key) => /_tags\/(?:4\.0|refused)$/.test(key))).toEqual([]);
  before = undefined;
  expect(await job.run()).toMatchObject({ counts: { created: 2, unchanged: 4, failed: 0 } });
  expect(await differencesFromNode()).toEqual([]);
});
