/** Which stores the edge reads, in which order, and how long it waits for them. */
import { beforeEach, describe, expect, it } from 'vitest';
import { encodeBlobLink } from '../../../core/blob-link.ts';
import { digestOf } from '../../../core/digest.ts';
import { blobKey, blobLinkKey } from '../../../core/layout.ts';
import { parseRepository } from '../../../core/reference.ts';
import { s3Bucket, type TestBucket } from '../support/bucket.ts';
import {
  countingBytes,
  manifestText,
  putBlob,
  putIdentity,
  putManifest,
  putTag,
} from '../support/content.ts';
import { hang, only, status, stop } from '../support/faults.ts';
import { TestEdge } from '../support/test-edge.ts';

const NAME = parseRepository('docker.io/library/app');
const TAG = '/v2/library/app/manifests/latest';
const TAG_KEY = `repositories/${NAME}/_tags/latest`;
const IDENTITY = 'lifeboat.json';
const NONE = `sha256:${'ab'.repeat(32)}`;
const NONE_KEY = `repositories/${NAME}/_manifests/${NONE.replace(':', '/')}`;
const DOWN = only(1, status(500));

let one: TestBucket;
let two: TestBucket;
beforeEach(async () => {
  one = s3Bucket(1);
  two = s3Bucket(2);
  await Promise.all([putIdentity(one), putIdentity(two)]);
});

/** Puts only the link, as if the blob were not there yet, or no more. */
async function putLink(bucket: TestBucket, size: number) {
  const digest = await digestOf(countingBytes(size));
  await bucket.put(blobLinkKey(NAME, digest), encodeBlobLink({ digest, size }));
  return digest;
}

describe('a store that is down', () => {
  it('is not asked for a digest that a store which is up lacks', async () => {
    const edge = new TestEdge([one, two]);
    edge.fault = only(2, status(500));
    const counts = [];
    for (const _ of [1, 2]) {
      expect((await edge.get(`/v2/library/app/manifests/${NONE}`)).status).toBe(404);
      counts.push(edge.takeReads());
    }
    expect(counts).toEqual([[`1 ${IDENTITY}`, `1 ${NONE_KEY}`, `2 ${IDENTITY}`], [`1 ${NONE_KEY}`]]);
    expect(edge.events.map(({ trace }) => trace.failures)).toEqual([
      [`Store 2 answered 500 for ${IDENTITY}.`],
      [],
    ]);
    await edge.settle();
  });

  it('is checked in the background every STORE_FRESH, and each failure is logged once', async () => {
    await Promise.all([one, two].map((bucket) => putTag(bucket, NAME, 'latest', 'a')));
    const edge = new TestEdge([one, two]);
    edge.fault = DOWN;
    await edge.get(TAG);
    expect(edge.takeReads()).toEqual([`1 ${IDENTITY}`, `2 ${IDENTITY}`, `2 ${TAG_KEY}`]);
    for (const [passed, reads] of [
      [4999, []],
      [1, [`1 ${IDENTITY}`]],
    ] as const) {
      edge.now += passed;
      await edge.get('/v2/');
      await edge.settle();
      expect(edge.takeReads().filter((read) => read.startsWith('1'))).toEqual(reads);
    }
    const failures = [`Store 1 answered 500 for ${IDENTITY}.`];
    expect(edge.refreshFailures).toEqual([{ key: IDENTITY, failures }]);
    edge.fault = () => undefined;
    edge.now += 5000;
    await edge.get('/v2/');
    await edge.settle();
    expect(edge.takeReads()).toContain(`1 ${IDENTITY}`);
    expect(edge.refreshFailures.length).toBe(1);
  });

  it('and comes back as a bucket of another audience has that logged', async () => {
    const edge = new TestEdge([one, two]);
    edge.fault = DOWN;
    await edge.get('/v2/');
    edge.fault = () => undefined;
    await putIdentity(one, 'token');
    edge.now += 5000;
    expect((await edge.get('/v2/')).status).toBe(200);
    await edge.settle();
    const failures = [
      'The variable AUDIENCE cannot be used: it is public, but the bucket of store 1 is for token.',
    ];
    expect(edge.refreshFailures).toEqual([{ key: IDENTITY, failures }]);
  });

  it('like all others is checked by the request itself, which alone logs the failures', async () => {
    const edge = new TestEdge([one, two]);
    edge.fault = status(500);
    for (const _ of [1, 2]) {
      expect((await edge.get('/v2/')).status).toBe(503);
      await edge.settle();
      expect(edge.events.at(-1)?.trace.failures).toEqual(
        [1, 2].map((store) => `Store ${store} answered 500 for ${IDENTITY}.`),
      );
      edge.now += 5000;
    }
    expect(edge.refreshFailures).toEqual([]);
  });

  it('from the beginning leaves the data centre’s cache to the next store', async () => {
    const digest = await putManifest(two, NAME, 'a');
    const sources = [];
    for (const _ of [1, 2]) {
      const edge = new TestEdge([one, two]);
      edge.fault = DOWN;
      const response = await edge.get(`/v2/library/app/manifests/${digest}`);
      sources.push(response.headers.get('lifeboat-cache'));
      await edge.settle();
    }
    expect(sources).toEqual(['miss', 'hit-edge']);
  });
});

describe('a blob whose link came from the second store', () => {
  const stream = { variables: { BLOBS: 'stream' } };

  it('is streamed from that store, although the first one has it too', async () => {
    const digest = await putBlob(two, NAME, countingBytes(9));
    await one.put(blobKey(digest), countingBytes(9));
    const edge = new TestEdge([one, two], stream);
    const response = await edge.get(`/v2/library/app/blobs/${digest}`);
    expect([response.status, response.headers.get('lifeboat-store')]).toEqual([200, '2']);
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(countingBytes(9));
    expect(edge.takeReads().filter((read) => read.slice(2) === blobKey(digest))).toEqual([
      `2 ${blobKey(digest)}`,
    ]);
  });

  it('and which no store has is unknown, after one read of each store', async () => {
    const digest = await putLink(two, 9);
    const edge = new TestEdge([one, two], stream);
    const response = await edge.get(`/v2/library/app/blobs/${digest}`);
    expect([response.status, await response.json()]).toEqual([
      404,
      {
        errors: [
          { code: 'BLOB_UNKNOWN', message: 'There is no such blob in this repository.', detail: { digest } },
        ],
      },
    ]);
    expect(edge.takeReads().filter((read) => read.slice(2) === blobKey(digest))).toEqual([
      `2 ${blobKey(digest)}`,
      `1 ${blobKey(digest)}`,
    ]);
    expect(edge.events[0]?.trace.failures).toEqual([`CORRUPT: ${blobKey(digest)} is linked but not stored.`]);
  });

  it('keeps /v2/ live without a read while that store answers', async () => {
    const digest = await putBlob(two, NAME, countingBytes(9));
    const edge = new TestEdge([one, two], stream);
    await edge.get(`/v2/library/app/blobs/${digest}`);
    edge.now += 5000;
    expect((await edge.get(`/v2/library/app/blobs/${digest}`)).status).toBe(200);
    edge.takeReads();
    expect((await edge.get('/v2/')).status).toBe(200);
    expect(edge.takeReads()).toEqual([]);
  });
});

it('a second store that was taken out of the configuration leaves usable entries in the cache', async () => {
  const manifest = await putManifest(two, NAME, 'a');
  const blob = await putBlob(two, NAME, countingBytes(9));
  const paths = [`/v2/library/app/manifests/${manifest}`, `/v2/library/app/blobs/${blob}`];
  const before = new TestEdge([one, two]);
  for (const path of paths) await (await before.get(path)).arrayBuffer();
  await before.settle();
  const after = new TestEdge([one]);
  const answers = [];
  for (const path of paths) answers.push(await after.get(path));
  // The manifest is in the cache itself. Of the blob only the link is, and the store that is left lacks the blob.
  expect(answers.map((answer) => answer.status)).toEqual([200, 404]);
  expect(await answers[0]?.text()).toBe(manifestText('a'));
  expect(after.events.flatMap(({ trace }) => trace.failures)).toEqual([]);
});

describe('time', () => {
  it.each([
    ['the only store', () => [one], 1],
    ['the last of two stores', () => [one, two], 2],
  ])('%s may use all of the 8 seconds for a body that has begun', async (_name, buckets, last) => {
    const edge = new TestEdge(buckets());
    await edge.get('/v2/');
    await edge.get(`/v2/library/app/manifests/${NONE}`);
    edge.fault = only(last, stop, NONE_KEY);
    expect((await edge.get(`/v2/library/app/manifests/${NONE}`)).status).toBe(503);
    expect(edge.expired).toEqual([8000]);
  });

  it('three stores have 9 seconds in the background, and each says that it was late', async () => {
    const three = s3Bucket(3);
    await putIdentity(three);
    await putTag(one, NAME, 'latest', 'a');
    const edge = new TestEdge([one, two, three]);
    await edge.get(TAG);
    edge.now += 60_000;
    edge.fault = hang;
    expect((await edge.get(TAG)).status).toBe(200);
    await edge.settle();
    // The tag of store 1, its lifeboat.json, that of store 2, and that of store 3 within the 2 seconds that are left.
    expect(edge.expired).toEqual([3000, 1000, 3000, 2000, 3000]);
    expect(edge.refreshFailures).toEqual([
      {
        key: TAG_KEY,
        failures: [
          ...[1, 1, 2, 3].map((store) => `Store ${store} did not answer in time.`),
          'No store answers at the moment.',
        ],
      },
    ]);
  });
});
