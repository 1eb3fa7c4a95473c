/** A blob's bytes that a store gives wrongly, or stops to give after the answer has begun. */
import { beforeEach, expect, it } from 'vitest';
import { blobKey } from '../../../core/layout.ts';
import type { Digest } from '../../../core/digest.ts';
import { s3Bucket, type TestBucket } from '../support/bucket.ts';
import { countingBytes, putBlob, putIdentity } from '../support/content.ts';
import { TestEdge } from '../support/test-edge.ts';

const SEVERAL = { range: 'bytes=0-1,4-6,8-8' };

let bucket: TestBucket;
let digest: Digest;
let edge: TestEdge;
beforeEach(async () => {
  bucket = s3Bucket();
  await putIdentity(bucket);
  digest = await putBlob(bucket, 'docker.io/library/app', countingBytes(10));
  edge = new TestEdge([bucket], { variables: { BLOBS: 'stream' } });
});

const get = (headers: Record<string, string>) => edge.get(`/v2/library/app/blobs/${digest}`, headers);

/** Whether the answer's body arrives whole. */
async function isWhole(response: Response): Promise<boolean> {
  try {
    const bytes = await response.arrayBuffer();
    return bytes.byteLength === Number(response.headers.get('content-length'));
  } catch {
    return false;
  }
}

it('several parts arrive whole, and nothing is logged for them', async () => {
  const response = await get(SEVERAL);
  expect([response.status, await isWhole(response)]).toEqual([206, true]);
  await edge.settle();
  expect(edge.refreshFailures).toEqual([]);
});

it('an answer of several parts breaks off when the store refuses a later part, and that is logged', async () => {
  let parts = 0;
  edge.fault = (key) => {
    if (key !== blobKey(digest)) return undefined;
    parts += 1;
    return parts === 2 ? new Response('', { status: 403 }) : undefined;
  };
  const response = await get(SEVERAL);
  expect([response.status, await isWhole(response)]).toEqual([206, false]);
  await edge.settle();
  const key = blobKey(digest);
  expect(edge.refreshFailures).toEqual([{ key, failures: [`Store 1 answered 403 for ${key}.`] }]);
  expect(edge.events.at(-1)?.trace.failures).toEqual([]);
});

it('a blob of another size than its link’s is not answered, and the log has both sizes', async () => {
  await bucket.put(blobKey(digest), countingBytes(9));
  const response = await get({});
  expect([response.status, await response.json()]).toEqual([
    503,
    { errors: [{ code: 'UNAVAILABLE', message: 'The store does not give this object at the moment.' }] },
  ]);
  const failures = edge.events.at(-1)?.trace.failures ?? [];
  expect(failures[0]).toBe(`Store 1 has 9 bytes of ${blobKey(digest)}, and not 10.`);
});
