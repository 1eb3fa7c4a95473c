/** No upstream takes a whole shared capacity while another one has work; alone, it may have everything. */
import { array, assert, asyncProperty, boolean, integer, nat, record } from 'fast-check';
import { expect, test } from 'vitest';
import { BufferPool } from '../../../../mirror-job/engine/transfer/buffer-pool.ts';
import { FairShare, type Party } from '../../../../mirror-job/engine/support/fair-share.ts';

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** Takes shares in the background. @returns the number of those granted so far */
function takeAll(share: FairShare, party: Party, count: number, size = 1): () => number {
  let granted = 0;
  for (let index = 0; index < count; index += 1) {
    const request = async (): Promise<void> => {
      await share.take(party, size);
      granted += 1;
    };
    void request();
  }
  return () => granted;
}

const slow = 'slow.test';
const good = 'good.test';

test('a party without competitors may have everything', async () => {
  const share = new FairShare(32);
  share.join(slow);
  const granted = takeAll(share, slow, 40);
  await settle();
  expect(granted()).toBe(32);
});

test('half of the capacity is reserved in equal parts for all parties with work, and the rest goes to the first that asks', async () => {
  const share = new FairShare(32);
  share.join(slow);
  share.join(good);
  const first = takeAll(share, slow, 40);
  const second = takeAll(share, good, 40);
  await settle();
  expect([first(), second()]).toEqual([24, 8]);
});

test('a share that is returned goes to the party that holds least', async () => {
  const share = new FairShare(8);
  share.join(slow);
  share.join(good);
  const first = takeAll(share, slow, 20);
  const second = takeAll(share, good, 20);
  await settle();
  expect([first(), second()]).toEqual([6, 2]);
  share.give(slow, 1);
  share.give(slow, 1);
  await settle();
  expect([first(), second()]).toEqual([6, 4]);
});

test('nothing is reserved for a party whose work is done', async () => {
  const share = new FairShare(32);
  share.join(slow);
  share.join(good);
  const granted = takeAll(share, slow, 40);
  await settle();
  expect(granted()).toBe(24);
  share.leave(good);
  await settle();
  expect(granted()).toBe(32);
});

test('many parties that hold their shares leave one slot for each other one', async () => {
  const share = new FairShare(16);
  const parties = Array.from({ length: 8 }, (_, index) => `party ${index}`);
  for (const party of parties) share.join(party);
  const granted = parties.map((party) => takeAll(share, party, 100));
  await settle();
  expect(granted.map((count) => count())).toEqual([9, 1, 1, 1, 1, 1, 1, 1]);
});

test('a request for more than the total is granted when nothing else is held, and does not stop small ones of others', async () => {
  const share = new FairShare(100, 10);
  share.join(slow);
  share.join(good);
  const held = takeAll(share, slow, 1, 10);
  const huge = takeAll(share, slow, 1, 1000);
  const small = takeAll(share, good, 2, 10);
  await settle();
  expect([held(), huge(), small()]).toEqual([1, 0, 2]);
  share.give(slow, 10);
  share.give(good, 10);
  share.give(good, 10);
  await settle();
  expect(huge()).toBe(1);
});

test('buffers are reserved for another upstream while one holds its whole share', async () => {
  const pool = new BufferPool(80, 10);
  pool.share.join(slow);
  pool.share.join(good);
  let granted = 0;
  for (let index = 0; index < 8; index += 1) void pool.take(10, slow).then(() => (granted += 1));
  await settle();
  expect(granted).toBe(6);
  expect((await pool.take(10, good)).bytes.length).toBe(10);
});

test('every request is granted in the end, and never more than the total at once', async () => {
  const step = record({
    party: nat(3),
    size: integer({ min: 1, max: 12 }),
    joins: boolean(),
  });
  await assert(
    asyncProperty(array(step, { maxLength: 40 }), integer({ min: 1, max: 10 }), async (steps, total) => {
      const share = new FairShare(total);
      let most = 0;
      const work = steps.map(async ({ party, size, joins }) => {
        const whose = `party ${party}`;
        if (joins) share.join(whose);
        await share.take(whose, size);
        if (size <= total) most = Math.max(most, share.used);
        await settle();
        share.give(whose, size);
        if (joins) share.leave(whose);
      });
      await Promise.all(work);
      expect([share.used, most <= total]).toEqual([0, true]);
    }),
    { numRuns: 60 },
  );
});
