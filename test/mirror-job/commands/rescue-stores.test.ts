/** Tests what a rescue, an approval and a revert leave for the other stores, and for the rest of a repository whose index is lost. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { addImage, addLayer, tagAs } from '../../support/builder.ts';
import { digestOfTag, emptyRepository } from '../../support/content.ts';
import { writeLayout } from '../../support/oci-layout.ts';
import { DamagedBucket } from './damaged-bucket.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const INDEX = 'repositories/a.b/app/_index.json';
let bucket: DamagedBucket;
let pinned = '';

beforeAll(async () => {
  bucket = await DamagedBucket.open(2);
  const content = emptyRepository();
  tagAs(content, addImage(content, { layers: [await addLayer(content, 'rescued')] }), 'q');
  pinned = digestOfTag(content, 'q');
  await writeLayout(content, join(bucket.folder, 'rescued'));
});

afterAll(() => bucket.close());

/** The configuration of both buckets, after a sync, and one that lists the first alone. */
async function two(prefix: string): Promise<{ both: string; first: string }> {
  const both = await bucket.fill(prefix, [0, 1]);
  const { stores, ...rest } = JSON.parse(await readFile(join(bucket.folder, both), 'utf8'));
  const first = `${prefix}-first.yaml`;
  await writeFile(join(bucket.folder, first), JSON.stringify({ ...rest, store: stores[0] }));
  return { both, first };
}

const served = async (prefix: string, number: number) =>
  [...(await bucket.content(prefix, number))].filter(([key]) => !/_index\.json$|^lifeboat\.json$/.test(key));

test.each([
  ['rescue', () => ['rescue', 'a.b/app:q', '--from', 'rescued']],
  ['approve', () => ['approve', `a.b/app:1@${pinned}`]],
  ['revert', () => ['revert', 'a.b/app:2', '--to', pinned]],
])('a store that the configuration of %s does not list is caught up by the next sync', async (name, args) => {
  const { both, first } = await two(name);
  if (name !== 'rescue') {
    await bucket.lifeboat('rescue', `a.b/app@${pinned}`, '--from', 'rescued', '-c', both);
  }
  const done = await bucket.lifeboat(...args(), '-c', first);
  expect([done.code, done.stderr]).toEqual([0, '']);
  const caughtUp = await bucket.lifeboat('sync', '-c', both);
  // The tags that it changes in the other store are a finding.
  expect([caughtUp.code, caughtUp.stdout]).toEqual([1, expect.stringContaining('caught up')]);
  expect(await served(name, 1)).toEqual(await served(name, 0));
  expect((await bucket.verify(both)).code).toBe(0);
  expect((await bucket.lifeboat('sync', '-c', both)).code).toBe(0);
});

test('a rescue into a repository whose index cannot be read keeps its other tags, and verify still names lost pins', async () => {
  const file = await bucket.fill('unreadable');
  await bucket.lifeboat('rescue', `a.b/app@${pinned}`, '--from', 'rescued', '-c', file);
  await bucket.put('unreadable', INDEX, Buffer.from('junk'), 'application/json');
  const before = await bucket.lifeboat('rescue', 'a.b/app:1', '--from', 'app', '-c', file);
  expect([before.code, before.stderr]).toEqual([0, expect.stringContaining('may have lost their pin')]);
  const { problems } = await bucket.verify(file);
  expect(problems).toMatchObject([{ kind: 'index-stale', key: INDEX }]);
  const repaired = await bucket.verify(file, '--repair');
  expect([repaired.code, repaired.repaired]).toMatchObject([
    0,
    [{ result: 'repaired', unprotected: [pinned] }],
  ]);
  const { stdout } = await bucket.lifeboat('status', '--repository', 'a.b/app', '--json', '-c', file);
  expect(stdout).toContain('"tags": 2');
  expect((await bucket.verify(file)).problems).toEqual([]);
});

test('a rescue takes the pins of an index that one of two stores has lost from the other one', async () => {
  const both = await bucket.fill('lost-one', [0, 1]);
  await bucket.lifeboat('rescue', `a.b/app@${pinned}`, '--from', 'rescued', '-c', both);
  await bucket.remove('lost-one', INDEX);
  const done = await bucket.lifeboat('rescue', 'a.b/app:1', '--from', 'app', '-c', both);
  expect([done.code, done.stderr]).toEqual([
    0,
    expect.stringContaining(`${INDEX} is missing. Its pins, and`),
  ]);
  for (const number of [0, 1]) {
    expect((await bucket.read('lost-one', INDEX, number)).bytes.toString()).toContain(pinned);
  }
  expect((await bucket.verify(both)).code).toBe(0);
});

const ofApp = (content: Map<string, string>) => [...content].filter(([key]) => key.includes('a.b/app/'));

test.each([
  ['the repository whole', () => /^repositories\/a\.b\/app\//],
  [
    'its index and a pinned manifest',
    () => new RegExp(`^${INDEX}$|app/_manifests/${pinned.replace(':', '/')}$`),
  ],
])(
  'when the first store has lost %s, a sync writes nothing and names the repair, which brings it back',
  async (what, lost) => {
    const prefix = what.startsWith('its') ? 'lost-pinned' : 'lost-whole';
    const both = await bucket.fill(prefix, [0, 1]);
    await bucket.lifeboat('rescue', `a.b/app@${pinned}`, '--from', 'rescued', '-c', both);
    const before = await bucket.content(prefix, 1);
    const keys = await bucket.keys(prefix, lost());
    expect(keys.length).toBeGreaterThan(1);
    for (const key of keys) await bucket.remove(prefix, key);
    const stopped = await bucket.lifeboat('sync', '-c', both);
    expect([stopped.code, stopped.stdout + stopped.stderr]).toEqual([
      1,
      expect.stringContaining(
        `Nothing of a.b/app is written in this run. "lifeboat verify -c ${both} --repair" brings`,
      ),
    ]);
    expect(ofApp(await bucket.content(prefix, 1))).toEqual(ofApp(before));
    expect((await bucket.verify(both, '--repair')).code).toBe(0);
    expect((await bucket.lifeboat('sync', '-c', both)).code).toBe(0);
    for (const number of [0, 1]) {
      expect((await bucket.read(prefix, INDEX, number)).bytes.toString()).toContain(pinned);
    }
    expect((await bucket.verify(both)).code).toBe(0);
  },
);
