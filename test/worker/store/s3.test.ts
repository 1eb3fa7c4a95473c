/** The edge's requests to a store that speaks S3, and the meaning of each answer. The tests make the server's answers. */
import { expect, it } from 'vitest';
import { readConfiguration } from '../../../worker/configuration/configuration.ts';
import { S3Store } from '../../../worker/store/s3.ts';
import { StoreError, type ByteRange } from '../../../worker/store/store.ts';

const VARIABLES = {
  S3_ENDPOINT: 'https://s3.example.com:8443/api',
  S3_BUCKET: 'boat',
  S3_PREFIX: 'a',
  S3_ACCESS_KEY_ID: 'key-id',
  S3_SECRET_ACCESS_KEY: 'secret-key',
};
const KEY = 'blobs/sha256/ab';
const WINDOW_MS = 15 * 60 * 1000;
const BEGIN = Date.parse('2026-01-31T12:00:00Z');

interface Sent {
  readonly url: URL;
  readonly init: RequestInit;
}

function open(answer: () => Response | Promise<Response>, variables: Record<string, string> = {}) {
  const [configuration] = readConfiguration({ ...VARIABLES, ...variables }).stores;
  if (configuration?.kind !== 's3') throw new Error('not an S3 store');
  const sent: Sent[] = [];
  const clock = { now: BEGIN };
  const fetch = async (url: string, init: RequestInit) => {
    sent.push({ url: new URL(url), init });
    return answer();
  };
  const store = new S3Store(2, configuration, { fetch, now: () => clock.now });
  const get = (range?: ByteRange) =>
    store.get(KEY, { signal: new AbortController().signal, ...(range !== undefined && { range }) });
  return { store, sent, clock, get };
}

function ofLength(length: string | undefined, status = 200): Response {
  const body = new ReadableStream({ start: (controller) => controller.close() });
  return new Response(body, { status, headers: length === undefined ? {} : { 'content-length': length } });
}

/** Sends the texts one by one, and then ends, or breaks off. */
function bodyOf(texts: readonly (string | Uint8Array)[], isCut = false): ReadableStream {
  const rest = texts.map((text) => (typeof text === 'string' ? new TextEncoder().encode(text) : text));
  return new ReadableStream(
    {
      pull(controller) {
        const next = rest.shift();
        if (next !== undefined) controller.enqueue(next);
        else if (isCut) controller.error(new Error('cut'));
        else controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

it('an object is read with its size, its media type and its time', async () => {
  const headers = {
    'content-length': '3',
    'content-type': 'application/x',
    'last-modified': 'Sat, 31 Jan 2026 12:00:01 GMT',
  };
  const { get, sent } = open(() => new Response('abc', { headers }));
  const { body, ...object } = (await get()) ?? {};
  expect(object).toEqual({
    size: 3,
    contentType: 'application/x',
    modified: '2026-01-31T12:00:01.000Z',
  });
  expect(await new Response(body).text()).toBe('abc');
  expect(sent[0]?.init).toMatchObject({
    redirect: 'manual',
    cache: 'no-store',
    headers: { 'accept-encoding': 'identity' },
  });
  expect(new Headers(sent[0]?.init.headers).has('range')).toBe(false);
});

it.each([undefined, 'yesterday'])('an object whose time is %j is read without it', async (time) => {
  const headers = { 'content-length': '0', ...(time !== undefined && { 'last-modified': time }) };
  const { get } = open(() => new Response(null, { headers }));
  const { body, ...object } = (await get()) ?? {};
  expect(object).toEqual({ size: 0, contentType: undefined, modified: undefined });
  expect(await new Response(body).text()).toBe('');
});

it('a part of an object is read by a range, both of whose ends belong to it', async () => {
  const { get, sent } = open(() => ofLength('3', 206));
  expect(await get({ start: 4, end: 6 })).toMatchObject({ size: 3 });
  expect(new Headers(sent[0]?.init.headers).get('range')).toBe('bytes=4-6');
});

it.each([
  ['has no length', () => ofLength(undefined), undefined],
  ['has a negative length', () => ofLength('-1'), undefined],
  ['has half a byte', () => ofLength('1.5'), undefined],
  ['has no body and no length', () => new Response(null), undefined],
  ['is longer than the range', () => ofLength('4', 206), { start: 4, end: 6 }],
  ['is shorter than the range', () => ofLength('2', 206), { start: 4, end: 6 }],
])('an answer that %s has a wrong length', async (_name, answer, range) => {
  const { get } = open(answer);
  await expect(get(range)).rejects.toEqual(new StoreError(2, `answered with a wrong length for ${KEY}.`));
});

const PART = { start: 4, end: 6 };
const CODE = (code: string) => `<Error><Code>${code}</Code></Error>`;
const refusal = (status: number, body: BodyInit | null, type = 'application/xml') =>
  new Response(body, { status, headers: { 'content-type': type } });

it.each([
  ['200 to a range', () => ofLength('3'), PART, `answered 200 for ${KEY}.`],
  ['206 to no range', () => ofLength('3', 206), undefined, `answered 206 for ${KEY}.`],
  ['200 with XML to a range', () => refusal(200, CODE('X')), PART, `answered 200 for ${KEY}.`],
  ['403 without a body', () => refusal(403, null), undefined, `answered 403 for ${KEY}.`],
  ['403 without a type', () => new Response(null, { status: 403 }), undefined, `answered 403 for ${KEY}.`],
  ['403 and a code', () => refusal(403, CODE('AccessDenied')), PART, `answered 403 AccessDenied for ${KEY}.`],
  [
    '403 and a code amid spaces',
    () => refusal(403, CODE(' A.b_1\n')),
    PART,
    `answered 403 A.b_1 for ${KEY}.`,
  ],
  ['403 and a code in HTML', () => refusal(403, CODE('A'), 'text/html'), PART, `answered 403 for ${KEY}.`],
  ['403 and two words', () => refusal(403, CODE('A B')), PART, `answered 403 for ${KEY}.`],
  ['503 that is cut', () => refusal(503, bodyOf(['<Error>'], true)), PART, `answered 503 for ${KEY}.`],
  [
    '503 that is cut after its code',
    () => refusal(503, bodyOf([CODE('A')], true)),
    PART,
    `answered 503 A for ${KEY}.`,
  ],
  ['404 for the bucket', () => refusal(404, CODE('NoSuchBucket'), 'text/plain'), PART, 'has no such bucket.'],
  ['404 in pieces', () => refusal(404, bodyOf(['<Code>NoSuch', 'Bucket<'])), PART, 'has no such bucket.'],
  [
    '404 that is cut',
    () => refusal(404, bodyOf(['<'], true)),
    PART,
    `broke off in the middle of its 404 for ${KEY}.`,
  ],
  ['nothing', () => Promise.reject(new TypeError('https://secret')), PART, 'could not be reached.'],
])('a store that answers %s is blamed with a sentence of its own', async (_name, answer, range, reason) => {
  const { get } = open(answer);
  await expect(get(range)).rejects.toEqual(new StoreError(2, reason));
});

const NO_BUCKET = '<Code>NoSuchBucket<';
const blank = (length: number) => ' '.repeat(length);

it.each([
  ['the bucket is named at the end of its first 1024 bytes', [blank(1000), `${blank(5)}${NO_BUCKET}`], false],
  ['the bucket is named one byte later', [blank(1000), `${blank(6)}${NO_BUCKET}`], true],
  ['the bucket is named behind a long piece', [blank(1100), blank(1), `${NO_BUCKET}${blank(100)}`], true],
])('a 404 is read up to 1024 bytes: if %s, the object is absent: %s', async (_name, pieces, isAbsent) => {
  const { get } = open(() => refusal(404, bodyOf(pieces)));
  const answer = await get().catch(String);
  expect(answer).toBe(isAbsent ? undefined : 'StoreError: Store 2 has no such bucket.');
});

it('a 404 that breaks off after 1024 bytes is whole enough, and so is one without a body', async () => {
  expect(await open(() => refusal(404, null)).get()).toBe(undefined);
  const { get } = open(() => refusal(404, bodyOf([blank(1000), blank(24)], true)));
  expect(await get()).toBe(undefined);
});

const dateOf = (url = '') => new URL(url).searchParams.get('X-Amz-Date');

it('a URL is signed once for a quarter of an hour, and names the port', async () => {
  const { store, clock, get, sent } = open(() => new Response(null, { headers: { 'content-length': '0' } }));
  const first = await store.urlFor(KEY);
  clock.now = BEGIN + WINDOW_MS - 1;
  // A remembered URL comes at once, and not as a promise.
  expect(store.urlFor(KEY)).toBe(first);
  await get();
  expect(sent[0]?.url.href).toBe(first);
  expect(first).toMatch(/^https:\/\/s3\.example\.com:8443\/api\/boat\/a\/blobs\/sha256\/ab\?X-Amz-/);
  clock.now = BEGIN + WINDOW_MS;
  const next = store.urlFor(KEY);
  expect(typeof next).not.toBe('string');
  expect([first, await next].map(dateOf)).toEqual(['20260131T120000Z', '20260131T121500Z']);
  expect(store.urlFor(KEY)).toBe(await next);
});

it('a URL whose quarter of an hour ends while it is signed is not used in the next one', async () => {
  const { store, clock } = open(() => new Response());
  clock.now = BEGIN + WINDOW_MS - 1;
  const late = store.urlFor(KEY);
  clock.now = BEGIN + WINDOW_MS;
  const other = await store.urlFor('blobs/sha256/cd');
  expect(dateOf(await late)).toBe('20260131T120000Z');
  expect(dateOf(await store.urlFor(KEY))).toBe('20260131T121500Z');
  expect(store.urlFor('blobs/sha256/cd')).toBe(other);
});

it('the edge remembers 4096 signed URLs, and forgets the oldest one first', async () => {
  const { store } = open(() => new Response());
  for (let index = 0; index < 4096; index += 1) await store.urlFor(`blobs/sha256/${index}`);
  const isRemembered = (index: number) => typeof store.urlFor(`blobs/sha256/${index}`) === 'string';
  expect([0, 1, 4095].map(isRemembered)).toEqual([true, true, true]);
  await store.urlFor('blobs/sha256/4096');
  expect([1, 2, 4096, 0].map(isRemembered)).toEqual([true, true, true, false]);
});
