/** One run at a time, by a note in the bucket. */
import { beforeEach, expect, test } from 'vitest';
import { claimRun, type OtherRun } from '../../../mirror-job/workflow/running-note.ts';
import { MemoryStore } from '../support/memory-store.ts';

let store: MemoryStore;
/** The instances that have not ended. */
let running: Set<string>;

beforeEach(() => {
  store = new MemoryStore();
  running = new Set();
});

const KEY = 'state/default/running.json';
const NOON = new Date('2026-11-29T12:00:00Z');

async function claim(instance: string, now = NOON): Promise<string | undefined> {
  return (await claimed(instance, now))?.instance;
}

function claimed(instance: string, now = NOON): Promise<OtherRun | undefined> {
  return claimRun(store, 'default', instance, now, async (id) => running.has(id));
}

test('the first run goes on, and another one is left out until the first one has ended', async () => {
  expect(await claim('one')).toBeUndefined();
  running.add('one');
  expect(await claim('two')).toBe('one');
  expect(store.json(KEY)).toEqual({ instance: 'one', begun: NOON.toISOString(), leftOut: 'two' });
  running.delete('one');
  expect(await claim('two')).toBeUndefined();
  expect(store.json(KEY)).toMatchObject({ instance: 'two' });
});

test('the first run that is left out tells of it, also when it plans again, and the next ones do not', async () => {
  await claim('one');
  running.add('one');
  for (const isTold of [false, false]) expect(await claimed('two')).toEqual({ instance: 'one', isTold });
  expect(await claimed('three')).toEqual({ instance: 'one', isTold: true });
  running = new Set(['four']);
  expect(await claimed('four')).toBeUndefined();
  expect(await claimed('five')).toEqual({ instance: 'four', isTold: false });
});

test('a run that plans again finds its own note, and goes on', async () => {
  await claim('one');
  running.add('one');
  expect(await claim('one')).toBeUndefined();
});

test('an instance that is not known any more, or began a day ago, keeps nobody out', async () => {
  await claim('one');
  expect(await claim('two')).toBeUndefined();
  running.add('two');
  expect(await claim('three', new Date(NOON.getTime() + 23 * 3_600_000))).toBe('two');
  expect(await claim('three', new Date(NOON.getTime() + 24 * 3_600_000))).toBeUndefined();
});

test.for(['', 'no JSON', '[]', '{"instance":5}'])(
  'a note that cannot be read keeps nobody out: %s',
  async (text) => {
    await store.put(KEY, new TextEncoder().encode(text), { contentType: 'application/json' });
    expect(await claim('one')).toBeUndefined();
    expect(store.json(KEY)).toMatchObject({ instance: 'one' });
  },
);

test('of two runs that claim at once one goes on, and a write that was repeated does not leave its own run out', async () => {
  running = new Set(['one', 'two']);
  const results = await Promise.all([claim('one'), claim('two')]);
  expect(results.filter((result) => result === undefined)).toHaveLength(1);
  store.put = async () => 'conflict';
  expect(await claim(results[0] === undefined ? 'one' : 'two')).toBeUndefined();
});
