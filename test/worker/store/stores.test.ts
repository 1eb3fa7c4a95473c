/** Answers from several stores when some of them fail. */
import { beforeEach, describe, expect, it } from 'vitest';
import { s3Bucket, type TestBucket } from '../support/bucket.ts';
import {
  bytesOf,
  countingBytes,
  manifestText,
  putBlob,
  putIdentity,
  putManifest,
  putTag,
} from '../support/content.ts';
import { hang, only, status, stop } from '../support/faults.ts';
import { TestEdge, type Fault } from '../support/test-edge.ts';

const NAME = 'docker.io/library/app';
const TAG = '/v2/library/app/manifests/latest';
const CATALOG = 'state/default/catalog.json';

let one: TestBucket;
let two: TestBucket;
beforeEach(async () => {
  one = s3Bucket(1);
  two = s3Bucket(2);
  await Promise.all([putIdentity(one), putIdentity(two)]);
});

async function corrupt(bucket: TestBucket, digest: string): Promise<void> {
  await bucket.put(`repositories/${NAME}/_manifests/${digest.replace(':', '/')}`, bytesOf('{"evil":true}'));
}
const cut = () => new ReadableStream({ pull: () => Promise.reject(new Error('cut')) });
const forever = new Promise<void>(() => {});
const XML = { 'content-type': 'application/xml' };

const FAULTS: [string, Fault][] = [
  ['403', status(403)],
  ['500', status(500)],
  ['503', status(503)],
  [
    'a redirect',
    () => new Response(null, { status: 302, headers: { location: 'https://elsewhere.example.com/' } }),
  ],
  ['404 for the bucket', () => new Response('<Error><Code>NoSuchBucket</Code></Error>', { status: 404 })],
  ['a 404 that breaks off', () => new Response(cut(), { status: 404 })],
  [
    'a 503 whose page stops',
    () => new Response(new ReadableStream({ pull: () => forever }), { status: 503 }),
  ],
  ['a 503 whose error breaks off', () => new Response(cut(), { status: 503, headers: XML })],
  ['206 unasked', status(206)],
  ['no connection', () => Promise.reject(new TypeError('fetch failed: https://secret'))],
  ['no answer', hang],
  ['no length', () => new Response(new ReadableStream({ start: (controller) => controller.close() }))],
  ['a body that stops', stop],
  ['a body that is cut', () => new Response('short', { headers: { 'content-length': '10' } })],
  ['an endless object', () => new Response('x', { headers: { 'content-length': '99999999' } })],
];

describe.each(FAULTS)('the only store fails: %s', (_name, fault) => {
  it('the edge answers 503, which no cache keeps, for /v2/ too', async () => {
    const edge = new TestEdge([one]);
    expect((await edge.get('/v2/')).status).toBe(200);
    edge.events.length = 0;
    edge.now += 5000;
    edge.fault = fault;
    const digest = `sha256:${'ab'.repeat(32)}`;
    for (const path of [
      '/v2/',
      TAG,
      `/v2/library/app/manifests/${digest}`,
      `/v2/library/app/blobs/${digest}`,
    ]) {
      const response = await edge.get(path);
      expect(response.status).toBe(503);
      expect(response.headers.get('cache-control')).toBe('no-store, no-transform');
      expect(response.headers.get('retry-after')).toBeNull();
      expect(await response.json()).toEqual({
        errors: [{ code: 'UNAVAILABLE', message: 'No store answers at the moment.' }],
      });
    }
    expect(JSON.stringify(edge.events)).not.toMatch(/X-Amz|secret/);
    expect(edge.events.every(({ trace }) => trace.failures.length > 0)).toBe(true);
  });
});

describe.each(FAULTS)('the first of two stores fails: %s', (_name, fault) => {
  it('the second one answers, and later requests do not wait for the first', async () => {
    await Promise.all([one, two].map((bucket) => putTag(bucket, NAME, 'latest', 'a')));
    const blob = await putBlob(two, NAME, countingBytes(70_000));
    await putBlob(one, NAME, countingBytes(70_000));
    const edge = new TestEdge([one, two]);
    edge.fault = only(1, fault);
    const response = await edge.get(TAG);
    expect([response.status, response.headers.get('lifeboat-store')]).toEqual([200, '2']);
    expect(await response.text()).toBe(manifestText('a'));
    edge.takeReads();
    const redirect = await edge.get(`/v2/library/app/blobs/${blob}`);
    expect(redirect.status).toBe(307);
    expect(new URL(redirect.headers.get('location') ?? '').pathname).toContain(`/${two.prefix}`);
    expect(edge.takeReads().filter((read) => read.startsWith('1'))).toEqual([]);
    expect((await edge.get('/v2/')).status).toBe(200);
    await edge.settle();
  });
});

describe('liveness', () => {
  it('a warm cache never sends a client to a dead store', async () => {
    const path = `/v2/library/app/blobs/${await putBlob(one, NAME, countingBytes(70_000))}`;
    await putBlob(two, NAME, countingBytes(70_000));
    const edge = new TestEdge([one, two]);
    const locate = async () =>
      new URL((await edge.get(path)).headers.get('location') ?? 'http://none').pathname;
    expect(await locate()).toContain(one.prefix);
    edge.fault = only(1, status(500));
    edge.now += 5000;
    expect(await locate()).toContain(two.prefix);
    edge.fault = status(500);
    edge.now += 5000;
    expect((await edge.get(path)).status).toBe(503);
    expect((await edge.head(path)).status).toBe(503);
    expect((await edge.get('/v2/')).status).toBe(503);
    await edge.settle();
  });

  it('a store that comes back is found in the background, and is read first again', async () => {
    await Promise.all([one, two].map((bucket) => putTag(bucket, NAME, 'latest', 'a')));
    const edge = new TestEdge([one, two]);
    edge.fault = only(1, hang);
    expect((await edge.get(TAG)).headers.get('lifeboat-store')).toBe('2');
    edge.fault = () => undefined;
    edge.now += 120_000;
    expect((await edge.get(TAG)).headers.get('lifeboat-store')).toBe('2');
    await edge.settle();
    edge.now += 120_000;
    expect((await edge.get(TAG)).headers.get('lifeboat-store')).toBe('1');
  });

  it('/healthz tells the result of each store’s last read', async () => {
    const edge = new TestEdge([one, two]);
    await edge.get('/v2/');
    edge.now += 2000;
    const healthy = await edge.get('/healthz');
    expect([healthy.status, await healthy.json()]).toEqual([
      200,
      {
        live: true,
        stores: [
          { store: 1, last: 'answered', secondsAgo: 2 },
          { store: 2, last: 'never asked' },
        ],
      },
    ]);
    edge.fault = status(500);
    edge.now += 5000;
    const sick = await edge.get('/healthz');
    expect([sick.status, await sick.json()]).toEqual([
      503,
      {
        live: false,
        stores: [
          { store: 1, last: 'failed', secondsAgo: 0 },
          { store: 2, last: 'failed', secondsAgo: 0 },
        ],
      },
    ]);
  });

  it('a bucket without lifeboat.json serves nothing', async () => {
    await one.delete('lifeboat.json');
    await putTag(one, NAME, 'latest', 'a');
    const edge = new TestEdge([one]);
    expect((await edge.get(TAG)).status).toBe(503);
    expect(edge.events[0]?.trace.failures).toEqual([
      'Store 1 holds no lifeboat.json: no mirror run has begun in this bucket yet.',
    ]);
  });

  it('a bucket of another layout version serves nothing', async () => {
    await one.put('lifeboat.json', '{"version":2,"id":"x","audience":"public"}');
    const edge = new TestEdge([one]);
    expect((await edge.get('/v2/')).status).toBe(503);
    expect(edge.events[0]?.trace.failures[0]).toContain(
      'its layout is version 2, and this Lifeboat reads version 1',
    );
  });
});

it.each([
  [
    403,
    '<Error><Code>SignatureDoesNotMatch</Code></Error>',
    'answered 403 SignatureDoesNotMatch for lifeboat.json.',
  ],
  [400, 'not XML', 'answered 400 for lifeboat.json.'],
])('the log has the status of S3’s %i, and its code if it has one', async (code, body, failure) => {
  const edge = new TestEdge([one]);
  edge.fault = () => new Response(body, { status: code, headers: XML });
  await edge.get('/v2/');
  expect(edge.events[0]?.trace.failures[0]).toBe(`Store 1 ${failure}`);
});

describe('content that a live store lacks', () => {
  it.each([
    ['without a word', null],
    ['of the key', '<Error><Code>NoSuchKey</Code></Error>'],
    [
      'that quotes a key with such a name',
      '<Error><Code>NoSuchKey</Code><Key>repositories/a/b/_tags/NoSuchBucket</Key></Error>',
    ],
    ['that names the bucket beyond its first 1024 bytes', `${' '.repeat(1024)}<Code>NoSuchBucket</Code>`],
  ])('is absent after a 404 %s', async (_name, body) => {
    const edge = new TestEdge([one]);
    await edge.get('/v2/');
    edge.fault = () => new Response(body, { status: 404 });
    expect((await edge.get(TAG)).status).toBe(404);
  });

  it('a tag is read from a first store that failed an hour ago, because its word is final', async () => {
    const edge = new TestEdge([one, two]);
    edge.fault = (_key, store) => (store === 1 ? new Response('', { status: 500 }) : undefined);
    await edge.get('/v2/');
    edge.fault = () => undefined;
    edge.now += 3_600_000;
    expect((await edge.get(TAG)).status).toBe(404);
  });

  it('a tag that the first store lacks is absent, because its word is final', async () => {
    await putTag(two, NAME, 'latest', 'a');
    await one.put(CATALOG, bytesOf('{}'));
    const edge = new TestEdge([one, two]);
    const misses = await Promise.all([edge.get(TAG), edge.get(TAG), edge.get('/v2/library/app/tags/list')]);
    expect(misses.map(({ status: code }) => code)).toEqual([404, 404, 404]);
    const reads = edge.takeReads();
    expect(reads.filter((read) => read.startsWith('2'))).toEqual([]);
    // All misses share one look at the catalogue, and so do those of the next STORE_FRESH.
    await edge.get(TAG);
    expect([...reads, ...edge.takeReads()].filter((read) => read.endsWith(CATALOG))).toEqual([
      `1 ${CATALOG}`,
    ]);
  });

  it.each([
    ['was emptied while the edge ran', []],
    ['is being filled from the other store', ['lifeboat.json']],
  ])('a tag comes from the later store if the first one %s', async (_name, keys) => {
    await putTag(one, NAME, 'latest', 'a');
    await putTag(two, NAME, 'latest', 'a');
    await one.put(CATALOG, bytesOf('{}'));
    await two.put(CATALOG, bytesOf('{}'));
    const edge = new TestEdge([one, two]);
    expect((await edge.get(TAG)).headers.get('lifeboat-store')).toBe('1');
    edge.now += 120_000;
    edge.fault = (key, store) =>
      store === 1 && !keys.includes(key) ? new Response(null, { status: 404 }) : undefined;
    edge.takeReads();
    const answer = await edge.get(TAG);
    expect([answer.status, answer.headers.get('lifeboat-store')]).toEqual([200, '2']);
    expect((await edge.get('/v2/library/app/manifests/other')).status).toBe(404);
    // That it is not filled is remembered, too.
    expect(edge.takeReads().filter((read) => read === `1 ${CATALOG}`)).toHaveLength(1);
  });

  it('a tag that a later store lacks is not absent while the first store is silent', async () => {
    await putTag(one, NAME, 'latest', 'a');
    const edge = new TestEdge([one, two]);
    expect(await (await edge.get(TAG)).text()).toBe(manifestText('a'));
    edge.now += 120_000;
    edge.fault = only(1, status(500));
    for (let time = 0; time < 2; time += 1) {
      const kept = await edge.get(TAG);
      expect([kept.status, kept.headers.get('lifeboat-stale')]).toEqual([200, '120']);
      expect(await kept.text()).toBe(manifestText('a'));
    }
    expect((await edge.get('/v2/library/app/manifests/other')).status).toBe(503);
    await edge.settle();
    edge.fault = () => undefined;
    edge.now += 5000;
    await edge.get('/v2/library/app/manifests/other');
    await edge.settle();
    expect((await edge.get('/v2/library/app/manifests/other')).status).toBe(404);
  });

  it('a tag that the second store lacks is read from the third while the first store is silent', async () => {
    const three = s3Bucket(3);
    await putIdentity(three);
    await putTag(three, NAME, 'latest', 'a');
    const edge = new TestEdge([one, two, three]);
    edge.fault = only(1, status(500));
    const response = await edge.get(TAG);
    expect([response.status, response.headers.get('lifeboat-store')]).toEqual([200, '3']);
  });

  it('a digest that one store lacks is read from the next', async () => {
    const digest = await putManifest(two, NAME, 'a');
    const blob = await putBlob(two, NAME, countingBytes(9));
    const edge = new TestEdge([one, two]);
    const response = await edge.get(`/v2/library/app/manifests/${digest}`);
    expect([response.status, response.headers.get('lifeboat-store')]).toEqual([200, '2']);
    const streamed = await edge.get(`/v2/library/app/blobs/${blob}`);
    expect([streamed.status, streamed.headers.get('lifeboat-store')]).toEqual([200, '2']);
    expect(new Uint8Array(await streamed.arrayBuffer())).toEqual(countingBytes(9));
    expect((await edge.get(`/v2/library/app/manifests/sha256:${'ab'.repeat(32)}`)).status).toBe(404);
  });

  it('a digest is absent if a store that answers lacks it, even if the others are down', async () => {
    const edge = new TestEdge([one, two]);
    edge.fault = only(2, hang);
    const path = `/v2/library/app/manifests/sha256:${'ab'.repeat(32)}`;
    expect((await edge.get(path)).status).toBe(404);
  });
});

describe('wrong bytes', () => {
  it('are never served, and the next store is read', async () => {
    const digest = await putManifest(two, NAME, 'a');
    await corrupt(one, digest);
    const edge = new TestEdge([one, two]);
    const response = await edge.get(`/v2/library/app/manifests/${digest}`);
    expect([response.status, response.headers.get('lifeboat-store')]).toEqual([200, '2']);
    expect(await response.text()).toBe(manifestText('a'));
    expect(edge.events[0]?.trace.failures).toEqual([
      expect.stringMatching(
        /^CORRUPT in store 1: The object .* is corrupt: it should hold sha256:.* hash to sha256:/,
      ),
    ]);
  });

  it('are a 503 if there is no other store', async () => {
    const digest = await putManifest(one, NAME, 'a');
    await corrupt(one, digest);
    const edge = new TestEdge([one]);
    expect((await edge.get(`/v2/library/app/manifests/${digest}`)).status).toBe(503);
    // The failure is about that object alone, so the store is still used.
    expect((await edge.get('/v2/')).status).toBe(200);
  });

  it.each([
    ['a tag whose data is another manifest', `_tags/latest`, TAG],
    ['a tag that is no JSON', `_tags/latest`, TAG],
    ['a list that is none', '_tags.json', '/v2/library/app/tags/list'],
    [
      'referrers that are none',
      `_referrers/sha256/${'ab'.repeat(32)}`,
      `/v2/library/app/referrers/sha256:${'ab'.repeat(32)}`,
    ],
    [
      'a link that is none',
      `_blobs/sha256/${'ab'.repeat(32)}`,
      `/v2/library/app/blobs/sha256:${'ab'.repeat(32)}`,
    ],
  ])('are a 503: %s', async (name, key, path) => {
    const digest = `sha256:${'ab'.repeat(32)}`;
    const body = name.includes('another')
      ? `{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"${digest}","size":2,"annotations":{"dev.lifeboat.moved":"2026-01-01T00:00:00.000Z","dev.lifeboat.run":"r"},"data":"e30="}`
      : 'not JSON';
    await one.put(`repositories/${NAME}/${key}`, body);
    const edge = new TestEdge([one]);
    expect((await edge.get(path)).status).toBe(503);
    expect(edge.events[0]?.trace.failures[0]).toMatch(/^CORRUPT in store 1: /);
  });

  it('are a 503 if a blob has another size than its link', async () => {
    const digest = await putBlob(one, NAME, countingBytes(10));
    await one.put(`blobs/${digest.replace(':', '/')}`, countingBytes(9));
    const edge = new TestEdge([one]);
    expect((await edge.get(`/v2/library/app/blobs/${digest}`)).status).toBe(503);
  });
});

describe('time', () => {
  it('a store has 3 seconds, and all stores together have 8', async () => {
    const three = s3Bucket(3);
    const edge = new TestEdge([one, two, three]);
    edge.fault = hang;
    expect((await edge.get(TAG)).status).toBe(503);
    // The last store still has time of its 3 seconds when the request is over.
    expect(edge.expired).toEqual([3000, 3000, 2000, 3000]);
    expect(edge.takeReads()).toEqual(['1 lifeboat.json', '2 lifeboat.json', '3 lifeboat.json']);
  });

  it('one request per STORE_FRESH waits for a store that hangs, and all others are answered at once', async () => {
    await putTag(one, NAME, 'latest', 'a');
    const edge = new TestEdge([one]);
    edge.fault = hang;
    expect((await edge.get('/v2/')).status).toBe(503);
    expect(edge.expired).toEqual([3000]);
    edge.takeReads();
    for (const path of ['/v2/', TAG, `/v2/library/app/blobs/sha256:${'ab'.repeat(32)}`]) {
      expect((await edge.get(path)).status).toBe(503);
    }
    expect(edge.takeReads()).toEqual([]);
    expect(edge.expired).toEqual([3000]);
    edge.fault = () => undefined;
    edge.now += 4999;
    expect((await edge.get(TAG)).status).toBe(503);
    edge.now += 1;
    expect((await edge.get(TAG)).status).toBe(200);
    expect((await edge.get('/v2/')).status).toBe(200);
  });
});
