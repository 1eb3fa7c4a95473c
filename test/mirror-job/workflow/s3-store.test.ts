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
import { Machine } from './machine.ts';
import { SmallRegistry, textOf } from './small-registry.ts';

vi.setConfig({ testTimeout: 120_000 });

const PREFIX = 'team/mirror/';

let buckets: Buckets;
let proxy: CountingProxy;
let upstream: SmallRegistry;
let job: JobOnNetwork;
let before: ((request: ProxiedRequest) => HookResult | Promise<HookResult>) | undefined;
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

/** Mirrors the same into the second bucket by the job on a machine. It has to see each state of upstream, as the Worker does. */
async function mirrorByNode(): Promise<void> {
  await sync({ ...buckets, bucket: buckets.buckets[1] ?? '' }, upstream.configuration());
}

/** @returns how the bucket of the job on a machine and that of the Worker differ */
async function differences(): Promise<string[]> {
  const client = s3ClientOf(buckets);
  const [byNode, byWorker] = await Promise.all([
    snapshot({ client, bucket: buckets.buckets[1] ?? '' }),
    snapshot({ client, bucket: buckets.bucket, prefix: PREFIX }),
  ]);
  expect(byNode.size).toBeGreaterThan(10);
  return compareSnapshots(byNode, byWorker);
}

test('a first run leaves below the prefix what the job on a machine leaves, and nothing beside it', async () => {
  expect(await job.run()).toMatchObject({ counts: { created: 3, failed: 0 }, findings: [] });
  await mirrorByNode();
  expect(await differences()).toEqual([]);
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
    if (count <= 2) return { status: 503, body: '<Error><Code>ServiceUnavailable</Code></Error>' };
    return count === 3 ? 'drop' : undefined;
  };
  expect(await job.run()).toMatchObject({ counts: { moved: 1, unchanged: 2, failed: 0 } });
  expect(seen.size).toBeGreaterThan(4);
  expect(new Set(seen.values())).toEqual(new Set([4]));
  await mirrorByNode();
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
  await mirrorByNode();
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
  await mirrorByNode();
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
  // All that the runs since the first one have left, in spite of the faults.
  await mirrorByNode();
  expect(await differences()).toEqual([]);
});

test('a tag that a person holds between the last look at it and the write of the Worker is not moved', async () => {
  const machine = await Machine.start(job.store);
  try {
    const image = `${upstream.serving('app')}:latest`;
    await machine.write('lifeboat.yaml', machine.configurationOf(upstream.configuration()));
    const { digest } = await upstream.tag('app', 'raced', 'latest');
    const writes: ProxiedRequest[] = [];
    let reverted = '';
    before = async (request) => {
      if (request.method !== 'PUT' || !request.path.endsWith('/_tags/latest')) return;
      writes.push(request);
      if (writes.length === 1) reverted = (await machine.lifeboat('revert', image)).stdout;
    };
    expect(await job.run()).toMatchObject({
      counts: { held: 1, moved: 0, failed: 0 },
      items: [{ reference: 'latest', outcome: { upstream: digest } }],
    });
    expect(reverted).toMatch(/^moved /);
    expect(writes.map(({ status }) => status)).toEqual([412]);
  } finally {
    await machine.stop();
  }
});
