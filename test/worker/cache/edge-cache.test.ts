/** Entries of the data centre's cache, which keep every field of an object, and are read only once there is room. */
import { expect, it } from 'vitest';
import { EdgeCache, type CachedObject } from '../../../worker/cache/edge-cache.ts';

const HEADERS = { 'lifeboat-at': '5', 'lifeboat-store': '1' };

function cacheOf(headers: Record<string, string>) {
  const cancelled: unknown[] = [];
  const body = new ReadableStream(
    {
      pull(controller) {
        controller.enqueue(new Uint8Array([1, 2, 3]));
        controller.close();
      },
      cancel: (reason) => void cancelled.push(reason),
    },
    { highWaterMark: 0 },
  );
  const cache = new EdgeCache({
    match: () => Promise.resolve(new Response(body, { headers })),
    put: () => Promise.resolve(),
    delete: () => Promise.resolve(false),
  });
  return { cache, cancelled };
}

it.each([
  [3, '3'],
  [8 * 1024 * 1024, undefined],
  [8 * 1024 * 1024, 'many'],
])('room for %i bytes is taken for a size of %j', async (expected, size) => {
  const { cache } = cacheOf(size === undefined ? HEADERS : { ...HEADERS, 'lifeboat-size': size });
  const admitted: number[] = [];
  const object = await cache.get('space', 'key', async (bytes) => void admitted.push(bytes));
  expect(object?.bytes).toEqual(new Uint8Array([1, 2, 3]));
  expect(admitted).toEqual([expected]);
});

it('without room the body is not read, and the error tells why', async () => {
  const { cache, cancelled } = cacheOf({ ...HEADERS, 'lifeboat-size': '3' });
  const full = new Error('full');
  await expect(cache.get('space', 'key', () => Promise.reject(full))).rejects.toBe(full);
  expect(cancelled.length).toBe(1);
});

it('an entry without a body is refused for want of room too', async () => {
  const cache = new EdgeCache({
    match: () => Promise.resolve(new Response(null, { headers: HEADERS })),
    put: () => Promise.resolve(),
    delete: () => Promise.resolve(false),
  });
  const full = new Error('full');
  await expect(cache.get('space', 'key', () => Promise.reject(full))).rejects.toBe(full);
});

const OBJECT: CachedObject = {
  bytes: new Uint8Array([1, 2, 3]),
  contentType: 'application/x',
  modified: '2026-01-01T00:00:00.000Z',
  readAtMs: 1_700_000_000_123,
  store: 2,
  bucket: 'an id, with ü / and %',
};
const addressOf = (space: string, key: string) => `https://cache.lifeboat.invalid/v1/${space}/${key}`;

it.each([
  ['all fields', OBJECT],
  ['no content type', { ...OBJECT, contentType: undefined }],
  ['no time', { ...OBJECT, modified: undefined }],
  ['no bucket', { ...OBJECT, bucket: undefined }],
  ['no bytes', { ...OBJECT, bytes: new Uint8Array() }],
])('an object with %s comes back as it was put, after room was taken for its size', async (_name, object) => {
  const cache = new EdgeCache(caches.default);
  const space = crypto.randomUUID();
  await cache.put(space, 'key', object, 60_000);
  const admitted: number[] = [];
  expect(await cache.get(space, 'key', async (bytes) => void admitted.push(bytes))).toEqual(object);
  expect(admitted).toEqual([object.bytes.length]);
  expect(await cache.get(space, 'other', async () => {})).toBe(undefined);
  await cache.delete(space, 'key');
  expect(await cache.get(space, 'key', async () => {})).toBe(undefined);
});

it.each([
  [60_000, 'max-age=60'],
  [1999, 'max-age=1'],
  [604_800_000, 'max-age=604800'],
])('an entry that may be answered for %i ms has the header %s', async (lifetimeMs, expected) => {
  const space = crypto.randomUUID();
  await new EdgeCache(caches.default).put(space, 'key', { ...OBJECT, bucket: 'ü' }, lifetimeMs);
  const { headers } = (await caches.default.match(addressOf(space, 'key'))) ?? new Response();
  expect(headers.get('cache-control')).toBe(expected);
  // Isolates of earlier releases share the cache, so the names of these headers stay.
  expect(Object.fromEntries([...headers].filter(([name]) => name.startsWith('lifeboat-')))).toEqual({
    'lifeboat-at': '1700000000123',
    'lifeboat-bucket': '%C3%BC',
    'lifeboat-modified': '2026-01-01T00:00:00.000Z',
    'lifeboat-size': '3',
    'lifeboat-store': '2',
  });
});

it.each([
  ['has none of the edge’s headers', {}],
  ['does not tell when it was read', { 'lifeboat-store': '1' }],
  ['was read at no time', { ...HEADERS, 'lifeboat-at': 'now' }],
  ['does not tell its store', { 'lifeboat-at': '5' }],
  ['is of half a store', { ...HEADERS, 'lifeboat-store': '1.5' }],
  ['has a bucket that is not encoded', { ...HEADERS, 'lifeboat-bucket': '%zz' }],
])('an entry that %s counts as absent', async (_name, headers) => {
  const space = crypto.randomUUID();
  const response = new Response('x', { headers: { ...headers, 'cache-control': 'max-age=60' } });
  await caches.default.put(addressOf(space, 'key'), response);
  expect(await new EdgeCache(caches.default).get(space, 'key', async () => {})).toBe(undefined);
});
