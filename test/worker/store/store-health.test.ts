/** A failure for one key is about that key alone. Only lifeboat.json says whether a store is up. */
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
const TAG_KEY = `repositories/${NAME}/_tags/latest`;
const TAG = '/v2/library/app/manifests/latest';
const OTHER = '/v2/library/app/manifests/other';
const IDENTITY = 'lifeboat.json';

let one: TestBucket;
let two: TestBucket;
beforeEach(async () => {
  one = s3Bucket(1);
  two = s3Bucket(2);
  await Promise.all([putIdentity(one), putIdentity(two)]);
  await putTag(one, NAME, 'latest', 'new', '2026-01-02T00:00:00.000Z');
  await putTag(two, NAME, 'latest', 'old', '2026-01-01T00:00:00.000Z');
  await putTag(one, NAME, 'other', 'new');
  await putTag(two, NAME, 'other', 'old');
});

/** A fault of the first store for one key. */
const onlyKey = (key: string, fault: Fault): Fault => only(1, fault, key);

/** The status, the store and the cache header of one answer. */
async function ask(edge: TestEdge, path: string) {
  const response = await edge.get(path);
  const { headers } = response;
  const body = await response.text();
  return {
    status: response.status,
    store: headers.get('lifeboat-store'),
    cache: headers.get('lifeboat-cache'),
    body,
  };
}

/** A request before anything fails. */
async function warm(edge: TestEdge, ...paths: string[]): Promise<void> {
  for (const path of ['/v2/', ...paths]) await edge.get(path);
  edge.takeReads();
}

describe('a slow object', () => {
  it('does not take the only store out, which answers for lifeboat.json', async () => {
    const blob = `/v2/library/app/blobs/${await putBlob(one, NAME, countingBytes(70_000))}`;
    const edge = new TestEdge([one]);
    await warm(edge, blob);
    edge.fault = onlyKey(TAG_KEY, hang);
    expect((await edge.get(TAG)).status).toBe(503);
    expect(edge.expired).toEqual([3000]);
    expect(edge.takeReads()).toEqual([`1 ${TAG_KEY}`, `1 ${IDENTITY}`]);
    expect((await edge.get(blob)).status).toBe(307);
    expect((await edge.get('/v2/')).status).toBe(200);
    expect(edge.takeReads()).toEqual([]);
    expect(await ask(edge, OTHER)).toMatchObject({ status: 200, body: manifestText('new') });
    expect(edge.events[2]?.trace.failures).toEqual(['Store 1 did not answer in time.']);
  });

  it('causes no read of lifeboat.json if the store has answered another request meanwhile', async () => {
    const edge = new TestEdge([one]);
    await warm(edge);
    edge.fault = onlyKey(TAG_KEY, () => new Promise<Response>(() => {}));
    const slow = edge.get(TAG);
    expect(await ask(edge, OTHER)).toMatchObject({ status: 200 });
    edge.expireTimers();
    expect((await slow).status).toBe(503);
    expect(edge.takeReads()).toEqual([`1 ${TAG_KEY}`, `1 repositories/${NAME}/_tags/other`]);
    expect((await edge.get('/v2/')).status).toBe(200);
  });

  it.each([
    ['the only store', () => [one]],
    ['a store before another one, which is not asked for a tag then', () => [one, two]],
  ])('may use the rest of the 8 seconds once its body has begun: %s', async (_name, buckets) => {
    const edge = new TestEdge(buckets());
    await warm(edge);
    edge.fault = onlyKey(TAG_KEY, stop);
    expect((await edge.get(TAG)).status).toBe(503);
    expect(edge.expired).toEqual([8000]);
    expect(await ask(edge, OTHER)).toMatchObject({ status: 200 });
  });

  it('leaves the next store its 3 seconds', async () => {
    const digest = await putManifest(one, NAME, 'a');
    await putManifest(two, NAME, 'a');
    const edge = new TestEdge([one, two]);
    await warm(edge);
    edge.fault = onlyKey(`repositories/${NAME}/_manifests/${digest.replace(':', '/')}`, stop);
    const answer = await ask(edge, `/v2/library/app/manifests/${digest}`);
    expect(answer).toMatchObject({ status: 200, store: '2', body: manifestText('a') });
    expect(edge.expired).toEqual([5000]);
  });

  it('of a store that hangs for all keys takes the store out after one more second', async () => {
    const edge = new TestEdge([one]);
    await warm(edge);
    edge.fault = hang;
    expect((await edge.get(TAG)).status).toBe(503);
    expect(edge.expired).toEqual([3000, 1000]);
    edge.takeReads();
    for (const path of [TAG, OTHER, '/v2/']) expect((await edge.get(path)).status).toBe(503);
    expect(edge.takeReads()).toEqual([]);
  });
});

const REFUSALS: [string, Fault][] = [
  ['403', status(403)],
  ['500', status(500)],
  ['no connection', () => Promise.reject(new TypeError('fetch failed'))],
  ['no first byte', hang],
  ['no length', () => new Response(new ReadableStream({ start: (controller) => controller.close() }))],
  ['a body that ends early', () => new Response('short', { headers: { 'content-length': '10' } })],
  ['a body that stops', stop],
  ['an object that is too large', () => new Response('x', { headers: { 'content-length': '99999999' } })],
  ['wrong bytes', () => new Response('not JSON', { headers: { 'content-length': '8' } })],
];

describe.each(REFUSALS)('the first of two stores refuses one object: %s', (_name, fault) => {
  it('a tag is not taken from the later store, which may have an older one, and other tags come from the first', async () => {
    const edge = new TestEdge([one, two]);
    await warm(edge);
    edge.fault = onlyKey(TAG_KEY, fault);
    for (let time = 0; time < 2; time += 1) {
      expect(await ask(edge, TAG)).toMatchObject({ status: 503, store: null });
      edge.now += 120_000;
      expect(await ask(edge, OTHER)).toMatchObject({ status: 200, store: '1', body: manifestText('new') });
    }
    expect(edge.takeReads().filter((read) => read.startsWith('2'))).toEqual([]);
    expect(edge.events.at(-2)?.trace.failures.length).toBe(1);
  });

  it('a cached tag is answered stale', async () => {
    const edge = new TestEdge([one, two]);
    await warm(edge, TAG);
    edge.now += 180_000;
    edge.fault = onlyKey(TAG_KEY, fault);
    expect(await ask(edge, TAG)).toMatchObject({ status: 200, cache: 'stale', body: manifestText('new') });
  });

  it('a manifest by its digest comes from the next store, and others from the first', async () => {
    const digests = await Promise.all(['a', 'b'].map((comment) => putManifest(one, NAME, comment)));
    await putManifest(two, NAME, 'a');
    const [refused = '', other = ''] = digests;
    const edge = new TestEdge([one, two]);
    await warm(edge);
    edge.fault = onlyKey(`repositories/${NAME}/_manifests/${refused.replace(':', '/')}`, fault);
    const answer = await ask(edge, `/v2/library/app/manifests/${refused}`);
    expect(answer).toMatchObject({ status: 200, store: '2', body: manifestText('a') });
    expect(await ask(edge, `/v2/library/app/manifests/${other}`)).toMatchObject({ status: 200, store: '1' });
  });

  it('a manifest that the next store lacks is a 503, because the first store may have it', async () => {
    const digest = await putManifest(one, NAME, 'a');
    const edge = new TestEdge([one, two]);
    await warm(edge);
    edge.fault = onlyKey(`repositories/${NAME}/_manifests/${digest.replace(':', '/')}`, fault);
    const response = await edge.get(`/v2/library/app/manifests/${digest}`);
    expect([response.status, await response.json()]).toEqual([
      503,
      { errors: [{ code: 'UNAVAILABLE', message: 'The store does not give this object at the moment.' }] },
    ]);
  });
});

describe('a store that is down', () => {
  it('fails for lifeboat.json too, and a tag then comes from the next store', async () => {
    const edge = new TestEdge([one, two]);
    await warm(edge);
    edge.fault = (_key, store) => (store === 1 ? new Response('', { status: 500 }) : undefined);
    expect(await ask(edge, TAG)).toMatchObject({ status: 200, store: '2', body: manifestText('old') });
    expect(edge.takeReads()).toEqual([`1 ${TAG_KEY}`, `1 ${IDENTITY}`, `2 ${IDENTITY}`, `2 ${TAG_KEY}`]);
    expect(edge.events.at(-1)?.trace.failures).toEqual([
      `Store 1 answered 500 for ${TAG_KEY}.`,
      `Store 1 answered 500 for ${IDENTITY}.`,
    ]);
    await edge.settle();
  });

  it('has its lifeboat.json read before any other object', async () => {
    const edge = new TestEdge([one]);
    await warm(edge);
    edge.fault = status(500);
    await edge.get(TAG);
    edge.takeReads();
    edge.fault = onlyKey(IDENTITY, status(500));
    expect((await edge.get(TAG)).status).toBe(503);
    expect(edge.takeReads()).toEqual([`1 ${IDENTITY}`]);
    edge.fault = () => undefined;
    expect((await edge.get(TAG)).status).toBe(200);
    expect(edge.takeReads()).toEqual([`1 ${IDENTITY}`, `1 ${TAG_KEY}`]);
  });
});

describe('a lifeboat.json that comes late', () => {
  it('does not take a store out that has answered another request meanwhile', async () => {
    const blob = `/v2/library/app/blobs/${await putBlob(one, NAME, countingBytes(70_000))}`;
    const edge = new TestEdge([one]);
    await warm(edge, blob);
    edge.now += 10_000;
    edge.fault = onlyKey(IDENTITY, () => new Promise<Response>(() => {}));
    const slow = edge.get(blob);
    await edge.pass(0);
    await edge.pass(1000);
    expect(await ask(edge, OTHER)).toMatchObject({ status: 200 });
    await edge.pass(2000);
    expect((await slow).status).toBe(307);
    expect(edge.events.at(-1)?.trace.failures).toEqual(['Store 1 did not answer in time.']);
    for (const [path, code] of [
      [blob, 307],
      ['/v2/', 200],
      [TAG, 200],
    ] as const) {
      expect((await edge.get(path)).status).toBe(code);
    }
  });
});

describe('a blob that a live store does not give', () => {
  it('does not take the store out either, if the blob has another size than its link', async () => {
    const digest = await putBlob(one, NAME, countingBytes(10));
    await one.put(`blobs/${digest.replace(':', '/')}`, bytesOf('short'));
    const edge = new TestEdge([one]);
    await warm(edge);
    expect((await edge.get(`/v2/library/app/blobs/${digest}`)).status).toBe(503);
    expect(edge.takeReads()).not.toContain(`1 ${IDENTITY}`);
    expect(await ask(edge, OTHER)).toMatchObject({ status: 200 });
  });
});
