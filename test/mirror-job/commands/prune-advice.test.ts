/** Tests which next step `lifeboat prune` names for a bucket that it cannot prune as it is. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { emptyBuckets, type Buckets } from '../../support/shared.ts';
import { createIo, runMain, type Ended } from '../support/io.ts';
import { changeState, endGraceOf, fillFolder, NAME, type PrunableFolder } from './prunable-folder.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let folder = '';
let buckets: Buckets;
let filled: PrunableFolder;
let opened = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-prune-advice-'));
  buckets = await emptyBuckets(1);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach(async () => {
  opened += 1;
  filled = await fillFolder(buckets, `advice-${opened}`);
  await configure();
});

async function configure(how: object = {}): Promise<void> {
  const retention = { maxDeletePercent: 100 };
  const content = { store: { ...filled.how, ...how }, images: [`${NAME}:stays`], retention };
  await writeFile(join(folder, 'lifeboat.yaml'), JSON.stringify(content));
}

function prune(...args: readonly string[]): Promise<Ended> {
  return runMain(['prune', ...args], createIo({ cwd: folder }));
}

async function damage(prefix: string): Promise<string> {
  const [key = ''] = await filled.bucket.list(prefix, 1);
  await filled.bucket.put(key, Buffer.from('{'), { contentType: 'application/json' });
  return key;
}

test.each<[string, string, RegExp]>([
  [
    'a tag',
    `repositories/${NAME}/_tags/stays`,
    /verify --repair" mends it.*"lifeboat rescue docker\.io\/library\/app:stays --from SOURCE"/,
  ],
  ['an index', `repositories/${NAME}/_index.json`, /verify --repair" mends it/],
  [
    'a manifest',
    `repositories/${NAME}/_manifests/`,
    /verify --repair" .*"lifeboat rescue .*@sha256:.* --from/,
  ],
])('%s that cannot be read has to be mended, and nobody is told to delete it', async (_, prefix, advice) => {
  const key = await damage(prefix);
  const planned = await prune();
  expect([planned.code, planned.stdout]).toEqual([1, '']);
  expect(planned.stderr).toContain(`failed ${filled.bucket.name}: `);
  expect(planned.stderr).toContain(key.split('/').at(-1));
  expect(planned.stderr).toMatch(advice);
  expect(planned.stderr).not.toMatch(/delete|by hand/);
});

test('the catalogue of another configuration is written anew by a run of that one', async () => {
  const key = 'state/two/catalog.json';
  await filled.bucket.put(key, Buffer.from('{'), { contentType: 'application/json' });
  expect(await prune()).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('A run with the file of the configuration "two" writes it anew'),
  });
});

test('a state of pruning that cannot be read is given up once no sweep can be at work', async () => {
  await prune();
  await prune('--apply', 'prune-plan.json');
  await changeState(filled.bucket, { phase: 'junk' });
  for (const args of [[], ['--continue']]) {
    expect(await prune(...args)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/state\/_prune\.json cannot be used.*"lifeboat prune --cancel"/),
    });
  }
  expect(await prune('--cancel')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('was written a short while ago'),
  });
});

test('a list of condemned keys that cannot be read ends with the advice to give the plan up', async () => {
  await prune();
  await prune('--apply', 'prune-plan.json');
  await endGraceOf(filled.bucket);
  await damage('state/_prune/');
  expect(await prune('--continue')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/make a new one: "lifeboat prune --cancel"/),
  });
  expect(await prune('--cancel')).toMatchObject({ code: 0 });
});

test('a plan for a store without conditional writes says at once that no command applies it', async () => {
  await configure({ singleWriter: true });
  const planned = await prune();
  expect([planned.code, planned.stderr]).toEqual([
    0,
    expect.stringContaining('store has singleWriter: true'),
  ]);
  expect(planned.stderr).toContain('docs/removing.md');
  expect(planned.stderr).not.toContain('--apply');
});

test('verify names a sweep that has ended half-way, and repairs nothing of it', async () => {
  await prune();
  await prune('--apply', 'prune-plan.json');
  await endGraceOf(filled.bucket);
  const until = new Date(Date.now() + 600_000).toISOString();
  await changeState(filled.bucket, { phase: 'sweeping', until, sweeper: 'killed' });
  const key = `repositories/${NAME}/_tags.json`;
  const list = Buffer.from(JSON.stringify({ name: NAME, tags: ['stays'] }));
  await filled.bucket.put(key, list, { contentType: 'application/json' });
  for (const args of [[], ['--repair']]) {
    const { code, stdout } = await runMain(['verify', ...args], createIo({ cwd: folder }));
    expect([code, stdout]).toEqual([1, expect.stringContaining('"lifeboat prune --continue"')]);
    expect(stdout).not.toMatch(/wrong|repaired \d/);
  }
  expect(Buffer.from((await filled.bucket.get(key))?.bytes ?? [])).toEqual(list);
});

test.each(['none', 'in/valid'])('no command does anything for a bucket that is called %s', async (bucket) => {
  await configure({ bucket });
  for (const command of ['prune', 'verify', 'sync']) {
    expect(await runMain([command], createIo({ cwd: folder }))).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/lifeboat\.yaml:1: store.*(?:there is no such bucket|is not a name)/),
    });
  }
});

test('a store that does not answer is no wrong configuration for verify', async () => {
  await configure({ endpoint: 'http://127.0.0.1:9' });
  const { code, stdout } = await runMain(['verify'], createIo({ cwd: folder }));
  expect([code, stdout]).toEqual([1, expect.stringContaining('not known')]);
});
