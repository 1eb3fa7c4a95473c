/** A run may write to a bucket that is Lifeboat's, has the same audience and honours conditional writes. */
import { expect, test } from 'vitest';
import { openBucket, type BucketExpectation } from '../../../../mirror-job/engine/store/bucket.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const expected: BucketExpectation = {
  name: 'default',
  audience: 'public',
  singleWriter: false,
  newId: 'new-id',
};

async function putJson(store: MemoryStore, key: string, value: unknown): Promise<void> {
  await store.put(key, Buffer.from(JSON.stringify(value)), { contentType: 'application/json' });
  store.calls.length = 0;
}

const writes = ({ calls }: MemoryStore) => calls.filter((call) => call.startsWith('put '));

test('an empty bucket gets a lifeboat.json', async () => {
  const store = new MemoryStore();
  expect(await openBucket(store, expected)).toEqual({ version: 1, id: 'new-id', audience: 'public' });
  expect(store.json('lifeboat.json')).toEqual({ version: 1, id: 'new-id', audience: 'public' });
  expect(store.keys()).toEqual(['lifeboat.json', 'state/default/probe']);
});

test('a bucket with a lifeboat.json keeps its id, and nothing but the probe is written', async () => {
  const store = new MemoryStore();
  await putJson(store, 'lifeboat.json', { version: 1, id: 'old-id', audience: 'public' });
  await putJson(store, 'blobs/x', {});
  expect((await openBucket(store, expected)).id).toBe('old-id');
  expect(new Set(writes(store))).toEqual(new Set(['put state/default/probe']));
});

test('two first runs at once: one of them writes lifeboat.json, and both use it', async () => {
  const store = new MemoryStore();
  store.before = async (call, key) => {
    if (call !== 'put' || key !== 'lifeboat.json') return;
    store.before = () => {};
    await putJson(store, 'lifeboat.json', { version: 1, id: 'theirs', audience: 'public' });
  };
  expect((await openBucket(store, expected)).id).toBe('theirs');
});

test('two first runs at once: the later one finds the bucket that the other one has begun', async () => {
  const store = new MemoryStore();
  store.before = async (call) => {
    if (call !== 'list') return;
    store.before = () => {};
    await putJson(store, 'blobs/x', {});
    await putJson(store, 'lifeboat.json', { version: 1, id: 'theirs', audience: 'public' });
  };
  expect((await openBucket(store, expected)).id).toBe('theirs');
});

test('the configuration of a Worker, notes of deployments and lists of clusters may be there before the first run', async () => {
  const store = new MemoryStore();
  for (const key of [
    'state/_config/lifeboat.yaml',
    'state/_deploy/lifeboat',
    'state/_clusters/a.json',
    'state/_clusters/b.json',
    'state/_clusters/X',
  ]) {
    await putJson(store, key, {});
  }
  expect((await openBucket(store, expected)).audience).toBe('public');
});

test.each([
  [
    'that holds other things beside a list of a cluster',
    { 'photos/1.jpg': {}, 'state/_clusters/a.json': {} },
    'The bucket in memory holds other things ("photos/1.jpg") and no lifeboat.json, so it is not Lifeboat\'s. Use an empty bucket, or set store.prefix to an empty folder of this one.',
  ],
  [
    'that holds other things',
    { 'photos/1.jpg': {} },
    'The bucket in memory holds other things ("photos/1.jpg") and no lifeboat.json, so it is not Lifeboat\'s. Use an empty bucket, or set store.prefix to an empty folder of this one.',
  ],
  [
    'of another version',
    { 'lifeboat.json': { version: 2, id: 'x', audience: 'public' } },
    "The bucket in memory: The bucket's object lifeboat.json cannot be used: its layout is version 2, and this Lifeboat reads version 1. Use the release that wrote it, or an empty bucket.",
  ],
  [
    'for another audience',
    { 'lifeboat.json': { version: 1, id: 'x', audience: 'token' } },
    'The bucket in memory is for the audience "token", and the configuration says "public". One bucket has one audience: set store.audience to "token", or use another bucket.',
  ],
  [
    'whose lifeboat.json is no object',
    { 'lifeboat.json': ['x'] },
    "The bucket in memory: The bucket's object lifeboat.json cannot be used: it is not a JSON object.",
  ],
])('a bucket %s is refused, and nothing is written', async (_name, objects, message) => {
  const store = new MemoryStore();
  for (const [key, value] of Object.entries(objects)) await putJson(store, key, value);
  const before = store.keys();
  await expect(openBucket(store, expected)).rejects.toThrow(
    expect.objectContaining({ name: 'BucketRefusedError', message }),
  );
  expect(writes(store)).toEqual([]);
  expect(store.keys()).toEqual(before);
});

test.each([
  ['ifNoneMatch', 'If-None-Match'],
  ['ifMatch', 'If-Match'],
] as const)(
  'a store that does not honour %s is refused, unless one run at a time is promised',
  async (ignored, header) => {
    const store = new MemoryStore();
    store.ignores = new Set([ignored]);
    await expect(openBucket(store, expected)).rejects.toThrow(
      `The bucket in memory does not honour ${header}, so two runs at once could undo each other's tags. If you make sure that runs never overlap, set store.singleWriter: true.`,
    );
    store.calls.length = 0;
    await openBucket(store, { ...expected, singleWriter: true });
    expect(writes(store)).toEqual([]);
  },
);
