/**
 * Tests a run that has to stop while something hangs: it ends within ten seconds with exit code 1, and writes its
 * report.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { addImage, addLayer, addStreamedLayer, tagAs } from '../../support/builder.ts';
import { emptyRepository } from '../../support/content.ts';
import { startCountingProxy, type CountingProxy, type ProxiedRequest } from '../../support/counting-proxy.ts';
import { startProgram, waitFor, type Program } from '../../support/process.ts';
import { startRogueRegistry, type RogueRegistry } from '../../support/rogue-registry.ts';
import { bundledJob, emptyBuckets, type Buckets } from '../../support/shared.ts';

// The limits are wide, because processes are slow on a busy machine. Each wait in this file has its own limit.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const MAIN = await bundledJob();
/** Every scheduler waits at least this long before it kills a run. */
const SCHEDULERS_WAIT_MS = 10_000;

let folder = '';
let store: Buckets;
let buckets: string[] = [];
let bucket = '';
let proxy: CountingProxy;
let registry: RogueRegistry;
let largeLayer = '';
/** A run that takes 20 s, so it runs beside the other tests. */
let neverAnswering: Awaited<ReturnType<typeof startBesideStoreThatNeverAnswers>>;
/** Decides which requests the store does not answer from now on. */
let hangs: (request: ProxiedRequest) => boolean = () => false;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-stop-'));
  const app = emptyRepository();
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'small')] }), 'small');
  const layer = await addStreamedLayer(app, 'large', 20_000_000);
  largeLayer = layer.digest;
  tagAs(app, addImage(app, { layers: [layer] }), 'large');
  const corpus = { repositories: new Map([['team/app', app]]) };
  registry = await startRogueRegistry({ corpus });
  store = await emptyBuckets(12);
  buckets = [...store.buckets];
  neverAnswering = await startBesideStoreThatNeverAnswers(await startRogueRegistry({ corpus }));
});

beforeEach(async () => {
  bucket = buckets.pop() ?? '';
  hangs = () => false;
  registry.misbehave(undefined);
  proxy = await startCountingProxy({
    target: new URL(store.endpoint).origin,
    before: (request) => (hangs(request) ? new Promise<void>(() => {}) : undefined),
  });
});

afterEach(async () => {
  await proxy?.stop();
});

afterAll(async () => {
  await neverAnswering?.stop();
  await registry?.stop();
  await rm(folder, { recursive: true, force: true });
});

const isPart = ({ method, query }: ProxiedRequest): boolean => method === 'PUT' && query.has('partNumber');

async function start(more: Readonly<Record<string, unknown>> = {}): Promise<Program> {
  const { region, accessKeyId, secretAccessKey } = store;
  const endpoint = `${proxy.url}${new URL(store.endpoint).pathname}`;
  const configuration = {
    store: { endpoint, bucket, region, accessKeyId, secretAccessKey },
    upstreams: { [registry.host]: { insecure: true } },
    images: [`${registry.host}/team/app:large`],
    ...more,
  };
  const file = join(folder, `${bucket}.yaml`);
  await writeFile(file, JSON.stringify(configuration));
  return startProgram(process.execPath, [MAIN, 'sync', '-c', file, '--json', '--report', reportFile()]);
}

function reportFile(): string {
  return join(folder, `${bucket}.json`);
}

/** @returns the exit code, and the report, after a check that standard output and the file have the same text */
async function endOf(program: Program): Promise<{ code: number | null; report: unknown }> {
  const timer = setTimeout(() => program.kill('SIGKILL'), SCHEDULERS_WAIT_MS);
  const { code } = await program.exited;
  clearTimeout(timer);
  const written = await readFile(reportFile(), 'utf8').catch(() => 'no report');
  expect(program.stdout()).toBe(written);
  return { code, report: JSON.parse(written) };
}

function stoppedBy(reason: string) {
  return {
    interrupted: true,
    counts: { created: 0, failed: 0, moved: 0, skipped: 1, unchanged: 0, held: 0, gone: 0 },
    items: [{ reference: 'large', outcome: { result: 'skipped', reason } }],
  };
}

const BY_SIGNAL = stoppedBy('The run was stopped (SIGTERM) before this was done.');

test('a stopped run aborts its upload when the upstream stalls in the middle of a blob', async () => {
  registry.misbehave(({ path }) =>
    path.endsWith(largeLayer) ? { kind: 'stall', after: 12_000_000 } : undefined,
  );
  const program = await start();
  await waitFor('a part', () => proxy.requests.some((one) => isPart(one) && one.status === 200), { program });
  program.kill('SIGTERM');
  const { code, report } = await endOf(program);
  expect(code).toBe(1);
  expect(report).toMatchObject(BY_SIGNAL);
  const uploads = proxy.requests.filter(({ query }) => query.has('uploadId'));
  expect(uploads.at(-1)).toMatchObject({ method: 'DELETE', status: 204 });
});

test('a stopped run aborts its upload when the store hangs in the middle of a blob', async () => {
  hangs = isPart;
  const program = await start();
  await waitFor('a part', () => proxy.requests.some(isPart), { program });
  program.kill('SIGTERM');
  const { code, report } = await endOf(program);
  expect(code).toBe(1);
  expect(report).toMatchObject(BY_SIGNAL);
  const uploads = proxy.requests.filter(({ query }) => query.has('uploadId'));
  expect(uploads.at(-1)).toMatchObject({ method: 'DELETE', status: 204 });
});

test('a stopped run ends with its report when the store no longer answers', async () => {
  hangs = (request) => isPart(request) || proxy.requests.some(isPart);
  const program = await start();
  await waitFor('a part', () => proxy.requests.some(isPart), { program });
  program.kill('SIGTERM');
  const { code, report } = await endOf(program);
  expect(code).toBe(1);
  expect(report).toMatchObject(BY_SIGNAL);
});

test('a stopped run does not blame the configuration when the store has never answered', async () => {
  hangs = () => true;
  const program = await start();
  await waitFor('a request', () => proxy.requests.length > 0, { program });
  program.kill('SIGTERM');
  const { code, report } = await endOf(program);
  expect(code).toBe(1);
  expect(report).toMatchObject({ interrupted: true, counts: { created: 0, failed: 0, skipped: 1 } });
});

const later = ({ region, accessKeyId, secretAccessKey, endpoint }: Buckets, name: string) => ({
  endpoint,
  bucket: name,
  region,
  accessKeyId,
  secretAccessKey,
});

test.each(['first', 'second'])('the %s of two stores is behind when it no longer answers', async (order) => {
  hangs = (request) => isPart(request) || proxy.requests.some(isPart);
  const whole = later(store, buckets.pop() ?? '');
  const hanging = { ...whole, bucket, endpoint: `${proxy.url}${new URL(store.endpoint).pathname}` };
  const stores = order === 'first' ? [hanging, whole] : [whole, hanging];
  const program = await start({ store: undefined, stores });
  await waitFor('a part', () => proxy.requests.some(isPart), { program });
  program.kill('SIGTERM');
  const { code, report } = await endOf(program);
  expect(code).toBe(1);
  expect(report).toMatchObject(BY_SIGNAL);
  const name = `The bucket "${bucket}" at ${hanging.endpoint}`;
  const behind = {
    name,
    state: 'behind',
    reason: expect.stringContaining('in the time that a run has to stop.'),
  };
  const inStep = { name: `The bucket "${whole.bucket}" at ${whole.endpoint}`, state: 'in step' };
  expect(report).toMatchObject({ stores: order === 'first' ? [behind, inStep] : [inStep, behind] });
});

/** Mirrors into two stores. The first one never answers. */
async function startBesideStoreThatNeverAnswers(upstream: RogueRegistry) {
  const silent = await startCountingProxy({
    target: new URL(store.endpoint).origin,
    before: () => new Promise<void>(() => {}),
  });
  const whole = later(store, buckets.pop() ?? '');
  const endpoint = `${silent.url}${new URL(store.endpoint).pathname}`;
  const hanging = { ...whole, bucket: buckets.pop() ?? '', endpoint };
  const configuration = {
    stores: [hanging, whole],
    upstreams: { [upstream.host]: { insecure: true } },
    images: [`${upstream.host}/team/app:large`],
  };
  const file = join(folder, 'never-answering.yaml');
  await writeFile(file, JSON.stringify(configuration));
  const program = await startProgram(process.execPath, [MAIN, 'sync', '-c', file, '--json']);
  const stop = async () => {
    await program.stop(0);
    await Promise.all([silent.stop(), upstream.stop()]);
  };
  return { program, hanging, stop };
}

test('a run names the first of two stores when it never answers, and fills the other one', async () => {
  const { program, hanging } = neverAnswering;
  const timer = setTimeout(() => program.kill('SIGKILL'), 50_000);
  const { code } = await program.exited;
  clearTimeout(timer);
  expect(code).toBe(1);
  const name = `The bucket "${hanging.bucket}" at ${hanging.endpoint}`;
  expect(JSON.parse(program.stdout())).toMatchObject({
    interrupted: false,
    counts: { created: 1, failed: 0, skipped: 0 },
    stores: [
      { name, state: 'behind', reason: `${name}: it has not answered within 20 s. Check its endpoint.` },
      { state: 'in step' },
    ],
  });
});

test('maxDuration stops a run as a signal does', async () => {
  registry.misbehave(({ path }) => (path.endsWith(largeLayer) ? { kind: 'hang' } : undefined));
  const program = await start({ maxDuration: '3s' });
  const { code } = await program.exited;
  expect(code).toBe(1);
  expect(JSON.parse(await readFile(reportFile(), 'utf8'))).toMatchObject(
    stoppedBy('maxDuration (3s) was over before this was done.'),
  );
  expect(program.stderr()).toMatch(/^maxDuration \(3s\) is over: stopping; aborting unfinished uploads\.\n/);
});
