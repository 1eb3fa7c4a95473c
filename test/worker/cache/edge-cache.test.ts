/** An object in the data centre's cache is read only once there is room for it. */
import { expect, it } from 'vitest';
import { EdgeCache } from '../../../worker/cache/edge-cache.ts';

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
