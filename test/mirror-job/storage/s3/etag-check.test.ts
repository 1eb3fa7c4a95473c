/**
 * A torn read has the body of one version and the ETag of another. A change that is made from this body and written
 * under this ETag undoes the other version. So the job reads again, if it can know that the store's ETags are MD5s.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { updateObject } from '../../../../mirror-job/engine/store/compare-and-swap.ts';
import { S3Store } from '../../../../mirror-job/storage/s3/s3-store.ts';
import { createS3Connection } from '../../../../mirror-job/runtime/node/s3-connection.ts';
import { close, listen } from '../../../support/http-server.ts';

const TYPE = 'text/plain';

interface Stored {
  readonly body: string;
  readonly etag: string;
}

const md5 = (body: string) => `"${createHash('md5').update(body).digest('hex')}"`;
const whole = (body: string): Stored => ({ body, etag: md5(body) });

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
});

/** A bucket with conditional writes whose reads may be torn. */
class Bucket {
  readonly objects = new Map<string, Stored>();
  /** Keys that were read, in order. */
  readonly reads: string[] = [];
  etagOf: (body: string) => string = md5;
  /** Headers of every answer. */
  headers: Readonly<Record<string, string>> = {};
  /** The answer of a read in place of the stored object; undefined for the stored object. */
  onRead: (key: string, present: Stored) => Stored | undefined = () => undefined;

  answer(request: IncomingMessage, response: ServerResponse, body: string): void {
    const key = (request.url ?? '').replace('/b/', '');
    const present = this.objects.get(key);
    if (request.method === 'PUT') {
      const { 'if-match': match, 'if-none-match': none } = request.headers;
      const isRefused =
        (match !== undefined && match !== present?.etag) || (none !== undefined && present !== undefined);
      const stored = { body, etag: this.etagOf(body) };
      if (!isRefused) this.objects.set(key, stored);
      response
        .writeHead(isRefused ? 412 : 200, { ...this.headers, ...(!isRefused && { etag: stored.etag }) })
        .end(isRefused ? '<Error><Code>PreconditionFailed</Code></Error>' : '');
      return;
    }
    this.reads.push(key);
    if (present === undefined) {
      response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>');
      return;
    }
    const shown = this.onRead(key, present) ?? present;
    response.writeHead(200, { ...this.headers, etag: shown.etag, 'content-type': TYPE }).end(shown.body);
  }
}

async function storeOver(bucket: Bucket): Promise<S3Store> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => bucket.answer(request, response, Buffer.concat(chunks).toString()));
  });
  const port = await listen(server);
  ends.push(() => close(server));
  return new S3Store(
    {
      endpoint: `http://127.0.0.1:${port}`,
      region: 'auto',
      bucket: 'b',
      prefix: '',
      pathStyle: true,
      credentials: { accessKeyId: 'id', secretAccessKey: 'key' },
    },
    createS3Connection(),
  );
}

const textOf = (object: { bytes: Uint8Array } | undefined) => Buffer.from(object?.bytes ?? []).toString();

/** The next `times` reads of the key answer the old body with the ETag of the stored object. */
function tear(bucket: Bucket, torn: string, times: number, body = 'old'): void {
  let left = times;
  bucket.onRead = (key, { etag }) => {
    if (key !== torn || left === 0) return undefined;
    left -= 1;
    return { body, etag };
  };
}

test('an update that another run has just made is not lost, because a torn object is read again', async () => {
  const bucket = new Bucket();
  const store = await storeOver(bucket);
  bucket.objects.set('lifeboat.json', whole('{}'));
  bucket.objects.set('list', whole('theirs '));
  await store.get('lifeboat.json');
  tear(bucket, 'list', 2, '');
  await updateObject(store, 'list', TYPE, (bytes) =>
    Buffer.from(`${Buffer.from(bytes ?? []).toString()}ours`),
  );
  expect(bucket.objects.get('list')?.body).toBe('theirs ours');
  expect(bucket.reads).toEqual(['lifeboat.json', 'list', 'list', 'list']);
});

test.each([
  ['a read', (store: S3Store) => store.get('known')],
  ['a write', (store: S3Store) => store.put('known', Buffer.from('x'), { contentType: TYPE })],
])('%s shows that the ETags are MD5s', async (_, show) => {
  const bucket = new Bucket();
  const store = await storeOver(bucket);
  bucket.objects.set('known', whole('known'));
  bucket.objects.set('key', whole('new'));
  tear(bucket, 'key', 1);
  await show(store);
  expect(textOf(await store.get('key'))).toBe('new');
});

test('an object that stays torn is an error after five reads, and nothing is written over it', async () => {
  const bucket = new Bucket();
  const store = await storeOver(bucket);
  bucket.objects.set('known', whole('known'));
  bucket.objects.set('key', whole('new'));
  await store.get('known');
  tear(bucket, 'key', Infinity);
  await expect(updateObject(store, 'key', TYPE, () => Buffer.from('x'))).rejects.toThrow(
    `${store.name}: could not read key: the body and the ETag belonged to two versions of the object, five times in a row. Nothing is written over the object. If no other run is at work, copy the object onto itself with another S3 client, which gives it a new ETag, and see docs/providers.md.`,
  );
  expect(bucket.reads).toEqual(['known', ...Array(5).fill('key')]);
  expect(bucket.objects.get('key')?.body).toBe('new');
});

const random = () => `"${createHash('sha256').update(String(Math.random())).digest('hex').slice(0, 32)}"`;

test('a store whose ETags only look like MD5s is not checked', async () => {
  const bucket = new Bucket();
  bucket.etagOf = random;
  const store = await storeOver(bucket);
  for (const key of ['one', 'two', 'three']) {
    await store.put(key, Buffer.from(key), { contentType: TYPE });
    expect(textOf(await store.get(key))).toBe(key);
  }
  expect(bucket.reads).toEqual(['one', 'two', 'three']);
});

test.each([
  [{ 'x-amz-server-side-encryption': 'aws:kms' }],
  [{ 'x-amz-server-side-encryption': 'aws:kms:dsse' }],
  [{ 'x-amz-server-side-encryption-customer-algorithm': 'AES256' }],
])('an object encrypted otherwise than those that showed MD5s is not checked: %j', async (headers) => {
  const bucket = new Bucket();
  const store = await storeOver(bucket);
  bucket.objects.set('plain', whole('plain'));
  bucket.objects.set('encrypted', { body: 'encrypted', etag: random() });
  await store.get('plain');
  bucket.headers = headers;
  expect(textOf(await store.get('encrypted'))).toBe('encrypted');
  bucket.headers = {};
  tear(bucket, 'plain', 1);
  expect(textOf(await store.get('plain'))).toBe('plain');
  expect(bucket.reads).toEqual(['plain', 'encrypted', 'plain', 'plain']);
});

test.each([
  ['of a multipart upload', '"d41d8cd98f00b204e9800998ecf8427e-2"'],
  ['that is weak', 'W/"d41d8cd98f00b204e9800998ecf8427e"'],
  ['that is no hash', '"0x8DD1A2B3C4D5E6F"'],
])('an ETag %s says nothing about the body', async (_, etag) => {
  const bucket = new Bucket();
  const store = await storeOver(bucket);
  bucket.objects.set('known', whole('known'));
  bucket.objects.set('key', { body: 'body', etag });
  await store.get('known');
  expect(textOf(await store.get('key'))).toBe('body');
  expect(bucket.reads).toEqual(['known', 'key']);
});

test('an ETag without quotes, or in capitals, is an MD5 all the same', async () => {
  for (const spelt of [(etag: string) => etag.replaceAll('"', ''), (etag: string) => etag.toUpperCase()]) {
    const bucket = new Bucket();
    bucket.etagOf = (body) => spelt(md5(body));
    const store = await storeOver(bucket);
    await store.put('key', Buffer.from('new'), { contentType: TYPE });
    tear(bucket, 'key', 1);
    expect(textOf(await store.get('key'))).toBe('new');
  }
});
