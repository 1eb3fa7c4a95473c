/** How often a store is read, and how old an answer may be. The clock does not move unless a test moves it. */
import { beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../../core/digest.ts';
import { MemoryCache } from '../../../worker/cache/memory-cache.ts';
import { r2Bucket, s3Bucket, type TestBucket } from '../support/bucket.ts';
import {
  countingBytes,
  manifestBytes,
  manifestText,
  putBlob,
  putIdentity,
  putManifest,
  putTag,
} from '../support/content.ts';
import { TestEdge } from '../support/test-edge.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
const NAME = 'docker.io/library/app';
const TAG = '/v2/library/app/manifests/latest';
const TAG_KEY = `repositories/${NAME}/_tags/latest`;
const DOWN = () => new Response('down', { status: 500 });
const FIRST_DOWN = (_key: string, store: number) => (store === 1 ? DOWN() : undefined);

/** A data centre's cache that stores nothing, so that only memory is left. */
const NO_CACHE = {
  match: () => Promise.resolve(undefined),
  put: () => Promise.reject(new Error('no cache here')),
  delete: () => Promise.reject(new Error('no cache here')),
};

let bucket: TestBucket;
beforeEach(async () => {
  bucket = r2Bucket();
  await putIdentity(bucket);
});

async function text(edge: TestEdge, path: string): Promise<string> {
  return (await edge.get(path)).text();
}

const move = () => putTag(bucket, NAME, 'latest', 'b', '2026-01-02T00:00:00.000Z');
const goBack = () => putTag(bucket, NAME, 'latest', 'a', '2026-01-01T00:00:00.000Z');

describe('a live store', () => {
  it.each([
    ['a manifest by tag', async () => [TAG, await putTag(bucket, NAME, 'latest', 'a')], [1, 0]],
    [
      'a manifest by digest',
      async () => [`/v2/library/app/manifests/${await putManifest(bucket, NAME, 'a')}`],
      [1, 0],
    ],
    [
      'a page of tags',
      async () => {
        await bucket.put(`repositories/${NAME}/_tags.json`, '{"name":"x","tags":["a","b"]}');
        return ['/v2/library/app/tags/list?n=1'];
      },
      [1, 0],
    ],
    [
      'referrers',
      async () => {
        const hex = 'ab'.repeat(32);
        await bucket.put(`repositories/${NAME}/_referrers/sha256/${hex}`, '{"manifests":[]}');
        return [`/v2/library/app/referrers/sha256:${hex}`];
      },
      [1, 0],
    ],
    [
      'a streamed blob',
      async () => [`/v2/library/app/blobs/${await putBlob(bucket, NAME, countingBytes(9))}`],
      [2, 1],
    ],
  ])('is read only as often as necessary, cold and warm, for %s', async (_name, fill, [cold, warm]) => {
    const [path = ''] = await fill();
    const edge = new TestEdge([bucket]);
    await edge.get('/v2/');
    edge.takeReads();
    const counts = [];
    for (let time = 0; time < 2; time += 1) {
      expect((await edge.get(path)).status).toBe(200);
      counts.push(edge.takeReads().length);
    }
    expect(counts).toEqual([cold, warm]);
  });

  it('is read once for a blob by HEAD, and not again for a redirect within STORE_FRESH', async () => {
    const s3 = s3Bucket();
    await putIdentity(s3);
    const path = `/v2/library/app/blobs/${await putBlob(s3, NAME, countingBytes(70_000))}`;
    const edge = new TestEdge([s3]);
    await edge.get('/v2/');
    edge.takeReads();
    expect((await edge.head(path)).status).toBe(200);
    expect(edge.takeReads().length).toBe(1);
    expect((await edge.get(path)).status).toBe(307);
    expect(edge.takeReads()).toEqual([]);
    // The store's last answer is older than STORE_FRESH, so the edge has to check it before it redirects a client to it.
    edge.now += 5 * SECOND;
    expect((await edge.get(path)).status).toBe(307);
    expect(edge.takeReads()).toEqual(['1 lifeboat.json']);
    expect((await edge.get('/v2/')).status).toBe(200);
    expect(edge.takeReads()).toEqual([]);
  });

  it('is read each time for a missing object, so that a new object shows at once', async () => {
    const edge = new TestEdge([bucket]);
    expect((await edge.get(TAG)).status).toBe(404);
    await putTag(bucket, NAME, 'latest', 'a');
    expect(await text(edge, TAG)).toBe(manifestText('a'));
  });
});

describe('a tag', () => {
  beforeEach(() => putTag(bucket, NAME, 'latest', 'a', '2026-01-01T00:00:00.000Z'));

  it('is fresh for TAG_TTL, and is then answered once more while the store is read', async () => {
    const edge = new TestEdge([bucket]);
    expect(await text(edge, TAG)).toBe(manifestText('a'));
    await move();
    edge.now += MINUTE - 1;
    edge.takeReads();
    expect(await text(edge, TAG)).toBe(manifestText('a'));
    await edge.settle();
    expect(edge.takeReads()).toEqual([]);
    edge.now += 1;
    expect(await text(edge, TAG)).toBe(manifestText('a'));
    await edge.settle();
    expect(edge.takeReads()).toEqual([`1 ${TAG_KEY}`]);
    expect(await text(edge, TAG)).toBe(manifestText('b'));
  });

  it('whose refresh in the background fails has its failures logged', async () => {
    const edge = new TestEdge([bucket]);
    await text(edge, TAG);
    edge.now += MINUTE;
    edge.fault = DOWN;
    expect(await text(edge, TAG)).toBe(manifestText('a'));
    await edge.settle();
    edge.fault = () => undefined;
    await bucket.put(TAG_KEY, '{}');
    expect(await text(edge, TAG)).toBe(manifestText('a'));
    await edge.settle();
    expect(edge.refreshFailures).toEqual([
      {
        key: TAG_KEY,
        failures: [
          `Store 1 could not read ${TAG_KEY}.`,
          'Store 1 could not read lifeboat.json.',
          'No store answers at the moment.',
        ],
      },
      {
        key: TAG_KEY,
        failures: [
          `CORRUPT in store 1: The object ${TAG_KEY} is corrupt: The bucket's object ${TAG_KEY} cannot be used: it is not a descriptor: it has no mediaType.`,
          'The store does not give this object at the moment.',
        ],
      },
    ]);
  });

  it('that is older than twice TAG_TTL is not answered before the store is read', async () => {
    const edge = new TestEdge([bucket]);
    await text(edge, TAG);
    await move();
    edge.now += 2 * MINUTE;
    const response = await edge.get(TAG);
    expect(response.headers.get('lifeboat-cache')).toBe('miss');
    expect(response.headers.get('lifeboat-since')).toBe('2026-01-02T00:00:00.000Z');
    expect(await response.text()).toBe(manifestText('b'));
  });

  it('is answered stale, and marked as stale, only while no store answers, and not beyond TAG_STALE', async () => {
    const edge = new TestEdge([bucket], { cache: NO_CACHE });
    await text(edge, TAG);
    edge.now += 7 * DAY;
    edge.fault = DOWN;
    const response = await edge.get(TAG);
    expect(response.status).toBe(200);
    expect(response.headers.get('lifeboat-cache')).toBe('stale');
    expect(response.headers.get('lifeboat-stale')).toBe('604800');
    expect(await response.text()).toBe(manifestText('a'));
    edge.now += 1;
    expect((await edge.get(TAG)).status).toBe(503);
  });

  it('that was deleted is not served, whatever is cached', async () => {
    const edge = new TestEdge([bucket]);
    await text(edge, TAG);
    await edge.settle();
    await bucket.delete(TAG_KEY);
    edge.now += 2 * MINUTE;
    expect((await edge.get(TAG)).status).toBe(404);
    edge.fault = DOWN;
    expect((await edge.get(TAG)).status).toBe(503);
    await edge.settle();
    edge.fault = () => undefined;
    expect((await edge.get(TAG)).status).toBe(404);
  });

  it('never goes back to an older digest than the last answer had', async () => {
    await move();
    const edge = new TestEdge([bucket]);
    expect(await text(edge, TAG)).toBe(manifestText('b'));
    await putTag(bucket, NAME, 'latest', 'a', '2026-01-01T00:00:00.000Z');
    edge.now += 2 * MINUTE;
    expect(await text(edge, TAG)).toBe(manifestText('b'));
    expect(edge.events.at(-1)?.trace.failures).toEqual([
      `Store 1 has an older ${TAG_KEY} than the edge has already given.`,
    ]);
    // A revert is a later movement, although to an older image.
    await putTag(bucket, NAME, 'latest', 'a', '2026-01-03T00:00:00.000Z');
    expect(await text(edge, TAG)).toBe(manifestText('a'));
  });
});

describe('a store whose tag is older than the last answer', () => {
  it('is believed once no store has confirmed the newer tag for TAG_STALE', async () => {
    await move();
    const edge = new TestEdge([bucket], { cache: NO_CACHE });
    await text(edge, TAG);
    await goBack();
    edge.now += 7 * DAY;
    expect(await text(edge, TAG)).toBe(manifestText('b'));
    edge.now += 1;
    const response = await edge.get(TAG);
    expect(response.headers.get('lifeboat-cache')).toBe('miss');
    expect(await response.text()).toBe(manifestText('a'));
  });

  it.each([
    [5 * MINUTE, 'b'],
    [5 * MINUTE + 1, 'a'],
  ])(
    'is not believed, unless the newer tag claims to be from the future: if it is %i ms ahead, the answer is %s',
    async (ahead, expected) => {
      const edge = new TestEdge([bucket], { cache: NO_CACHE });
      const asked = edge.now + 2 * MINUTE;
      await putTag(bucket, NAME, 'latest', 'b', new Date(asked + ahead).toISOString());
      expect(await text(edge, TAG)).toBe(manifestText('b'));
      await goBack();
      edge.now = asked;
      expect(await text(edge, TAG)).toBe(manifestText(expected));
    },
  );
});

/** The headers that tell something about an answer. */
async function about(edge: TestEdge, path: string): Promise<(string | null)[]> {
  const { headers } = await edge.get(path);
  const names = ['ETag', 'OCI-Namespace', 'Lifeboat-Cache', 'Lifeboat-Since', 'Lifeboat-Stale'];
  return names.map((name) => headers.get(name));
}

async function etagOf(comment: string): Promise<string> {
  return `"${await digestOf(manifestBytes(comment))}"`;
}

describe('headers, which are remembered for warm answers', () => {
  it('are right for each answer', async () => {
    await goBack();
    const edge = new TestEdge([bucket], { cache: NO_CACHE });
    const [a, b] = [await etagOf('a'), await etagOf('b')];
    const [first, second] = ['2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z'];
    expect(await about(edge, TAG)).toEqual([a, null, 'miss', first, null]);
    for (const _ of [1, 2]) expect(await about(edge, TAG)).toEqual([a, null, 'hit-memory', first, null]);
    const byNamespace = `${TAG}?ns=docker.io`;
    for (const _ of [1, 2]) {
      expect(await about(edge, byNamespace)).toEqual([a, 'docker.io', 'hit-memory', first, null]);
    }
    edge.now += 3 * MINUTE;
    edge.fault = DOWN;
    for (const _ of [1, 2]) expect(await about(edge, TAG)).toEqual([a, null, 'stale', first, '180']);
    edge.fault = () => undefined;
    edge.now += MINUTE;
    await move();
    expect(await about(edge, TAG)).toEqual([b, null, 'miss', second, null]);
    for (const _ of [1, 2]) expect(await about(edge, TAG)).toEqual([b, null, 'hit-memory', second, null]);
  });
});

describe('a manifest by its digest', () => {
  it('is answered for a day without a read of the store, and then the store is read', async () => {
    const digest = await putManifest(bucket, NAME, 'a');
    const path = `/v2/library/app/manifests/${digest}`;
    const edge = new TestEdge([bucket], { cache: NO_CACHE });
    await text(edge, path);
    await bucket.delete(`repositories/${NAME}/_manifests/${digest.replace(':', '/')}`);
    edge.takeReads();
    edge.now += DAY - 1;
    edge.fault = DOWN;
    expect(await text(edge, path)).toBe(manifestText('a'));
    expect(edge.takeReads()).toEqual([]);
    edge.fault = () => undefined;
    edge.now += 1;
    expect((await edge.get(path)).status).toBe(404);
  });
});

describe('the data centre’s cache', () => {
  it('serves an isolate that starts later, and one that starts while no store answers', async () => {
    const s3 = s3Bucket();
    await putIdentity(s3);
    await putTag(s3, NAME, 'latest', 'a');
    const first = new TestEdge([s3]);
    await text(first, TAG);
    await first.settle();
    const second = new TestEdge([s3]);
    second.fault = DOWN;
    // A pull consists of many requests, and they come together.
    const responses = await Promise.all([second.get(TAG), second.get(TAG), second.get(TAG)]);
    for (const response of responses) {
      expect(response.headers.get('lifeboat-cache')).toMatch(/^hit-/);
      expect(await response.text()).toBe(manifestText('a'));
    }
    expect(second.takeReads()).toEqual([]);
    expect((await second.get('/v2/')).status).toBe(503);
  });

  it('is the same when the first of two stores fails', async () => {
    const [one, two] = [s3Bucket(1), s3Bucket(2)];
    await Promise.all([putIdentity(one), putIdentity(two)]);
    const digest = await putManifest(one, NAME, 'a');
    const path = `/v2/library/app/manifests/${digest}`;
    const first = new TestEdge([one, two]);
    await text(first, path);
    await first.settle();
    for (const before of [[], ['/v2/']]) {
      const second = new TestEdge([one, two]);
      second.fault = FIRST_DOWN;
      await Promise.all(before.map((ping) => second.get(ping)));
      const response = await second.get(path);
      expect([response.status, response.headers.get('lifeboat-cache')]).toEqual([200, 'hit-edge']);
      await second.settle();
    }
    first.fault = FIRST_DOWN;
    first.now += DAY - 1;
    expect((await first.get('/v2/')).status).toBe(200);
    const kept = await first.get(path);
    expect([kept.status, kept.headers.get('lifeboat-cache')]).toEqual([200, 'hit-memory']);
    await first.settle();
  });

  it('does not answer with objects of another bucket that was the second store before', async () => {
    const [one, two] = [s3Bucket(1), s3Bucket(2)];
    await Promise.all([putIdentity(one), putIdentity(two)]);
    const path = `/v2/library/app/manifests/${await putManifest(two, NAME, 'a')}`;
    const first = new TestEdge([one, two]);
    expect((await first.get(path)).headers.get('lifeboat-store')).toBe('2');
    await first.settle();
    await putIdentity(two);
    const second = new TestEdge([one, two]);
    second.fault = FIRST_DOWN;
    expect((await second.get('/v2/')).status).toBe(200);
    expect((await second.get(path)).headers.get('lifeboat-cache')).toBe('miss');
    await second.settle();
  });

  it('is another one for another bucket at the same address', async () => {
    const s3 = s3Bucket();
    await putIdentity(s3);
    await putTag(s3, NAME, 'latest', 'a');
    const first = new TestEdge([s3]);
    await text(first, TAG);
    await first.settle();
    await putIdentity(s3);
    await putTag(s3, NAME, 'latest', 'b');
    first.now += 5 * SECOND;
    // The health check reads another id, and all cached objects are removed.
    await first.get('/v2/');
    expect(await text(first, TAG)).toBe(manifestText('b'));
  });

  it('is hashed again, and wrong bytes in it are not answered', async () => {
    await putTag(bucket, NAME, 'latest', 'a');
    const wrong = {
      ...NO_CACHE,
      match: () =>
        Promise.resolve(
          new Response('{"mediaType":"x"}', {
            headers: { 'lifeboat-at': String(Date.now()), 'lifeboat-store': '1' },
          }),
        ),
    };
    const edge = new TestEdge([bucket], { cache: wrong });
    await edge.get('/v2/');
    expect(await text(edge, TAG)).toBe(manifestText('a'));
  });

  it('is not necessary', async () => {
    await putTag(bucket, NAME, 'latest', 'a');
    const edge = new TestEdge([bucket], {
      cache: { ...NO_CACHE, match: () => Promise.reject(new Error('no cache here')) },
    });
    await edge.get('/v2/');
    expect(await text(edge, TAG)).toBe(manifestText('a'));
    await edge.settle();
  });
});

describe('memory', () => {
  it('is bounded in bytes, and removes the entry that was used longest ago', () => {
    const cache = new MemoryCache<string>(100);
    cache.set('a', 'A', 40);
    cache.set('b', 'B', 40);
    expect(cache.get('a')).toBe('A');
    cache.set('c', 'C', 40);
    expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual(['A', undefined, 'C']);
    cache.set('a', 'A2', 10);
    expect(cache.get('a')).toBe('A2');
    cache.set('big', 'D', 101);
    expect(cache.get('big')).toBeUndefined();
    cache.clear();
    expect(cache.get('c')).toBeUndefined();
  });
});
