/** Requests of one isolate share reads, and hold no more bytes at a time than the isolate can. */
import { beforeEach, describe, expect, it } from 'vitest';
import { toBase64 } from '../../../core/base64.ts';
import { digestOf } from '../../../core/digest.ts';
import { RegistryError } from '../../../core/error.ts';
import { ByteBudget } from '../../../worker/isolate/byte-budget.ts';
import { ReadBudget } from '../../../worker/isolate/read-budget.ts';
import { SingleFlight } from '../../../worker/isolate/single-flight.ts';
import { s3Bucket, type TestBucket } from '../support/bucket.ts';
import {
  bytesOf,
  manifestText,
  putBlob,
  countingBytes,
  putIdentity,
  putManifest,
  putTag,
} from '../support/content.ts';
import { TestEdge } from '../support/test-edge.ts';
import { Time } from '../support/time.ts';

const MIB = 1024 * 1024;
const NAME = 'docker.io/library/app';
const TAG = '/v2/library/app/manifests/latest';
const TAG_KEY = `repositories/${NAME}/_tags/latest`;
const text = manifestText('a');

let bucket: TestBucket;
beforeEach(async () => {
  bucket = s3Bucket();
  await putIdentity(bucket);
  await putTag(bucket, NAME, 'latest', 'a');
});

function together(edge: TestEdge, path: string, count = 60): Promise<Response[]> {
  return Promise.all(Array.from({ length: count }, () => edge.get(path)));
}

describe('60 requests at once for an object that no request has asked for before', () => {
  it('read lifeboat.json and the tag once', async () => {
    const edge = new TestEdge([bucket]);
    const responses = await together(edge, TAG);
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
    for (const response of responses) expect(await response.text()).toBe(text);
    expect(edge.takeReads()).toEqual(['1 lifeboat.json', `1 ${TAG_KEY}`]);
    const sources = responses.map(({ headers }) => headers.get('lifeboat-cache'));
    expect(sources.every((source) => source === 'miss')).toBe(true);
  });

  it.each([
    ['a manifest by its digest', async () => `manifests/${await putManifest(bucket, NAME, 'a')}`, 200],
    [
      'a blob that is redirected',
      async () => `blobs/${await putBlob(bucket, NAME, countingBytes(70_000))}`,
      307,
    ],
    ['what is not there', async () => 'manifests/none', 404],
  ])('read the object once: %s', async (_name, fill, status) => {
    const path = `/v2/library/app/${await fill()}`;
    const edge = new TestEdge([bucket]);
    const responses = await together(edge, path);
    expect(new Set(responses.map((response) => response.status))).toEqual(new Set([status]));
    expect(edge.takeReads().length).toBe(2);
  });

  it('all fail with the shared read, and each of them logs the failure', async () => {
    const edge = new TestEdge([bucket]);
    edge.fault = (key) => (key === TAG_KEY ? new Response('', { status: 500 }) : undefined);
    const responses = await together(edge, TAG, 3);
    expect(responses.map(({ status }) => status)).toEqual([503, 503, 503]);
    expect(edge.events.map(({ trace }) => trace.failures)).toEqual(
      Array.from({ length: 3 }, () => [`Store 1 answered 500 for ${TAG_KEY}.`]),
    );
    edge.fault = () => undefined;
    expect((await edge.get(TAG)).status).toBe(200);
  });

  it('wait once for a store that hangs, and each of them logs the failure', async () => {
    const edge = new TestEdge([bucket]);
    await edge.get('/v2/');
    edge.takeReads();
    edge.fault = () => new Promise<Response>(() => {});
    const statuses: number[] = [];
    const waiting = Array.from({ length: 10 }, async () => statuses.push((await edge.get(TAG)).status));
    while (edge.reads.length === 0) await edge.pass(0);
    await edge.pass(3000);
    expect(statuses).toEqual([]);
    await edge.pass(1000);
    expect(statuses).toEqual(Array.from({ length: 10 }, () => 503));
    await Promise.all(waiting);
    expect(edge.takeReads()).toEqual([`1 ${TAG_KEY}`, '1 lifeboat.json']);
    expect(edge.events.slice(1).map(({ trace }) => trace.failures)).toEqual(
      Array.from({ length: 10 }, () => [
        'Store 1 did not answer in time.',
        'Store 1 did not answer in time.',
      ]),
    );
  });
});

/** The error that a promise is rejected with; undefined if it is not rejected. */
function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('a request that waits for another one’s read', () => {
  it('reads itself when the other one is dropped, and the others wait for its read', async () => {
    const time = new Time();
    const flights = new SingleFlight<string>({ ...time.options, patienceMs: 4000 });
    let reads = 0;
    const run = (answer: Promise<string>) =>
      flights.run(time.scope(), 'key', () => {
        reads += 1;
        return answer;
      });
    const forever = new Promise<string>(() => {});
    void run(forever);
    const waiting = [run(Promise.resolve('second')), run(Promise.resolve('third'))];
    await time.pass(3999);
    expect(reads).toBe(1);
    await time.pass(1);
    expect(await Promise.all(waiting)).toEqual(['second', 'second']);
    expect(reads).toBe(2);
  });

  it('gets a late success of the first reader', async () => {
    const time = new Time();
    const flights = new SingleFlight<string>({ ...time.options, patienceMs: 4000 });
    const first = Promise.withResolvers<string>();
    const forever = new Promise<string>(() => {});
    void flights.run(time.scope(), 'key', () => first.promise);
    void flights.run(time.scope(), 'key', () => forever);
    const third = flights.run(time.scope(), 'key', () => forever);
    await time.pass(4000);
    first.resolve('late');
    expect(await third).toBe('late');
  });

  it('is answered as unavailable once its own time is up', async () => {
    const time = new Time();
    const flights = new SingleFlight<string>({ ...time.options, patienceMs: 4000 });
    void flights.run(time.scope(), 'key', () => new Promise<string>(() => {}));
    const scope = time.scope(1000);
    const joined = flights.run(scope, 'key', () => Promise.resolve('never'));
    const refused = errorOf(joined);
    await time.pass(1000);
    expect(await refused).toBeInstanceOf(RegistryError);
    expect(scope.trace.failures).toEqual([
      'Another request asks for the same object, and had no answer in time.',
    ]);
  });
});

describe('a budget of bytes', () => {
  it('is granted in the order of the requests, and is released once', async () => {
    const time = new Time();
    const budget = new ByteBudget(10, time.options);
    const release = await budget.take(8, 8000);
    const order: string[] = [];
    const large = budget.take(9, 8000).then((done) => {
      order.push('large');
      return done;
    });
    const small = budget.take(1, 8000).then(() => order.push('small'));
    await time.pass(1);
    expect([order, budget.heldBytes]).toEqual([[], 8]);
    release();
    release();
    await Promise.all([large, small]);
    expect([order, budget.heldBytes]).toEqual([['large', 'small'], 10]);
  });

  it('is refused at the deadline, and the requests behind are served', async () => {
    const time = new Time();
    const budget = new ByteBudget(10, time.options);
    await budget.take(8, 9000);
    const large = errorOf(budget.take(9, 1000));
    const small = budget.take(2, 2000);
    await time.pass(1000);
    expect(await large).toBeInstanceOf(RegistryError);
    await small;
    expect(budget.heldBytes).toBe(10);
  });

  it('is released by itself for a request that the runtime has dropped', async () => {
    const time = new Time();
    const budget = new ByteBudget(10, time.options);
    await budget.take(10, 1000);
    await time.pass(1000);
    await budget.take(10, 2000);
    expect(budget.heldBytes).toBe(10);
  });

  it('that is released by itself wakes the requests that wait for it at once', async () => {
    const time = new Time();
    const budget = new ByteBudget(10, time.options);
    await budget.take(10, 1000);
    const order: string[] = [];
    const waiting = ['first', 'second'].map(async (name) => {
      const release = await budget.take(10, 8000);
      order.push(name);
      release();
    });
    await time.pass(999);
    expect(order).toEqual([]);
    await time.pass(1);
    expect(order).toEqual(['first', 'second']);
    await Promise.all(waiting);
    expect(budget.heldBytes).toBe(0);
  });

  it('is not granted at the deadline, because the request could not use it', async () => {
    const time = new Time();
    const budget = new ByteBudget(10, time.options);
    await budget.take(10, 1000);
    const refused = errorOf(budget.take(10, 1000));
    await time.pass(1000);
    expect(await refused).toBeInstanceOf(RegistryError);
    expect(budget.heldBytes).toBe(0);
  });
});

describe('the budget for reads', () => {
  it('does not let small objects wait for large ones that come slowly', async () => {
    const time = new Time();
    const budget = new ReadBudget(time.options);
    for (let count = 0; count < 2; count += 1) await budget.takeForReading(8 * MIB, 8000);
    const third = errorOf(budget.takeForReading(MIB, 1000));
    await budget.takeForReading(1000, 8000);
    await time.pass(1000);
    expect(await third).toBeInstanceOf(RegistryError);
  });

  it('does not blame the store when it is full, and a refused request reads no body', async () => {
    const second = s3Bucket(2);
    await putIdentity(second);
    const edge = new TestEdge([bucket, second]);
    await edge.get('/v2/');
    edge.takeReads();
    const cancelled: string[] = [];
    edge.fault = (key) => {
      const body = new ReadableStream({ cancel: () => void cancelled.push(key) }, { highWaterMark: 0 });
      return new Response(body, { headers: { 'content-length': '5600000' } });
    };
    const tags = ['a', 'b', 'c'];
    const responses = tags.map((tag) => edge.get(`/v2/library/app/manifests/${tag}`));
    while (edge.reads.length < tags.length) await edge.pass(0);
    await edge.pass(0);
    await edge.pass(8000);
    const answers = await Promise.all(responses.map((response) => response.then((one) => one.text())));
    expect(answers.filter(isRefused).length).toBe(1);
    const failures = edge.events.slice(1).map(({ trace }) => trace.failures);
    expect(failures.toSorted((one, another) => one.length - another.length)).toEqual([
      [],
      ['Store 1 did not answer in time.'],
      ['Store 1 did not answer in time.'],
    ]);
    const keys = tags.map((tag) => `repositories/${NAME}/_tags/${tag}`);
    expect(cancelled).toEqual([keys[answers.findIndex(isRefused)]]);
    expect(edge.takeReads().toSorted()).toEqual(keys.map((key) => `1 ${key}`));
  });

  it('does not count the wait for room as the store’s, whose body may use the remaining time', async () => {
    const budget = 16 * MIB;
    const edge = new TestEdge([bucket]);
    await edge.get('/v2/');
    const object = await largeTag();
    expect(3 * object.length).toBeGreaterThan(budget);
    const go = Promise.withResolvers<void>();
    edge.fault = (key) => {
      const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
        if (!key.endsWith('/c')) await go.promise;
        controller.enqueue(object.slice());
        controller.close();
      };
      const headers = { 'content-length': String(object.length) };
      return new Response(new ReadableStream({ pull }, { highWaterMark: 0 }), { headers });
    };
    const responses = ['a', 'b', 'c'].map((tag) => edge.get(`/v2/library/app/manifests/${tag}`));
    while (edge.reads.length < 4) await edge.pass(0);
    await edge.pass(7000);
    go.resolve();
    expect((await Promise.all(responses)).map(({ status }) => status)).toEqual([200, 200, 200]);
    await edge.settle();
  });

  it('lets at most 16 MiB of tags arrive at the same time, and answers all of them', async () => {
    const count = 4;
    const edge = new TestEdge([bucket]);
    await edge.get('/v2/');
    const object = await largeTag();
    let open = 0;
    let most = 0;
    edge.fault = (key) => {
      if (!key.includes('/_tags/')) return undefined;
      let rest = object;
      const body = new ReadableStream<Uint8Array>(
        {
          async pull(controller) {
            if (rest === object) most = Math.max(most, (open += 1));
            await new Promise((resolve) => setTimeout(resolve, 0));
            controller.enqueue(rest.slice(0, 2 * MIB));
            rest = rest.subarray(2 * MIB);
            if (rest.length > 0) return;
            open -= 1;
            controller.close();
          },
        },
        { highWaterMark: 0 },
      );
      return new Response(body, { headers: { 'content-length': String(object.length) } });
    };
    const paths = Array.from({ length: count }, (_, index) => `/v2/library/app/manifests/v${index}`);
    const responses = await Promise.all(paths.map((path) => edge.get(path)));
    expect(responses.map(({ status }) => status)).toEqual(paths.map(() => 200));
    expect(most).toBe(2);
    await edge.settle();
  });
});

function isRefused(answer: string): boolean {
  return answer.includes('The edge has no room for this object at the moment.');
}

/** The text of a tag whose manifest has 4 MiB. */
async function largeTag(): Promise<Uint8Array<ArrayBuffer>> {
  const plain = JSON.parse(text);
  const short = JSON.stringify({ ...plain, annotations: { fill: '' } });
  const bytes = bytesOf(
    JSON.stringify({ ...plain, annotations: { fill: 'x'.repeat(4 * MIB - short.length) } }),
  );
  return bytesOf(
    JSON.stringify({
      mediaType: plain.mediaType,
      digest: await digestOf(bytes),
      size: bytes.length,
      annotations: { 'dev.lifeboat.moved': '2026-01-01T00:00:00.000Z', 'dev.lifeboat.run': 'r' },
      data: toBase64(bytes),
    }),
  );
}
