/** Depending on the bucket's answer, a request is repeated, refused or done. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setImmediate as immediate } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { createS3Connection } from '../../../../mirror-job/runtime/node/s3-connection.ts';
import { S3Store } from '../../../../mirror-job/storage/s3/s3-store.ts';
import { close, listen } from '../../../support/http-server.ts';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(ends.splice(0).map((end) => end()));
});

/** @param answers one for each request; the last one also for all later requests */
async function storeThatAnswers(...answers: readonly Answer[]) {
  const seen: IncomingMessage[] = [];
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    const answer = answers[Math.min(seen.length, answers.length - 1)];
    seen.push(request);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      bodies.push(Buffer.concat(chunks).toString());
      answer?.(response, request);
    });
  });
  const port = await listen(server);
  ends.push(() => close(server));
  const endpoint = `http://127.0.0.1:${port}`;
  const credentials = { accessKeyId: 'id', secretAccessKey: 'key' };
  const options = { endpoint, region: 'auto', bucket: 'b', prefix: 'p/', pathStyle: true, credentials };
  return {
    store: new S3Store(options, createS3Connection(), 1000),
    seen,
    bodies,
    name: `The bucket "b" (prefix "p/") at ${endpoint}`,
  };
}

const fails =
  (status: number, code: string, headers: Record<string, string> = {}): Answer =>
  (response) =>
    response.writeHead(status, headers).end(`<?xml version="1.0"?><Error><Code>${code}</Code></Error>`);
const done: Answer = (response) => response.writeHead(200, { etag: '"e"' }).end('hello');
const broken: Answer = (response) => {
  response.writeHead(200, { etag: '"e"', 'content-length': '5' });
  response.write('he', () => response.destroy());
};
const cut: Answer = (response) => response.destroy();
const BYTES = new TextEncoder().encode('bytes');
const PLAIN = { contentType: 'text/plain' };

test.each([
  ['500', fails(500, 'InternalError')],
  ['503', fails(503, 'SlowDown')],
  ['429', fails(429, 'TooManyRequests')],
  ['a connection that is cut', cut],
])('a write is sent again, whole, after %s', async (_, failure) => {
  const { store, seen, bodies } = await storeThatAnswers(failure, failure, done);
  expect(await store.put('key', BYTES, PLAIN)).toBe('written');
  expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual(Array(3).fill('PUT /b/p/key'));
  expect(bodies).toEqual(['bytes', 'bytes', 'bytes']);
});

/** Like R2, takes one write per second to one key. */
function onceASecond(): Answer {
  let last = -Infinity;
  return (response, request) => {
    const now = performance.now();
    if (now - last < 1000) return fails(429, 'TooManyRequests')(response, request);
    last = now;
    done(response, request);
  };
}

test('writes to one key succeed at a store that allows one per second, whatever the random part of the waits', async () => {
  const dice = vi.spyOn(Math, 'random').mockReturnValue(0);
  try {
    const { store } = await storeThatAnswers(onceASecond());
    for (let write = 0; write < 3; write += 1) {
      expect(await store.put('key', BYTES, PLAIN)).toBe('written');
    }
  } finally {
    dice.mockRestore();
  }
});

test('a request is sent four times in all, and then fails with the store’s answer', async () => {
  const { store, seen, name } = await storeThatAnswers(fails(503, 'SlowDown'));
  await expect(store.get('key')).rejects.toThrow(`${name}: could not read key: 503 SlowDown.`);
  expect(seen.length).toBe(4);
});

test.each([
  ['a read', 30_000, (store: S3Store) => store.get('key')],
  ['a write', 120_000, (store: S3Store) => store.put('key', new Uint8Array(1), PLAIN)],
])('%s that the store never answers is sent again after its time limit', async (_, wait, ask) => {
  const { store, seen, bodies } = await storeThatAnswers(
    () => {},
    (response, request) => done(response, request),
  );
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const asked = ask(store);
  while (bodies.length < 1) await immediate();
  await vi.advanceTimersByTimeAsync(wait - 100);
  expect(seen.length).toBe(1);
  await vi.advanceTimersByTimeAsync(200);
  vi.useRealTimers();
  await asked;
  expect(seen.length).toBe(2);
});

test('a request that would be refused again is not sent again', async () => {
  const { store, seen, name } = await storeThatAnswers(fails(403, 'AccessDenied'));
  await expect(store.put('key', BYTES, PLAIN)).rejects.toThrow(
    `${name}: could not write key: access is denied (AccessDenied).`,
  );
  expect(seen.length).toBe(1);
});

const says =
  (status: number, code: string, message: string): Answer =>
  (response) =>
    response
      .writeHead(status)
      .end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`);

test.each([
  [403, 'QuotaExceeded', 'Your request was denied due to quota exceeded.'],
  [403, 'ObjectQuotaExceeded', ''],
  [400, 'XMinioAdminBucketQuotaExceeded', 'Bucket quota exceeded'],
  [507, 'XMinioStorageFull', 'Storage backend has reached its minimum free drive threshold.'],
  [507, 'InsufficientStorage', 'No space left on device.'],
  [
    403,
    'AccessDenied',
    'Cannot upload files, storage cap exceeded. See the Caps &amp; Alerts page to increase your cap.',
  ],
  [403, 'AccessDenied', 'Transaction cap exceeded, see the Caps &amp; Alerts page to increase your cap'],
  [403, 'storage_cap_exceeded', ''],
  [
    403,
    'AccessDenied',
    'Forbidden: Bucket size quota is reached, maximum total size of objects for this bucket: 500',
  ],
])(
  'the error says that a quota is used up, and not that a key is refused, after %i %s %s',
  async (status, code, text) => {
    const { store, seen, name } = await storeThatAnswers(begins('id'), says(status, code, text));
    const upload = await store.beginUpload('key', 'text/plain');
    // The sentence names no key, so it is the same for all objects and the summary shows it once.
    const message = `${name}: its quota, a cap or its disk is used up (${code}). Make room, or raise the limit at the provider; the objects that are already stored stay.`;
    await expect(store.put('key', BYTES, PLAIN)).rejects.toMatchObject({ message });
    await expect(upload.putPart(1, BYTES)).rejects.toMatchObject({ message });
    await expect(store.beginUpload('key', 'text/plain')).rejects.toMatchObject({ message });
    expect(seen.length).toBe(4);
  },
);

const refusesHeader =
  (status: number, code: string, more: string): Answer =>
  (response) =>
    response.writeHead(status).end(`<?xml version="1.0"?><Error><Code>${code}</Code>${more}</Error>`);

test.each<[string, number, string, string]>([
  [
    'Backblaze B2',
    501,
    'NotImplemented',
    '<Message>A header you provided implies functionality that is not implemented.</Message>',
  ],
  ['Aliyun', 400, 'NotImplemented', '<Header>If-None-Match</Header>'],
  ['one that names the header', 400, 'InvalidArgument', '<ArgumentName>If-None-Match</ArgumentName>'],
  ['one that says nothing', 501, 'NotImplemented', ''],
])('the error says that the store refuses conditional writes: %s', async (_, status, code, more) => {
  const { store, seen, name } = await storeThatAnswers(refusesHeader(status, code, more));
  const put = store.put('key', BYTES, { ...PLAIN, condition: { ifNoneMatch: '*' } });
  await expect(put).rejects.toThrow(
    expect.objectContaining({
      name: 'ConditionRefusedError',
      message: `${name}: could not write key: it refuses conditional writes (${status} ${code}).`,
    }),
  );
  // The same answer to a write without a condition means something else.
  await expect(store.put('key', BYTES, PLAIN)).rejects.toThrow(`could not write key: ${status} ${code}.`);
  expect(seen.length).toBe(2);
});

test('the error of any other refused conditional write has the status and the code of the store', async () => {
  const { store, name } = await storeThatAnswers(fails(400, 'InvalidRequest'));
  const put = store.put('key', BYTES, { ...PLAIN, condition: { ifMatch: '"e"' } });
  await expect(put).rejects.toThrow(`${name}: could not write key: 400 InvalidRequest.`);
});

test('a clock that is wrong is corrected by that of the store, once', async () => {
  const date = 'Tue, 01 Jan 2030 00:00:00 GMT';
  const { store, seen } = await storeThatAnswers(fails(403, 'RequestTimeTooSkewed', { date }), done);
  expect(await store.put('key', BYTES, PLAIN)).toBe('written');
  expect(await store.put('key', BYTES, PLAIN)).toBe('written');
  const days = seen.map(({ headers }) => String(headers['x-amz-date']).slice(0, 8));
  expect([days.length, ...days.slice(1)]).toEqual([3, '20300101', '20300101']);
});

test('a condition that fails is a conflict, and a write that meets another conditional write is sent again', async () => {
  const { store, seen } = await storeThatAnswers(
    fails(409, 'ConditionalRequestConflict'),
    fails(412, 'PreconditionFailed'),
    fails(404, 'NoSuchKey'),
  );
  expect(await store.put('key', BYTES, { ...PLAIN, condition: { ifNoneMatch: '*' } })).toBe('conflict');
  expect(await store.put('key', BYTES, { ...PLAIN, condition: { ifMatch: '"e"' } })).toBe('conflict');
  expect(seen.map(({ headers }) => [headers['if-none-match'], headers['if-match']])).toEqual([
    ['*', undefined],
    ['*', undefined],
    [undefined, '"e"'],
  ]);
});

test('a conditional write that meets another one waits twice as long each time, and fails after five attempts', async () => {
  const times: number[] = [];
  const { store, name } = await storeThatAnswers((response, request) => {
    times.push(performance.now());
    fails(409, 'ConditionalRequestConflict')(response, request);
  });
  await expect(store.put('key', BYTES, { ...PLAIN, condition: { ifNoneMatch: '*' } })).rejects.toThrow(
    `${name}: could not write key: 409 ConditionalRequestConflict.`,
  );
  const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  expect(waits).toHaveLength(4);
  // No timer ends early by more than a millisecond. How late it ends depends on the machine.
  for (const [index, least] of [25, 50, 100, 200].entries()) {
    expect(waits[index]).toBeGreaterThanOrEqual(least - 1);
  }
});

/** The answer to the request that begins an upload. */
const begins =
  (id: string): Answer =>
  (response) =>
    response
      .writeHead(200, { 'content-type': 'application/xml' })
      .end(
        `<?xml version="1.0"?><InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      );
const uploads =
  (key: string, more: string): Answer =>
  (response) =>
    response.writeHead(200, { 'content-type': 'application/xml' }).end(
      `<?xml version="1.0"?><ListMultipartUploadsResult><Bucket>b</Bucket>${more}
<Upload><Key>p/${key}</Key><UploadId>${key}</UploadId><Initiated>2026-01-01T00:00:00Z</Initiated></Upload>
</ListMultipartUploadsResult>`,
    );
const further = (marker: string) =>
  `<IsTruncated>true</IsTruncated><NextKeyMarker>${marker}</NextKeyMarker><NextUploadIdMarker>id</NextUploadIdMarker>`;

const gone: Answer = (response) => response.writeHead(204).end();
const complete: Answer = (response) =>
  response
    .writeHead(200, { 'content-type': 'application/xml' })
    .end('<?xml version="1.0"?><CompleteMultipartUploadResult/>');

test('an open upload that was listed is aborted by its own id', async () => {
  const { store, seen } = await storeThatAnswers(uploads('a', ''), gone);
  const [upload] = await store.openUploads('');
  await upload?.abort();
  const { method, url } = seen.at(-1) ?? {};
  const { pathname, searchParams } = new URL(url ?? '', 'http://b');
  expect([method, pathname, searchParams.get('uploadId')]).toEqual(['DELETE', '/b/p/a', 'a']);
});

test('the parts of an upload are completed in the order of their numbers, in whichever order they were written', async () => {
  const { store, bodies } = await storeThatAnswers(begins('id'), done, done, complete);
  const upload = await store.beginUpload('key', 'text/plain');
  await upload.putPart(2, BYTES);
  await upload.putPart(1, BYTES);
  await upload.complete();
  const numbers = [...(bodies.at(-1) ?? '').matchAll(/<PartNumber>(\d+)</g)].map(([, number]) => number);
  expect(numbers).toEqual(['1', '2']);
});

test.each<[string, readonly Answer[], readonly string[]]>([
  ['to its end', [uploads('a', further('m')), uploads('b', '')], ['a', 'b']],
  ['a marker that repeats ends it', [uploads('a', further('m')), uploads('b', further('m'))], ['a', 'b']],
  ['so does one that is missing', [uploads('a', '<IsTruncated>true</IsTruncated>')], ['a']],
  ['a provider that has no such list', [fails(501, 'NotImplemented')], []],
])('openUploads reads the list: %s', async (_, answers, keys) => {
  const { store, seen } = await storeThatAnswers(...answers);
  const begun = new Date('2026-01-01T00:00:00Z');
  const listed = await store.openUploads('');
  expect(listed.map((upload) => ({ key: upload.key, begun: upload.begun }))).toEqual(
    keys.map((key) => ({ key, begun })),
  );
  const markers = seen.map(({ url }) => new URL(url ?? '', 'http://b').searchParams.get('key-marker'));
  expect(markers).toEqual([null, 'm'].slice(0, answers.length));
});

const objects =
  (key: string, more: string): Answer =>
  (response) =>
    response
      .writeHead(200, { 'content-type': 'application/xml' })
      .end(
        `<?xml version="1.0"?><ListBucketResult>${more}<Contents><Key>p/${key}</Key><Size>1</Size><ETag>"e"</ETag></Contents></ListBucketResult>`,
      );
const continued = (token: string) =>
  `<IsTruncated>true</IsTruncated><NextContinuationToken>${token}</NextContinuationToken>`;

test.each<[string, readonly Answer[], readonly string[]]>([
  ['to its end', [objects('a', continued('t')), objects('b', '')], ['a', 'b']],
  [
    'an empty token is none',
    [
      objects('a', continued('t')),
      objects('b', '<IsTruncated>false</IsTruncated><NextContinuationToken></NextContinuationToken>'),
    ],
    ['a', 'b'],
  ],
])('list reads all pages: %s', async (_, answers, keys) => {
  const { store, seen } = await storeThatAnswers(...answers);
  expect(await store.list('', Number.MAX_SAFE_INTEGER)).toEqual(keys);
  expect(seen).toHaveLength(answers.length);
});

test('an object without an ETag is an error, because it could not be overwritten safely', async () => {
  const { store, name } = await storeThatAnswers((response) => response.writeHead(200).end('x'));
  await expect(store.get('key')).rejects.toThrow(
    `${name}: could not read key: the answer has no ETag. The store does not speak S3 as it should.`,
  );
});

test('a list whose pages lead in a circle is an error', async () => {
  const { store, name } = await storeThatAnswers(objects('a', continued('t')), objects('b', continued('t')));
  await expect(store.list('', Number.MAX_SAFE_INTEGER)).rejects.toThrow(
    `${name}: could not list it: the pages of the list lead in a circle. The store does not speak S3 as it should.`,
  );
});

test('a 404 from a proxy, which is not the store’s word, is not taken for an absent object', async () => {
  const { store, name } = await storeThatAnswers((response) => response.writeHead(404).end('<h1>no</h1>'));
  await expect(store.get('key')).rejects.toThrow(
    `${name}: could not read key: 404 NotFound, which is no answer of S3’s. Check store.endpoint and store.bucket.`,
  );
});

test('an answer that is cut in the middle is an error', async () => {
  const { store, name } = await storeThatAnswers((response) => {
    response.writeHead(200, { etag: '"e"', 'content-length': '100' });
    response.write('half of it', () => response.destroy());
  });
  await expect(store.get('key')).rejects.toThrow(
    `${name}: could not read key: it does not answer (ECONNRESET).`,
  );
  const pieces = await store.stream('key', 5);
  const read = async (): Promise<void> => {
    for await (const piece of pieces ?? []) expect(Buffer.from(piece).toString()).toBe('half of it');
  };
  await expect(read()).rejects.toThrow(`${name}: could not read key: it does not answer (ECONNRESET).`);
});

test('requests that follow each other use one connection', async () => {
  const { store, seen } = await storeThatAnswers(done, fails(404, 'NoSuchKey'), done);
  for (let round = 0; round < 3; round += 1) await store.get('key');
  await store.put('key', BYTES, PLAIN);
  await store.size('key');
  expect(new Set(seen.map(({ socket }) => socket)).size).toBe(1);
});

test('an object whose answer breaks off is asked for again, three times in all', async () => {
  const { store, seen } = await storeThatAnswers(broken, broken, done);
  expect(Buffer.from((await store.get('key'))?.bytes ?? []).toString()).toBe('hello');
  expect(seen).toHaveLength(3);
  const worse = await storeThatAnswers(broken);
  await expect(worse.store.get('key')).rejects.toThrow('could not read key: it does not answer');
  expect(worse.seen).toHaveLength(3);
});
