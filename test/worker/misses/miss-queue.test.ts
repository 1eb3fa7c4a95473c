/** The queue of misses by itself: what is sent, how often, how much of it, and what happens when something fails. */
import { beforeEach, expect, it } from 'vitest';
import { EdgeCache } from '../../../worker/cache/edge-cache.ts';
import type { BackgroundFailure } from '../../../worker/isolate/failure.ts';
import {
  MAX_PER_DAY,
  MAX_PER_MINUTE,
  MissQueue,
  type MissBinding,
} from '../../../worker/misses/miss-queue.ts';
import { SentMarkers } from '../../../worker/misses/sent-markers.ts';

type TestCache = ConstructorParameters<typeof EdgeCache>[0];

const NGINX = 'docker.io/library/nginx:1.27';
const MINUTE_MS = 60_000;

let now = 0;
let bucket = '';
let sent: string[] = [];
let failures: BackgroundFailure[] = [];
const take: MissBinding = { send: async ({ reference }) => void sent.push(reference) };

beforeEach(() => {
  now = Date.now();
  bucket = crypto.randomUUID();
  sent = [];
  failures = [];
});

/** An isolate, with a `report` that waits for the work in the background. */
function isolate(queue: MissBinding = take, cache: TestCache = caches.default) {
  const misses = new MissQueue({
    queue,
    markers: new SentMarkers(new EdgeCache(cache)),
    now: () => now,
    onBackgroundFailure: (failure) => failures.push(failure),
  });
  return async (references: readonly string[], cacheId: string | undefined = bucket) => {
    const works: Promise<unknown>[] = [];
    for (const reference of references) misses.report(reference, cacheId, (work) => works.push(work));
    await Promise.all(works);
  };
}

function names(count: number, start = 0): string[] {
  return Array.from({ length: count }, (_, index) => `a.b/c:${start + index}`);
}

const NO_CACHE: TestCache = {
  match: () => Promise.resolve(undefined),
  put: () => Promise.resolve(),
  delete: () => Promise.resolve(false),
};

it('an isolate sends an image once in ten minutes, also if it is missed many times at once', async () => {
  const report = isolate(take, NO_CACHE);
  await report([NGINX, NGINX, NGINX]);
  now += 10 * MINUTE_MS - 1;
  await report([NGINX]);
  expect(sent).toEqual([NGINX]);
  now += 1;
  await report([NGINX]);
  expect(sent).toEqual([NGINX, NGINX]);
});

it('a message is JSON with the name of the image and nothing else', async () => {
  const messages: unknown[] = [];
  await isolate({ send: async (...args) => void messages.push(args) })([NGINX]);
  expect(messages).toEqual([[{ reference: NGINX }, { contentType: 'json' }]]);
});

it('the isolates of a data centre send an image of one bucket once in ten minutes', async () => {
  const [one, other] = [isolate(), isolate()];
  await one([NGINX]);
  now += 9 * MINUTE_MS;
  await other([NGINX]);
  expect(sent).toEqual([NGINX]);
  // The time of the marker counts, and not the time at which this isolate found it.
  now += MINUTE_MS;
  await other([NGINX]);
  expect(sent).toEqual([NGINX, NGINX]);
  await isolate()([NGINX], crypto.randomUUID());
  expect(sent).toEqual([NGINX, NGINX, NGINX]);
});

it('a marker has an address that no client can request', async () => {
  const addresses: unknown[] = [];
  const put: TestCache['put'] = async (address) => void addresses.push(address);
  await isolate(take, { ...NO_CACHE, put })([NGINX]);
  expect(addresses).toEqual([`https://cache.lifeboat.invalid/v1/${bucket}/misses/${NGINX}`]);
});

it('without the id of a bucket, the isolate alone remembers', async () => {
  const fail = broken('rejects');
  const report = isolate(take, { match: fail, put: fail, delete: fail });
  await report([NGINX], undefined);
  await report([NGINX], undefined);
  expect([sent, failures]).toEqual([[NGINX], []]);
});

function broken(kind: 'throws' | 'rejects'): () => Promise<never> {
  return () => {
    if (kind === 'throws') throw new Error('It is broken.');
    return Promise.reject(new Error('It is broken.'));
  };
}

it.each(['throws', 'rejects'] as const)('a cache that %s costs no message', async (kind) => {
  const fail = broken(kind);
  const report = isolate(take, { match: fail, put: fail, delete: fail });
  await report([NGINX]);
  await report([NGINX]);
  expect([sent, failures]).toEqual([[NGINX], []]);
});

it.each(['throws', 'rejects'] as const)(
  'a queue that %s is a warning, and the next miss of the image is sent again',
  async (kind) => {
    let isBroken = true;
    const fail = broken(kind);
    const report = isolate({ send: (miss, options) => (isBroken ? fail() : take.send(miss, options)) });
    await report([NGINX]);
    expect(failures).toEqual([
      {
        kind: 'miss',
        key: NGINX,
        failures: ['The queue MISSES did not take this miss, which the log alone has: It is broken.'],
      },
    ]);
    isBroken = false;
    await report([NGINX]);
    expect([sent, failures.length]).toEqual([[NGINX], 1]);
  },
);

it('an error that is no Error is quoted too', async () => {
  await isolate({ send: () => Promise.reject('full') })([NGINX]);
  expect(failures[0]?.failures).toEqual([
    'The queue MISSES did not take this miss, which the log alone has: full',
  ]);
});

it('an isolate sends 60 misses a minute, and warns once of those that it does not send', async () => {
  const report = isolate();
  await report(names(300));
  await report(names(300, 300));
  expect([MAX_PER_MINUTE, sent.length]).toEqual([60, 60]);
  const warning = {
    kind: 'miss',
    key: expect.stringMatching(/^a\.b\/c:\d+$/),
    failures: [
      'The queue MISSES got 60 misses within a minute from this isolate, which is the bound. Until that time is over, the log alone has further ones.',
    ],
  };
  expect(failures).toEqual([warning]);
  now += MINUTE_MS;
  // A miss that found no room is not remembered, so it is sent now.
  await report(names(300));
  expect([sent.length, new Set(sent).size]).toEqual([120, 120]);
  expect(failures).toEqual([warning, warning]);
});

it('an isolate sends 5,000 misses a day', async () => {
  const report = isolate(take, NO_CACHE);
  for (let minute = 0; minute < 100; minute += 1) {
    await report(names(100, minute * 100));
    now += MINUTE_MS;
  }
  expect([MAX_PER_DAY, sent.length]).toEqual([5000, 5000]);
  expect(failures.at(-1)?.failures).toEqual([
    'The queue MISSES got 5000 misses within a day from this isolate, which is the bound. Until that time is over, the log alone has further ones.',
  ]);
  // 83 full minutes, then the day.
  expect(failures.length).toBe(84);
  now += 24 * 60 * MINUTE_MS;
  await report([NGINX]);
  expect(sent.length).toBe(5001);
});

it('misses that another isolate has sent do not count', async () => {
  const earlier = isolate();
  for (const start of [0, 60]) {
    await earlier(names(60, start));
    now += MINUTE_MS;
  }
  sent = [];
  const report = isolate();
  for (const name of names(120)) await report([name]);
  expect([sent, failures]).toEqual([[], []]);
  await report(names(60, 200));
  expect(sent.length).toBe(60);
});
