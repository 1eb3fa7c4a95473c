/** The job as a Worker mirrors from a registry into R2, in workerd: whole runs, begun by their cron trigger. */
import { parseDigest } from '../../../core/digest.ts';
import { blobKey } from '../../../core/layout.ts';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { s3ClientOf } from '../../support/bucket-reader.ts';
import { compareSnapshots, snapshot } from '../../support/bucket-snapshot.ts';
import {
  addArtifact,
  addImage,
  addIndex,
  addLayer,
  addStreamedLayer,
  AMD64,
  ARM64,
  shareLayer,
  tagAs,
  type Layer,
} from '../../support/builder.ts';
import { emptyRepository, type Corpus } from '../../support/content.ts';
import { startRogueRegistry, type RogueRegistry } from '../../support/rogue-registry.ts';
import { emptyBuckets } from '../../support/shared.ts';
import { sync } from '../../support/sync.ts';
import { JobInWorkerd } from './job-in-workerd.ts';

vi.setConfig({ testTimeout: 120_000 });

let job: JobInWorkerd;
let registry: RogueRegistry;
let corpus: Corpus;
let otherLayer: Layer;
let hour = 0;

/** @returns when the next run is due. Each test has its own hours */
function nextDue(): Date {
  hour += 1;
  return new Date(Date.UTC(2026, 10, 29, 0, 17) + hour * 3_600_000);
}

async function image(name: string) {
  const app = corpus.repositories.get('app') ?? emptyRepository();
  const layers = [await addLayer(app, `${name} of both`, { size: 3000 })];
  const children = [];
  for (const platform of [AMD64, ARM64]) {
    const own = await addLayer(app, `${name} ${platform.architecture}`, { size: 1000 });
    children.push(addImage(app, { platform, layers: [...layers, own] }));
  }
  return addIndex(app, children);
}

function configuration(): Record<string, unknown> {
  return {
    upstreams: { [registry.host]: { insecure: true } },
    images: [
      { source: `${registry.host}/app`, tags: ['*'] },
      { source: `${registry.host}/other`, tags: ['1'] },
    ],
  };
}

function textOf(value: Record<string, unknown>): string {
  return JSON.stringify({ store: { endpoint: '${S3_ENDPOINT}', bucket: 'unused' }, ...value });
}

beforeAll(async () => {
  const app = emptyRepository();
  const other = emptyRepository();
  corpus = {
    repositories: new Map([
      ['app', app],
      ['other', other],
    ]),
  };
  const first = await image('first');
  tagAs(app, first, '1.0', 'latest');
  tagAs(app, await image('second'), '2.0');
  addArtifact(app, { subject: first, artifactType: 'application/vnd.test.signature' });
  otherLayer = await addLayer(other, 'other', { size: 500 });
  tagAs(other, addImage(other, { layers: [otherLayer] }), '1');
  registry = await startRogueRegistry({ corpus });
  job = await JobInWorkerd.start();
}, 120_000);

afterAll(async () => {
  await job?.close();
  await registry?.stop();
});

beforeEach(() => {
  registry.misbehave(undefined);
  registry.requests.length = 0;
});

/** @returns the name under which a repository of the registry is served */
function serving(path: string): string {
  return `${registry.host.replace(':', '_')}/${path}`;
}

/** Makes one run, whose cron trigger fires. @returns its report */
async function run(due = nextDue()): Promise<unknown> {
  await job.fire(due);
  await job.outputOf(due);
  return job.read('state/default/last-run.json');
}

function requestsByKind(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { method, kind } of registry.requests) {
    const name = `${method} ${kind}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

test('a first run leaves the bucket that the job on a machine leaves, with as many requests', async () => {
  const bucket = await emptyBuckets();
  const synced = await sync(bucket, configuration());
  expect(synced.report.counts).toMatchObject({ created: 4, failed: 0 });
  const requestsOfNode = requestsByKind();
  registry.requests.length = 0;

  await job.configure(textOf(configuration()));
  expect(await run()).toMatchObject({ counts: { created: 4, failed: 0 }, findings: [] });
  expect(requestsByKind()).toEqual(requestsOfNode);
  const [byNode, byWorker] = await Promise.all(
    [bucket, job.store].map((store) => snapshot({ client: s3ClientOf(store), bucket: store.bucket })),
  );
  expect(byNode?.size).toBeGreaterThan(20);
  expect(compareSnapshots(byNode ?? new Map(), byWorker ?? new Map())).toEqual([]);
});

test('a run that finds nothing new asks for each tag once, and fetches nothing', async () => {
  expect(await run()).toMatchObject({ counts: { unchanged: 4, created: 0 }, bytes: 0 });
  expect(Object.keys(requestsByKind())).not.toContain('GET blob');
  expect(requestsByKind()).toMatchObject({ 'HEAD manifest': 4 });
});

test('a trigger that fires twice makes one run', async () => {
  const due = nextDue();
  await Promise.all([job.fire(due), job.fire(due)]);
  const { run: name } = await job.outputOf(due);
  await job.fire(due);
  expect(requestsByKind()).toMatchObject({ 'HEAD manifest': 4 });
  expect(await job.read('state/default/last-run.json')).toMatchObject({ run: name });
});

test('a run is left out while another one is still going', async () => {
  const going = Promise.withResolvers<void>();
  registry.misbehave(({ kind }) => {
    going.resolve();
    return kind === 'manifest' ? { kind: 'delay', milliseconds: 4000 } : undefined;
  });
  const [first, second] = [nextDue(), nextDue()];
  await job.fire(first);
  await going.promise;
  await job.fire(second);
  expect(await job.outputOf(second)).toMatchObject({ leftOut: /^The run run-2026-.* is still going/ });
  expect(await job.outputOf(first)).toMatchObject({ counts: { unchanged: 4 } });
});

test('a tag that moved is followed, and what it needs is fetched', async () => {
  const app = corpus.repositories.get('app') ?? emptyRepository();
  tagAs(app, await image('third'), 'latest');
  expect(await run()).toMatchObject({ counts: { unchanged: 3, moved: 1 } });
});

test('a step that fails twice is run again, and the third time the run goes on', async () => {
  const due = nextDue();
  await job.failStep('RUN', due, 'publish', 2);
  const before = await job.read('state/default/last-run.json');
  expect(await run(due)).toMatchObject({ counts: { unchanged: 4 } });
  expect(await job.read('state/default/last-run.json')).not.toEqual(before);
});

test('a repository whose step fails for good fails alone, with the reason, and the run reports the others', async () => {
  const end = await job.failStepOfNew('UPSTREAM', `mirror ${serving('app')}`, 5);
  try {
    expect(await run()).toMatchObject({
      counts: { failed: 1, unchanged: 1 },
      items: [{ repository: serving('app'), outcome: { result: 'failed', error: 'It was thrown away.' } }],
    });
  } finally {
    await end();
  }
  expect(await run()).toMatchObject({ counts: { failed: 0, unchanged: 4 } });
});

test('a step that is cut off in the middle is run again, and leaves the same bucket', async () => {
  const app = corpus.repositories.get('app') ?? emptyRepository();
  const next = await image('after a step that was cut off');
  tagAs(app, next, 'latest');
  const end = await job.cutOffStepOfNew('UPSTREAM', `mirror ${serving('app')}`);
  try {
    expect(await run()).toMatchObject({ counts: { failed: 0 } });
  } finally {
    await end();
  }
  expect(await run()).toMatchObject({ counts: { unchanged: 4 } });
});

test('an upstream that is down for the whole run fails its tags by name, and the next run goes on', async () => {
  registry.misbehave(() => ({ kind: 'status', status: 503 }));
  const report = await run();
  expect(report).toMatchObject({ counts: { failed: 2, unchanged: 0 } });
  expect(JSON.stringify(report)).toContain('503');
  registry.misbehave(undefined);
  expect(await run()).toMatchObject({ counts: { unchanged: 4, failed: 0 } });
});

test('a tag that its policy holds stays, and what upstream shows is stored', async () => {
  const app = corpus.repositories.get('app') ?? emptyRepository();
  tagAs(app, await image('fourth'), 'latest');
  const held = configuration();
  await job.configure(textOf({ ...held, defaults: { moves: { policy: 'hold' } } }));
  expect(await run()).toMatchObject({
    counts: { held: 1, unchanged: 3 },
    items: [{ reference: 'latest', outcome: { result: 'held' } }],
  });
  await job.configure(textOf(held));
});

test('a configuration that cannot be used leaves the last one in use, and the report says so', async () => {
  await job.configure('images: [');
  expect(await run()).toMatchObject({
    counts: { failed: 0 },
    warnings: [expect.stringMatching(/^state\/_config\/lifeboat\.yaml:\d+: .*\n.*last-good\.yaml\.$/)],
  });
  await job.configure(
    textOf({ ...configuration(), images: [{ source: 'oci:/srv/images', name: 'a.test/b', tags: ['*'] }] }),
  );
  expect(await run()).toMatchObject({
    warnings: [expect.stringContaining('a Worker has no disk, so it cannot mirror from an OCI layout.')],
  });
  await job.configure(textOf(configuration()));
  expect(await run()).not.toHaveProperty('warnings');
});

test('a blob that the bucket has lost is a finding, and is fetched again in the same run', async () => {
  const key = blobKey(parseDigest(otherLayer.digest));
  await job.delete(key);
  expect(await run()).toMatchObject({
    findings: [
      {
        kind: 'object-lost',
        message: expect.stringContaining(`It was fetched again from ${registry.host}/other.`),
      },
    ],
    blobs: { copied: 1 },
    bytes: otherLayer.size,
  });
  expect(await job.sizeOf(key)).toBe(otherLayer.size);
  expect(await run()).toMatchObject({ findings: [] });
});

test('a layer larger than all buffers is copied by an instance of its own, once for two repositories', async () => {
  const [app, other] = [corpus.repositories.get('app'), corpus.repositories.get('other')];
  if (app === undefined || other === undefined) throw new Error('There are two repositories.');
  const layer = await addStreamedLayer(app, 'large', 257 * 1024 * 1024);
  shareLayer(app, other, layer);
  tagAs(app, addImage(app, { layers: [layer] }), 'large');
  tagAs(other, addImage(other, { layers: [layer] }), '1');
  expect(await run()).toMatchObject({ counts: { created: 1, moved: 1, failed: 0, skipped: 0 } });
  const ofLayer = registry.requests.filter(
    ({ kind, reference }) => kind === 'blob' && reference === layer.digest,
  );
  // One instance fetches it in ranges of 8 MiB. The layer is in the bucket when the repositories are looked at again.
  expect(ofLayer).toHaveLength(33);
  expect(await job.sizeOf(blobKey(parseDigest(layer.digest)))).toBe(layer.size);
});
