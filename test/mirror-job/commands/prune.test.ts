/** Tests `lifeboat prune` over a real S3 API: the plan, the steps, and the plans and stores that it refuses. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { S3Store } from '../../../mirror-job/storage/s3/s3-store.ts';
import { emptyBuckets, type Buckets } from '../../support/shared.ts';
import { readJson } from '../../support/manifest-json.ts';
import { createIo, runMain, type Ended } from '../support/io.ts';
import { addUnneeded, endGraceOf, fillFolder, NAME } from './prunable-folder.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const LARGE = { retention: { maxDeletePercent: 90 } };

let folder = '';
let buckets: Buckets;
let store: S3Store;
let settings: object;
let opened = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-prune-'));
  buckets = await emptyBuckets(1);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach(async () => {
  opened += 1;
  // No other test uses this folder.
  const filled = await fillFolder(buckets, `prune-${opened}`);
  store = filled.bucket;
  settings = filled.how;
});

/** Writes a configuration that selects one tag of two. */
async function configure(more: object = LARGE, how: object = {}): Promise<void> {
  const images = [`${NAME}:stays`];
  await writeFile(
    join(folder, 'lifeboat.yaml'),
    JSON.stringify({ store: { ...settings, ...how }, images, ...more }),
  );
}

function prune(...args: readonly string[]): Promise<Ended> {
  return runMain(['prune', ...args], createIo({ cwd: folder }));
}

async function keys(): Promise<readonly string[]> {
  return (await store.list('', 1000)).filter((key) => !key.startsWith('state/'));
}

const endGrace = () => endGraceOf(store);

test('a plan is applied in steps, each of which says what it did', async () => {
  await configure();
  await addUnneeded(store);
  const before = await keys();
  expect(await prune('--check')).toMatchObject({
    code: 3,
    stdout: expect.stringContaining('no entry selects it'),
  });
  const planned = await prune();
  expect([planned.code, planned.stdout]).toEqual([
    0,
    expect.stringMatching(/goes {2}old {2}no entry selects it/),
  ]);
  expect(planned.stderr).toContain('lifeboat prune --apply prune-plan.json');
  expect(await store.list('state/_', 10)).toEqual([]);
  const applied = await prune('--apply', 'prune-plan.json');
  expect([applied.code, applied.stdout]).toEqual([
    0,
    expect.stringMatching(/\d+ objects, .* condemned\. After 20/),
  ]);
  expect(await prune('--continue')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('waits until'),
  });
  expect(await keys()).toEqual(before);
  await endGrace();
  // The same command goes on with a plan that was applied.
  expect(await prune('--apply', 'prune-plan.json')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('led to blobs'),
  });
  await endGrace();
  const done = await prune('--continue', '--json');
  expect([done.code, JSON.parse(done.stdout)]).toMatchObject([
    0,
    { stores: [{ step: 'swept', kind: 'done', objects: 2 }] },
  ]);
  const left = await keys();
  expect([left.length < before.length, left.filter((key) => key.includes('_tags/'))]).toEqual([
    true,
    [`repositories/${NAME}/_tags/stays`],
  ]);
  expect(await prune('--check')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('nothing to prune'),
  });
  expect(await prune('--continue')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('nothing is condemned'),
  });
});

test('another configuration of the bucket does not go on with the plan', async () => {
  await configure();
  await prune();
  await prune('--apply', 'prune-plan.json');
  await configure({ ...LARGE, name: 'other' });
  await endGrace();
  expect(await prune('--continue')).toMatchObject({ code: 2, stderr: expect.stringContaining('"default"') });
});

test('a plan that was applied can be given up', async () => {
  await configure();
  await prune();
  await prune('--apply', 'prune-plan.json');
  const other = await prune('--plan', 'other.json');
  expect(other.code).toBe(0);
  expect(await prune('--apply', 'other.json')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--cancel'),
  });
  expect(await prune('--cancel')).toMatchObject({ code: 0, stdout: expect.stringContaining('given up') });
  const again = await prune('--cancel');
  expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing is condemned') });
  expect(await prune('--apply', 'other.json')).toMatchObject({ code: 0 });
});

const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

test.each<[string, (plan: Record<string, unknown>) => unknown, string]>([
  ['is old', (plan) => ({ ...plan, made: '2026-01-01T00:00:00.000Z' }), 'more than seven days ago'],
  ['is of the future', (plan) => ({ ...plan, made: inAnHour() }), "in the future by this machine's clock"],
  [
    'is of another configuration',
    (plan) => ({ ...plan, configuration: 'other' }),
    'for the configuration "other"',
  ],
  ['is of another bucket', (plan) => ({ ...plan, stores: [] }), 'the plan is for another bucket'],
  [
    'names what is never pruned',
    (plan) => ({ ...plan, stores: [{ bucket: 'b', repositories: [], blobs: [{ key: 'lifeboat.json' }] }] }),
    'never pruned',
  ],
  ['is no plan', () => [], 'it is not a plan'],
])('a plan is refused with nothing touched if it %s', async (_, change, message) => {
  await configure();
  await prune();
  const file = join(folder, 'prune-plan.json');
  const plan = readJson(await readFile(file));
  await writeFile(file, JSON.stringify(change(plan)));
  expect(await prune('--apply', 'prune-plan.json')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(message),
  });
  expect(await store.list('state/_', 10)).toEqual([]);
});

test.each<[string, object, object, readonly string[], string]>([
  ['no retention', {}, {}, [], 'the configuration has no retention'],
  [
    'a grace that is too short',
    { retention: { grace: '24h' } },
    {},
    [],
    'retention.grace: it must be at least 25h',
  ],
  ['a pattern that cannot be used', { retention: { keep: ['['] } }, {}, [], 'retention.keep[0]'],
  ['two steps at once', LARGE, {}, ['--continue', '--cancel'], 'give one of'],
  ['no such plan', LARGE, {}, ['--apply', 'none.json'], 'it cannot be read (ENOENT)'],
  [
    'a bucket that does not exist',
    LARGE,
    { bucket: 'none' },
    [],
    'lifeboat.yaml:1: store: The bucket "none"',
  ],
  ['a store without conditional writes', LARGE, { singleWriter: true }, ['--continue'], 'singleWriter: true'],
])('%s is refused with exit code 2', async (_, more, how, args, message) => {
  await configure(more, how);
  expect(await prune(...args)).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
});

test('an in-use list that cannot be read ends the plan, and what a list has stays', async () => {
  await configure();
  const key = 'state/_clusters/one.json';
  const write = (list: unknown) =>
    store.put(key, Buffer.from(JSON.stringify(list)), { contentType: 'application/json' });
  await write({ version: 1 });
  expect(await prune()).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(
      /^failed The bucket .*one\.json.* What one runs is not known.*"lifeboat images --cluster one --publish"\n$/,
    ),
  });
  const at = '2026-01-01T00:00:00.000Z';
  const uses = [{ kind: 'Pod', name: 'p', how: 'running' }];
  const image = { reference: `${NAME}:old`, uses, useCount: 1, firstSeen: at, lastSeen: at };
  await write({ version: 1, cluster: 'one', observed: at, images: [image] });
  expect(await prune('--check')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('nothing to prune'),
  });
});
