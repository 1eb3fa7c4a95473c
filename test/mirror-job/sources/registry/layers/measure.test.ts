/** How requests are counted and timed. */
import { expect, test } from 'vitest';
import { measure } from '../../../../../mirror-job/sources/registry/layers/measure.ts';
import { nextThat, outgoing, response } from './fake-next.ts';

test.each([
  ['heads', { method: 'HEAD' }],
  ['manifestGets', {}],
  ['blobGets', { resource: 'blobs/sha256:0' }],
  ['lists', { resource: 'tags/list?n=2' }],
  ['lists', { resource: 'referrers/sha256:0' }],
] as const)('a request is counted among the %s, whatever comes of it', async (kind, more) => {
  const counted: string[] = [];
  const layer = measure((one) => counted.push(one));
  await layer(outgoing(more), nextThat(response(500)).next);
  await expect(layer(outgoing(more), nextThat(new Error('cut')).next)).rejects.toThrow('cut');
  expect(counted).toEqual([kind, kind]);
});

test('a caller that measures begins when the request is sent, and ends when it is answered', async () => {
  const seen: string[] = [];
  const layer = measure(() => seen.push('sent'));
  const done = response(200);
  const request = outgoing({
    timed: async (send) => {
      seen.push('begin');
      const value = await send();
      seen.push('end');
      return value;
    },
  });
  expect(await layer(request, nextThat(done).next)).toBe(done);
  expect(seen).toEqual(['begin', 'sent', 'end']);
});
