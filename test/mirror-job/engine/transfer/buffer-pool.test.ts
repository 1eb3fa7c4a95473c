import { expect, test } from 'vitest';
import { BufferPool, type PooledBuffer } from '../../../../mirror-job/engine/transfer/buffer-pool.ts';

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** Takes buffers in the background, and records the order in which they were granted. */
function taker(pool: BufferPool, order: string[]) {
  return (name: string, size: number): Promise<PooledBuffer> =>
    pool.take(size).then((buffer) => {
      order.push(name);
      return buffer;
    });
}

test('a buffer that fits is granted at once, and the others in the order of the requests', async () => {
  const pool = new BufferPool(100, 40);
  const order: string[] = [];
  const take = taker(pool, order);
  const [first, second] = [take('first', 40), take('second', 60)];
  const third = take('third', 50);
  const fourth = take('fourth', 1);
  await settle();
  expect(order).toEqual(['first', 'second']);
  (await first).release();
  await settle();
  expect(order).toEqual(['first', 'second']);
  (await second).release();
  await settle();
  expect(order).toEqual(['first', 'second', 'third', 'fourth']);
  expect([(await third).bytes.length, (await fourth).bytes.length]).toEqual([50, 1]);
});

test.each([101, 9e15, -1, Number.NaN, Infinity])(
  'a buffer of %d bytes is refused by a pool of 100',
  async (size) => {
    const pool = new BufferPool(100, 40);
    const small = await pool.take(1);
    await expect(pool.take(size)).rejects.toThrow(
      new RangeError(`A buffer of ${size} bytes does not fit into a pool of 100.`),
    );
    // The failed request does not hold up the next one.
    expect((await pool.take(99)).bytes.length).toBe(99);
    small.release();
    expect(pool.used).toBe(99);
  },
);

test('a buffer that cannot be allocated is not counted, and the next one is granted', async () => {
  // No machine has so much memory.
  const [total, huge] = [2 ** 53, 2 ** 52];
  const pool = new BufferPool(total, 40);
  await expect(pool.take(huge)).rejects.toThrow(RangeError);
  expect([pool.used, pool.held]).toEqual([0, 0]);
  // The same holds for a request that had to wait.
  const small = await pool.take(40);
  const order: string[] = [];
  const take = taker(pool, order);
  const failed = take('failed', total).catch(() => order.push('refused'));
  const next = take('next', 41);
  await settle();
  expect(order).toEqual([]);
  small.release();
  await Promise.all([failed, next]);
  expect(order.toSorted()).toEqual(['next', 'refused']);
  expect(pool.used).toBe(41);
});

test('buffers of the pooled size are reused, unless somebody may still read them', async () => {
  const pool = new BufferPool(100, 40);
  const first = await pool.take(40);
  first.release();
  const second = await pool.take(40);
  expect(second.bytes).toBe(first.bytes);
  second.release({ reuse: false });
  const third = await pool.take(40);
  expect(third.bytes).not.toBe(first.bytes);
  const other = await pool.take(30);
  other.release();
  expect((await pool.take(30)).bytes).not.toBe(other.bytes);
});

test('buffers that wait for reuse count towards the total, and some are dropped for a buffer of another size', async () => {
  const pool = new BufferPool(100, 40);
  const [first, second] = await Promise.all([pool.take(40), pool.take(40)]);
  first.release();
  second.release();
  const other = await pool.take(50);
  const again = await pool.take(40);
  // The older of the two was kept, and the other one was dropped.
  expect([first.bytes, second.bytes].includes(again.bytes)).toBe(true);
  again.release();
  other.release();
  const both = await Promise.all([pool.take(40), pool.take(40)]);
  expect(both.filter(({ bytes }) => bytes === first.bytes || bytes === second.bytes)).toHaveLength(1);
});
