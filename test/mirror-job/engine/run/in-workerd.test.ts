/** The engine and the registry's client run without Node: in workerd, over an R2 binding. */
import { build } from 'esbuild';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createTestHarness } from 'wrangler';
import { openBucket } from '../../../../mirror-job/engine/store/bucket.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { S3Store } from '../../../../mirror-job/storage/s3/s3-store.ts';
import { createS3Connection } from '../../../../mirror-job/runtime/node/s3-connection.ts';
import { s3ClientOf } from '../../../support/bucket-reader.ts';
import { compareSnapshots, snapshot } from '../../../support/bucket-snapshot.ts';
import { addImage, addLayer, addStreamedLayer, addArtifact, tagAs } from '../../../support/builder.ts';
import { emptyRepository, type Corpus } from '../../../support/content.ts';
import { startRogueRegistry, type RogueRegistry } from '../../../support/rogue-registry.ts';
import { environmentFor, imageOf, sourceAt } from '../../support/harness.ts';
import type { StepRequest } from './workerd/step-worker.ts';

// Two runs copy many megabytes, which takes long on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const MEBIBYTE = 1024 * 1024;
/** The smallest part that R2 takes. */
const PART_BYTES = 5 * MEBIBYTE;
const LIMITS = { partBytes: PART_BYTES, rangesFromBytes: PART_BYTES };
const BUFFER_BYTES = 2 * PART_BYTES;
const LAYER_BYTES = BUFFER_BYTES + 12_345;
const CREDENTIALS = { accessKeyId: 'test-access-key', secretAccessKey: 'test-secret-key' };

let folder: string;
let harness: ReturnType<typeof createTestHarness> | undefined;
let registry: RogueRegistry;
let url: URL;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-step-'));
  await build({
    entryPoints: [join(import.meta.dirname, 'workerd/step-worker.ts')],
    outfile: join(folder, 'worker.js'),
    bundle: true,
    format: 'esm',
    // The build fails for a module of Node's, because this platform has none.
    platform: 'browser',
    conditions: ['workerd', 'worker', 'browser'],
    logLevel: 'silent',
  });
  harness = createTestHarness({
    root: folder,
    workers: [
      {
        config: {
          name: 'step',
          main: 'worker.js',
          compatibility_date: '2026-10-01',
          compatibility_flags: ['no_nodejs_compat', 'no_nodejs_compat_v2'],
          r2_buckets: ['BUCKET', 'OTHER'].map((binding) => ({
            binding,
            bucket_name: binding.toLowerCase(),
            local_dev: { experimental_s3_credentials: CREDENTIALS },
          })),
        },
      },
    ],
  });
  ({ url } = await harness.listen());
  registry = await startRogueRegistry({ corpus: await createCorpus() });
}, 120_000);

afterAll(async () => {
  await harness?.close();
  await registry?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function createCorpus(): Promise<Corpus> {
  const content = emptyRepository();
  const layers = [
    await addStreamedLayer(content, 'large', LAYER_BYTES),
    await addLayer(content, 'small', { size: 1000 }),
  ];
  const image = addImage(content, { layers });
  tagAs(content, image, '1');
  addArtifact(content, { subject: image, artifactType: 'application/vnd.test.signature' });
  return { repositories: new Map([['app', content]]) };
}

function storeOf(bucket: string) {
  return { endpoint: new URL('/cdn-cgi/local/r2/s3', url).href, bucket, region: 'auto', ...CREDENTIALS };
}

async function step(): Promise<unknown> {
  const request: StepRequest = {
    host: registry.host,
    path: 'app',
    repository: 'mirror.test/app',
    tag: '1',
    partBytes: PART_BYTES,
    bufferBytes: BUFFER_BYTES,
  };
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(request) });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return JSON.parse(text);
}

test('a step in workerd copies a layer that is larger than all buffers, and leaves the bucket that Node leaves', async () => {
  const { endpoint, bucket, region, ...credentials } = storeOf('other');
  const store = new S3Store(
    { endpoint, bucket, region, prefix: '', pathStyle: true, credentials },
    createS3Connection(),
  );
  await openBucket(store, { name: 'test', audience: 'public', singleWriter: false, newId: 'node' });
  const source = await sourceAt(registry.host, 'app', { timeoutMs: 30_000 });
  const image = imageOf(source, 'mirror.test/app', { tags: ['1'], referrersEveryMs: 1 });
  const report = await runMirror(environmentFor(store, { limits: LIMITS }), 'test', [image]);
  expect([report.counts.created, report.blobs.copied]).toEqual([1, 4]);

  registry.requests.length = 0;
  expect(await step()).toEqual({
    result: {
      repository: 'mirror.test/app',
      counts: report.counts,
      items: report.items,
      findings: [],
      isServed: true,
      copied: { blobs: report.blobs, manifests: report.manifests, bytes: report.bytes },
      overview: {
        held: [],
        line: {
          name: 'mirror.test/app',
          tags: 1,
          pins: 0,
          held: 0,
          gone: 0,
          newest: { tag: '1', moved: expect.any(String) },
          checked: expect.any(String),
        },
      },
    },
    logged: [],
  });
  const ranges = registry.requests.filter(({ headers }) => headers['range'] !== undefined);
  expect(ranges).toHaveLength(Math.ceil(LAYER_BYTES / PART_BYTES));
  const [inNode, inWorkerd] = await Promise.all(
    ['other', 'bucket'].map((name) => snapshot({ client: s3ClientOf(storeOf(name)), bucket: name })),
  );
  expect(inNode?.size).toBeGreaterThan(10);
  expect(compareSnapshots(inNode ?? new Map(), inWorkerd ?? new Map())).toEqual([]);
});

test('the step can be run again: nothing is fetched, and nothing changes', async () => {
  registry.requests.length = 0;
  expect(await step()).toMatchObject({ result: { counts: { unchanged: 1 }, copied: { bytes: 0 } } });
  expect(registry.requests.filter(({ kind }) => kind === 'blob')).toEqual([]);
});
