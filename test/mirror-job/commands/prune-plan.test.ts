/** Tests when a plan of `lifeboat prune` is made and may be applied, and which next step each command names. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { startCountingProxy } from '../../support/counting-proxy.ts';
import { emptyBuckets, type Buckets } from '../../support/shared.ts';
import { createIo, runMain, type Ended, type TestIo } from '../support/io.ts';
import { changeState, endGraceOf, fillFolder, NAME, type PrunableFolder } from './prunable-folder.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const FILE = 'other.yaml';

let folder = '';
let buckets: Buckets;
let filled: PrunableFolder;
let opened = 0;
/** The request at which the command gets a signal. */
let stopAt: (method: string, path: string) => boolean = () => false;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-prune-plan-'));
  buckets = await emptyBuckets(1);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach(async () => {
  opened += 1;
  filled = await fillFolder(buckets, `plan-${opened}`);
});

async function configure(more: object = {}): Promise<void> {
  const retention = { maxDeletePercent: 100 };
  const content = { store: filled.how, images: [`${NAME}:stays`], retention, ...more };
  await writeFile(join(folder, FILE), JSON.stringify(content));
}

function prune(...args: readonly string[]): Promise<Ended> {
  return runMain(['prune', '-c', FILE, ...args], createIo({ cwd: folder }));
}

const states = () => filled.bucket.list('state/_', 10);

test('a plan that takes what the configuration does not list any more is applied only with --unlisted', async () => {
  await configure({ images: ['docker.io/library/another:1'] });
  const planned = await prune();
  expect([planned.code, planned.stdout]).toEqual([0, expect.stringContaining(`${NAME} (not listed)`)]);
  expect(planned.stderr).toContain(`${NAME}. If no other file with the same name lists it`);
  expect(planned.stderr).toContain(`prune -c ${FILE} --apply prune-plan.json --unlisted`);
  const refused = await prune('--apply', 'prune-plan.json');
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringContaining(`${NAME}. If another file with the name "default" lists one of them`),
  ]);
  expect(await states()).toEqual([]);
  const applied = await prune('--apply', 'prune-plan.json', '--unlisted');
  expect([applied.code, applied.stdout]).toEqual([0, expect.stringContaining('condemned')]);
  expect(await prune('--unlisted')).toMatchObject({ code: 2, stderr: expect.stringContaining('--apply') });
});

test('a plan that would delete too much ends with exit code 2, and nothing suggests to apply it', async () => {
  await configure({ retention: {} });
  const planned = await prune();
  expect([planned.code, planned.stdout]).toEqual([
    2,
    expect.stringContaining('more than retention.maxDeletePercent (10) allows'),
  ]);
  expect(planned.stderr).not.toContain('--apply');
  expect(await prune('--apply', 'prune-plan.json')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('% of its'),
  });
});

test('a store that is down does not keep the others from being planned', async () => {
  const { how } = filled;
  const down = { ...how, prefix: 'down', endpoint: 'http://127.0.0.1:9' };
  await configure({ store: undefined, stores: [down, how] });
  const planned = await prune();
  expect([planned.code, planned.stdout, planned.stderr]).toEqual([
    1,
    expect.stringMatching(/goes {2}old/),
    expect.stringMatching(/127\.0\.0\.1:9.*The plan leaves this store out/),
  ]);
});

test('while a plan is under way, each command says so, and how it goes on', async () => {
  await configure();
  await prune();
  const applied = await prune('--apply', 'prune-plan.json');
  expect(applied.stdout).toContain(`go on with: "lifeboat prune -c ${FILE} --continue"`);
  const planned = await prune();
  expect([planned.code, planned.stdout]).toEqual([
    0,
    expect.stringMatching(/a plan was applied at 20.*, and deletes what leads to blobs after 20/),
  ]);
  expect(planned.stderr).toContain(`prune -c ${FILE} --continue`);
  expect(planned.stderr).not.toContain('--apply');
  const status = await runMain(['status', '-c', FILE], createIo({ cwd: folder }));
  expect([status.code, status.stdout]).toEqual([
    0,
    expect.stringMatching(/pruning: a plan was applied at 20.*prune -c other\.yaml --continue/),
  ]);
  await endGraceOf(filled.bucket);
  const until = new Date(Date.now() + 600_000).toISOString();
  await changeState(filled.bucket, { phase: 'sweeping', until, sweeper: 'another' });
  for (const step of ['--continue', '--cancel']) {
    expect(await prune(step)).toMatchObject({ code: 1, stderr: expect.stringContaining('sweep') });
  }
});

test('a signal stops a plan and a sweep with exit code 1, and a later sweep deletes the rest', async () => {
  let io: TestIo = createIo({ cwd: folder });
  const proxy = await startCountingProxy({
    target: new URL(buckets.endpoint).origin,
    before: ({ method, path, query }) => {
      if (!stopAt(method, query.get('prefix') ?? path)) return;
      stopAt = () => false;
      io.signals.emit('SIGINT', 'SIGINT');
    },
  });
  onTestFinished(() => proxy.stop());
  const stopped = async (...args: readonly string[]) => {
    io = createIo({ cwd: folder });
    const { code, stderr } = await runMain(['prune', '-c', FILE, ...args], io);
    return [code, stderr.includes('stopped before the end'), stderr.includes('fault of Lifeboat')];
  };
  const endpoint = `${proxy.url}${new URL(buckets.endpoint).pathname}`;
  await configure({ store: { ...filled.how, endpoint } });
  stopAt = (method, path) => method === 'GET' && path.includes('repositories/');
  expect(await stopped()).toEqual([1, true, false]);
  await prune();
  await prune('--apply', 'prune-plan.json');
  await endGraceOf(filled.bucket);
  stopAt = (method, path) => method === 'DELETE' && path.includes('/_tags/old');
  expect(await stopped('--continue')).toEqual([1, true, false]);
  expect(await prune('--continue')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('led to blobs'),
  });
});
