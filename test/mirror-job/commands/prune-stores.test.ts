/** Tests `lifeboat prune` with several stores: each is pruned by itself, and one that fails is named and holds up no other. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { addImage, addLayer, tagAs } from '../../support/builder.ts';
import { emptyRepository } from '../../support/content.ts';
import { startRogueRegistry, type RogueRegistry } from '../../support/rogue-registry.ts';
import { emptyBuckets, type Buckets } from '../../support/shared.ts';
import { createIo, runMain, type Ended } from '../support/io.ts';
import { endGraceOf, fillFolder, NAME, type PrunableFolder } from './prunable-folder.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const INDEX = `repositories/${NAME}/_index.json`;
const NOWHERE = { endpoint: 'http://127.0.0.1:9' };

let folder = '';
let buckets: Buckets;
let registry: RogueRegistry;
let first: PrunableFolder;
let second: PrunableFolder;
let opened = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-prune-stores-'));
  buckets = await emptyBuckets(1);
  const web = emptyRepository();
  tagAs(web, addImage(web, { layers: [await addLayer(web, 'web')] }), '1');
  registry = await startRogueRegistry({ corpus: { repositories: new Map([['web', web]]) } });
});

afterAll(async () => {
  await registry.stop();
  await rm(folder, { recursive: true, force: true });
});

async function configure(ofSecond: object = {}): Promise<void> {
  await writeFile(
    join(folder, 'lifeboat.yaml'),
    JSON.stringify({
      stores: [first.how, { ...second.how, ...ofSecond }],
      upstreams: { [registry.host]: { insecure: true } },
      images: [`${NAME}:stays`, `${registry.host}/web:1`],
      retention: { maxDeletePercent: 90 },
    }),
  );
}

/** Makes two stores that are in step. */
beforeEach(async () => {
  opened += 1;
  first = await fillFolder(buckets, `first-${opened}`);
  second = await fillFolder(buckets, `second-${opened}`);
  await configure();
  // The first run brings the stores in step, and finds that their tags differed.
  const codes = [(await sync()).code, (await sync()).code];
  if (codes.join() !== '1,0') throw new Error(`The stores are not in step: ${codes.join()}`);
});

const sync = (): Promise<Ended> => runMain(['sync', `${registry.host}/web:1`], createIo({ cwd: folder }));

function prune(...args: readonly string[]): Promise<Ended> {
  return runMain(['prune', ...args], createIo({ cwd: folder }));
}

test('several stores are pruned each by itself, and one that does not answer is left out', async () => {
  expect((await prune()).stdout.match(/goes {2}old/g)).toHaveLength(2);
  const applied = await prune('--apply', 'prune-plan.json');
  expect([applied.code, applied.stdout.match(/condemned/g)]).toMatchObject([0, { length: 2 }]);
  await endGraceOf(first.bucket);
  const stepped = await prune('--continue');
  expect([stepped.code, stepped.stdout]).toEqual([0, expect.stringMatching(/led to blobs[^]*waits until/)]);
  await configure(NOWHERE);
  const without = await prune('--continue');
  expect([without.code, without.stderr]).toEqual([
    1,
    expect.stringContaining('was left out, because it is not in step'),
  ]);
  expect(without.stdout.match(/waits until/g)).toHaveLength(1);
});

test('a store that was away when the plan was made is said to be left out, and the others go on', async () => {
  await configure(NOWHERE);
  expect((await prune()).code).toBe(1);
  await configure();
  for (const done of [/condemned/, /led to blobs/]) {
    const { code, stdout, stderr } = await prune('--apply', 'prune-plan.json');
    expect([code, stdout.match(/^The bucket .*$/gm)]).toEqual([1, [expect.stringMatching(done)]]);
    expect(stderr).toContain(`${second.bucket.name} was left out, because the plan has nothing about it`);
    await endGraceOf(first.bucket);
  }
  expect(await second.bucket.list('state/_prune', 10)).toEqual([]);
});

test('a store that fails is named, with what mends it, and does not keep the others from their step', async () => {
  await prune();
  await prune('--apply', 'prune-plan.json');
  for (const { bucket } of [first, second]) await endGraceOf(bucket);
  await first.bucket.put(INDEX, Buffer.from('{'), { contentType: 'application/json' });
  const failed = `failed ${first.bucket.name}: the object ${INDEX} cannot be used`;
  const stepped = await prune('--continue');
  expect([stepped.code, stepped.stdout.split('\n')]).toEqual([
    1,
    [expect.stringContaining('led to blobs'), ''],
  ]);
  expect(stepped.stdout).toContain(`${second.bucket.name}: deleted`);
  expect(stepped.stderr).toContain(failed);
  expect(stepped.stderr).toContain('"lifeboat verify --repair" mends it');
  const planned = await prune('--check');
  expect([planned.code, planned.stdout.includes(second.bucket.name)]).toEqual([1, true]);
  expect(planned.stderr).toContain(failed);
  expect(planned.stderr).toContain('The plan leaves this store out');
});
