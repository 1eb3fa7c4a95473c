/** The edge remembers the health of a store, and tells the times, counts and failures of its reads. */
import { beforeEach, expect, it } from 'vitest';
import { r2Bucket, s3Bucket, type TestBucket } from '../support/bucket.ts';
import { manifestText, putIdentity, putTag } from '../support/content.ts';
import { hang, only, status } from '../support/faults.ts';
import { TestEdge } from '../support/test-edge.ts';

const NAME = 'docker.io/library/app';
const TAG = '/v2/library/app/manifests/latest';
const TAG_KEY = `repositories/${NAME}/_tags/latest`;
const IDENTITY = 'lifeboat.json';
const KIB = 1024;

let bucket: TestBucket;
beforeEach(async () => {
  bucket = s3Bucket();
  await putIdentity(bucket);
  await putTag(bucket, NAME, 'latest', 'a');
});

/** The data centre's cache, with a list of the identities that are looked for and put. */
function watchedCache() {
  const identities: string[] = [];
  const note = (what: string, address: RequestInfo | URL) => {
    if (new Request(address).url.includes('/identities%2F/')) identities.push(what);
  };
  const cache = {
    match(address: RequestInfo | URL) {
      note('match', address);
      return caches.default.match(address);
    },
    put(address: RequestInfo | URL, response: Response) {
      note('put', address);
      return caches.default.put(address, response);
    },
    delete: (address: RequestInfo | URL) => caches.default.delete(address),
  };
  return { cache, identities };
}

it('an answer tells how often stores were read, and how long they took', async () => {
  const edge = new TestEdge([bucket]);
  edge.fault = (key) => {
    edge.now += key === IDENTITY ? 30 : 40;
    return undefined;
  };
  const { headers } = await edge.get(TAG);
  expect(headers.get('server-timing')).toBe('total;dur=70, store;dur=70;desc="2"');
  edge.now += 120_000;
  edge.fault = (key) => {
    edge.now += key === IDENTITY ? 30 : 40;
    return new Response('', { status: 500 });
  };
  expect((await edge.get(TAG)).headers.get('server-timing')).toBe('total;dur=70, store;dur=70;desc="2"');
  expect(edge.events.map(({ trace }) => [trace.reads, trace.storeMs])).toEqual([
    [2, 70],
    [2, 70],
  ]);
});

it('a read that takes too long is aborted, and requests soon after it are told so', async () => {
  const edge = new TestEdge([bucket]);
  edge.fault = hang;
  for (const _ of [1, 2]) expect((await edge.get(TAG)).status).toBe(503);
  expect(edge.sent.map(({ signal }) => signal?.aborted)).toEqual([true]);
  expect(edge.events.map(({ trace }) => trace.failures)).toEqual([
    ['Store 1 did not answer in time.'],
    ['Store 1 did not answer in time a moment ago.'],
  ]);
});

it('an object whose read takes too long is aborted too', async () => {
  const edge = new TestEdge([bucket]);
  await edge.get('/v2/');
  edge.fault = only(1, hang, TAG_KEY);
  expect((await edge.get(TAG)).status).toBe(503);
  expect(edge.sent.map(({ signal }) => signal?.aborted)).toEqual([false, true, false]);
});

it('a store that refuses an object, and turns out to be of another audience, serves nothing', async () => {
  const edge = new TestEdge([bucket]);
  await edge.get('/v2/');
  await putIdentity(bucket, 'token');
  edge.fault = only(1, status(500), TAG_KEY);
  const response = await edge.get(TAG);
  expect([response.status, await response.json()]).toEqual([
    503,
    {
      errors: [
        {
          code: 'UNAVAILABLE',
          message:
            'The variable AUDIENCE cannot be used: it is public, but the bucket of store 1 is for token.',
        },
      ],
    },
  ]);
});

it('a store that is still the same bucket after a check keeps what memory holds', async () => {
  const cache = {
    match: () => Promise.resolve(undefined),
    put: () => Promise.resolve(),
    delete: () => Promise.resolve(false),
  };
  const edge = new TestEdge([bucket], { cache });
  await edge.get(TAG);
  edge.now += 5000;
  await edge.get('/v2/');
  expect(edge.takeReads()).toEqual([`1 ${IDENTITY}`, `1 ${TAG_KEY}`, `1 ${IDENTITY}`]);
  expect((await edge.get(TAG)).headers.get('lifeboat-cache')).toBe('hit-memory');
});

it('an identity is put into the data centre’s cache once, and looked for once', async () => {
  const { cache, identities } = watchedCache();
  const first = new TestEdge([bucket], { cache });
  for (const _ of [1, 2]) {
    expect((await first.get('/v2/')).status).toBe(200);
    await first.settle();
    first.now += 5000;
  }
  expect(identities.splice(0)).toEqual(['put']);
  const second = new TestEdge([bucket], { cache });
  second.fault = status(500);
  for (const _ of [1, 2]) expect((await second.get(TAG)).status).toBe(503);
  expect(identities).toEqual(['match']);
});

it('the identity of a bucket that only its binding knows is in no cache', async () => {
  const { cache, identities } = watchedCache();
  const r2 = r2Bucket();
  await putIdentity(r2);
  await putTag(r2, NAME, 'latest', 'a');
  const edge = new TestEdge([r2], { cache });
  expect(await (await edge.get(TAG)).text()).toBe(manifestText('a'));
  await edge.settle();
  expect(identities).toEqual([]);
});

it.each([
  [64 * KIB, 200, []],
  [
    64 * KIB + 1,
    503,
    [`Store 1 has ${64 * KIB + 1} bytes at ${IDENTITY}, more than any object of its kind.`],
  ],
])('a lifeboat.json of %i bytes is answered with %i', async (size, code, failures) => {
  await bucket.put(IDENTITY, '{"version":1,"id":"entry","audience":"public"}'.padEnd(size));
  const edge = new TestEdge([bucket]);
  expect((await edge.get('/v2/')).status).toBe(code);
  expect(edge.events[0]?.trace.failures).toEqual(failures);
});
