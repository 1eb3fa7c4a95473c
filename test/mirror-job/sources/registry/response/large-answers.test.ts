/** Only some of the long responses that are read whole are in memory at once. */
import { expect, test } from 'vitest';
import { FairShare } from '../../../../../mirror-job/engine/support/fair-share.ts';
import type { HttpResponse } from '../../../../../mirror-job/sources/registry/http-client.ts';
import { readWhole } from '../../../../../mirror-job/sources/registry/response/body.ts';

const CHUNK = 64 * 1024;
const LARGE = 256 * 1024;
const NO_HEADERS = { get: () => null };

/** Reads responses of one length at once. @returns the most bytes that were sent of unfinished responses */
async function mostAtOnce(count: number, chunks: number, slots: number): Promise<number> {
  let out = 0;
  let most = 0;
  async function* body() {
    for (let sent = 0; sent < chunks; sent += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      out += CHUNK;
      most = Math.max(most, out);
      yield new Uint8Array(CHUNK);
    }
  }
  const answerOf = (): HttpResponse => ({
    status: 200,
    headers: NO_HEADERS,
    discard: () => {},
    body: body(),
  });
  const large = new FairShare(slots);
  await Promise.all(
    Array.from({ length: count }, async () => {
      const bytes = await readWhole(answerOf(), chunks * CHUNK, 10_000, 'x', large);
      expect(bytes.length).toBe(chunks * CHUNK);
      out -= chunks * CHUNK;
    }),
  );
  expect(large.used).toBe(0);
  return most;
}

test('short responses are read at the same time', async () => {
  expect(await mostAtOnce(20, 4, 2)).toBeGreaterThan(10 * LARGE);
});

test('two long responses are read on, and the others wait after their first part', async () => {
  expect(await mostAtOnce(20, 16, 2)).toBeLessThanOrEqual(2 * 16 * CHUNK + 18 * (LARGE + CHUNK));
});

/** Sends half a megabyte, and then fails with the error, if there is one. */
function brokenAnswer(error: Error | undefined): HttpResponse {
  return {
    status: 200,
    headers: NO_HEADERS,
    discard: () => {},
    body: (async function* body() {
      for (let sent = 0; sent < 8; sent += 1) yield new Uint8Array(CHUNK);
      if (error !== undefined) throw error;
    })(),
  };
}

test('a response that is too long, or breaks off, gives its slot to the next one', async () => {
  const large = new FairShare(1);
  await expect(readWhole(brokenAnswer(undefined), 6 * CHUNK, 10_000, 'x', large)).rejects.toThrow(
    'x sent more than 393216 bytes',
  );
  await expect(readWhole(brokenAnswer(new Error('cut')), 9 * CHUNK, 10_000, 'x', large)).rejects.toThrow(
    'x closed',
  );
  expect((await readWhole(brokenAnswer(undefined), 8 * CHUNK, 10_000, 'x', large)).length).toBe(8 * CHUNK);
});
