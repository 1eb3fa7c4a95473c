/** The isolate's memory and the data centre's cache together: which of them answers, and what is put and removed. */
import { beforeEach, describe, expect, it } from 'vitest';
import { r2Bucket, s3Bucket, type TestBucket } from '../support/bucket.ts';
import { manifestText, putIdentity, putTag } from '../support/content.ts';
import { only, status } from '../support/faults.ts';
import { TestEdge } from '../support/test-edge.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
const NAME = 'docker.io/library/app';
const TAG = '/v2/library/app/manifests/latest';
const TAG_KEY = `repositories/${NAME}/_tags/latest`;

let bucket: TestBucket;
beforeEach(async () => {
  bucket = s3Bucket();
  await putIdentity(bucket);
  await putTag(bucket, NAME, 'latest', 'a');
});

/** The data centre's cache, with a list of what is done with the tag's entry, or with any entry. */
function watchedCache(key = TAG_KEY) {
  const done: string[] = [];
  const watch = (what: 'match' | 'put' | 'delete', address: RequestInfo | URL) => {
    if (new Request(address).url.endsWith(key)) done.push(what);
  };
  const cache: Pick<Cache, 'match' | 'put' | 'delete'> = {
    match(address) {
      watch('match', address);
      return caches.default.match(address);
    },
    put(address, response) {
      watch('put', address);
      return caches.default.put(address, response);
    },
    delete(address) {
      watch('delete', address);
      return caches.default.delete(address);
    },
  };
  return { cache, done };
}

/** Finds entries in the form in which an earlier release put them. */
async function matchOfEarlierRelease(address: RequestInfo | URL): Promise<Response | undefined> {
  const found = await caches.default.match(address);
  if (found === undefined) return undefined;
  const headers = new Headers(found.headers);
  for (const name of ['lifeboat-size', 'lifeboat-bucket']) headers.delete(name);
  return new Response(found.body, { headers });
}

/** @returns the source of the answer, the age that it states, and its content */
async function ask(edge: TestEdge, path = TAG) {
  const response = await edge.get(path);
  const { headers } = response;
  return [
    response.status,
    headers.get('lifeboat-cache'),
    headers.get('lifeboat-stale'),
    await response.text(),
  ];
}

const move = () => putTag(bucket, NAME, 'latest', 'b', '2026-01-02T00:00:00.000Z');

describe('memory', () => {
  it('answers alone while the tag is fresh, and the data centre’s cache is not asked', async () => {
    const { cache, done } = watchedCache();
    const edge = new TestEdge([bucket], { cache });
    await edge.get('/v2/');
    for (const source of ['miss', 'hit-memory']) {
      expect(await ask(edge)).toEqual([200, source, null, manifestText('a')]);
      await edge.settle();
      edge.now += MINUTE - 1;
    }
    expect(done).toEqual(['match', 'put']);
  });

  it('answers once more after TAG_TTL, although the data centre’s cache has the same', async () => {
    const edge = new TestEdge([bucket]);
    await ask(edge);
    await edge.settle();
    edge.now += MINUTE;
    expect(await ask(edge)).toEqual([200, 'hit-memory', null, manifestText('a')]);
    await edge.settle();
    expect(edge.refreshFailures).toEqual([]);
  });

  it('answers if the entry of the data centre’s cache is older', async () => {
    let puts = 0;
    const put: Cache['put'] = async (address, response) => {
      puts += 1;
      if (puts === 2) await caches.default.put(address, response);
    };
    // The first entry is the identity, the second is the tag, and later ones are lost.
    const edge = new TestEdge([bucket], { cache: { ...watchedCache().cache, put } });
    await ask(edge);
    await edge.settle();
    edge.now += 2 * MINUTE;
    expect(await ask(edge)).toEqual([200, 'miss', null, manifestText('a')]);
    edge.now += MINUTE;
    expect(await ask(edge)).toEqual([200, 'hit-memory', null, manifestText('a')]);
    await edge.settle();
  });

  it('is the source of a stale answer, in the log too, if the store has an older tag', async () => {
    await move();
    const edge = new TestEdge([bucket]);
    await ask(edge);
    await putTag(bucket, NAME, 'latest', 'a', '2026-01-01T00:00:00.000Z');
    edge.now += 2 * MINUTE;
    expect(await ask(edge)).toEqual([200, 'stale', '120', manifestText('b')]);
    expect(edge.events.at(-1)?.trace).toMatchObject({ source: 'memory', store: 1, staleSeconds: 120 });
  });

  it('does not answer for a bucket that is of another audience by now', async () => {
    const edge = new TestEdge([bucket]);
    await ask(edge);
    await putIdentity(bucket, 'token');
    edge.now += 2 * MINUTE;
    edge.fault = only(1, status(500), TAG_KEY);
    const response = await edge.get(TAG);
    expect([response.status, await response.text()]).toEqual([
      503,
      expect.stringContaining('The variable AUDIENCE cannot be used: it is public, but'),
    ]);
  });
});

describe('a refresh in the background', () => {
  it('is one for all requests that come meanwhile, and is logged once', async () => {
    const edge = new TestEdge([bucket]);
    await ask(edge);
    await edge.settle();
    edge.now += MINUTE;
    const late = Promise.withResolvers<Response>();
    edge.fault = only(1, () => late.promise, TAG_KEY);
    edge.takeReads();
    for (const _ of [1, 2]) expect(await ask(edge)).toEqual([200, 'hit-memory', null, manifestText('a')]);
    late.resolve(new Response('', { status: 403 }));
    await edge.settle();
    expect(edge.takeReads()).toEqual([`1 ${TAG_KEY}`, '1 lifeboat.json']);
    expect(edge.refreshFailures).toEqual([
      {
        key: TAG_KEY,
        failures: [
          `Store 1 answered 403 for ${TAG_KEY}.`,
          'The store does not give this object at the moment.',
        ],
      },
    ]);
  });

  it('that the runtime dropped is made again after 8 seconds', async () => {
    const edge = new TestEdge([bucket]);
    await ask(edge);
    await edge.settle();
    edge.takeReads();
    edge.now += MINUTE;
    edge.fault = () => new Promise<Response>(() => {});
    const counts = [];
    for (const passed of [0, 7999, 1]) {
      edge.now += passed;
      await ask(edge);
      counts.push(edge.reads.length);
    }
    expect(counts).toEqual([1, 1, 2]);
  });
});

describe('the data centre’s cache', () => {
  it('answers with what another isolate has read since', async () => {
    const edge = new TestEdge([bucket]);
    await ask(edge);
    await edge.settle();
    await move();
    const other = new TestEdge([bucket]);
    other.now = edge.now += 2 * MINUTE;
    await other.get('/v2/');
    expect(await ask(other)).toEqual([200, 'miss', null, manifestText('b')]);
    await other.settle();
    edge.takeReads();
    expect(await ask(edge)).toEqual([200, 'hit-edge', null, manifestText('b')]);
    expect(await ask(edge)).toEqual([200, 'hit-memory', null, manifestText('b')]);
    expect(edge.takeReads()).toEqual([]);
  });

  it('gives each of several requests that come together its own tag', async () => {
    const tags = ['a', 'b', 'c'];
    for (const tag of tags) await putTag(bucket, NAME, tag, tag);
    const paths = tags.map((tag) => `/v2/library/app/manifests/${tag}`);
    const first = new TestEdge([bucket]);
    for (const path of paths) await ask(first, path);
    await first.settle();
    const second = new TestEdge([bucket]);
    expect(await Promise.all(paths.map((path) => ask(second, path)))).toEqual(
      tags.map((tag) => [200, 'hit-edge', null, manifestText(tag)]),
    );
  });

  it('answers with entries of an earlier release, which tell neither their size nor their bucket', async () => {
    const tags = ['a', 'b', 'c', 'd'];
    for (const tag of tags) await putTag(bucket, NAME, tag, tag);
    const first = new TestEdge([bucket]);
    for (const tag of tags) await ask(first, `/v2/library/app/manifests/${tag}`);
    await first.settle();
    const second = new TestEdge([bucket], {
      cache: { ...watchedCache().cache, match: matchOfEarlierRelease },
    });
    // Each counts as one of 8 MiB, and two of these have room at a time.
    for (const tag of tags) {
      expect(await ask(second, `/v2/library/app/manifests/${tag}`)).toEqual([
        200,
        'hit-edge',
        null,
        manifestText(tag),
      ]);
    }
  });

  it.each([
    [7 * DAY, 200],
    [7 * DAY + 1, 503],
  ])('holds a tag that is %i ms old, and the answer while no store answers is %i', async (ageMs, code) => {
    const first = new TestEdge([bucket]);
    await ask(first);
    await first.settle();
    const second = new TestEdge([bucket]);
    second.now = first.now + ageMs;
    second.fault = status(500);
    expect((await second.get(TAG)).status).toBe(code);
  });

  it('loses a tag that was deleted, and is not touched for a tag that never was', async () => {
    const { cache, done } = watchedCache();
    const first = new TestEdge([bucket], { cache });
    await ask(first);
    await first.settle();
    await bucket.delete(TAG_KEY);
    for (const _ of [1, 2]) {
      first.now += 2 * MINUTE;
      expect((await first.get(TAG)).status).toBe(404);
      await first.settle();
    }
    expect(done.filter((what) => what !== 'match')).toEqual(['put', 'delete']);
    const second = new TestEdge([bucket]);
    second.fault = status(500);
    expect((await second.get(TAG)).status).toBe(503);
  });

  it('is not asked while no bucket’s id is known', async () => {
    const { cache, done } = watchedCache('');
    const r2 = r2Bucket();
    await putIdentity(r2);
    const edge = new TestEdge([r2], { cache });
    expect((await edge.get(TAG)).status).toBe(404);
    expect(done).toEqual([]);
  });
});
