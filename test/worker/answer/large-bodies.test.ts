/** Large answers are sent in pieces, because the runtime copies a body of plain bytes once per client. */
import { expect, it } from 'vitest';
import { bodyOf } from '../../../worker/isolate/large-body.ts';
import { r2Bucket } from '../support/bucket.ts';
import { countingBytes, putIdentity } from '../support/content.ts';
import { TestEdge } from '../support/test-edge.ts';

const LIMIT = 64 * 1024;

it.each([LIMIT + 1, 2 * LIMIT, 5 * LIMIT - 1])('%i bytes arrive whole', async (size) => {
  const bytes = countingBytes(size);
  const body = bodyOf(bytes);
  expect(body).toBeInstanceOf(ReadableStream);
  expect(new Uint8Array(await new Response(body).arrayBuffer())).toEqual(bytes);
});

it('a body of at most 64 KiB is sent in one piece', () => {
  const bytes = countingBytes(LIMIT);
  expect(bodyOf(bytes)).toBe(bytes);
});

it('a large list has its Content-Length, and HEAD answers the same headers without a body', async () => {
  const bucket = r2Bucket();
  await putIdentity(bucket);
  const tags = Array.from({ length: 20_000 }, (_, index) => `v${String(index).padStart(6, '0')}`);
  await bucket.put('repositories/quay.io/a/b/_tags.json', JSON.stringify({ name: 'quay.io/a/b', tags }));
  const edge = new TestEdge([bucket]);
  const path = '/v2/quay.io/a/b/tags/list';
  for (let time = 0; time < 2; time += 1) {
    const response = await edge.get(path);
    const body = await response.text();
    expect(JSON.parse(body)).toEqual({ name: 'quay.io/a/b', tags });
    expect(response.headers.get('content-length')).toBe(String(body.length));
    const head = await edge.head(path);
    expect([head.headers.get('content-length'), await head.text()]).toEqual([String(body.length), '']);
  }
  await edge.settle();
});
