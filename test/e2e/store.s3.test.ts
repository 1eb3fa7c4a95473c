/** What the job relies on a store for, against a real S3 server that checks what wrangler's local R2 lets pass. */
import { createHash } from 'node:crypto';
import { createServer, request } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { BufferPool } from '../../mirror-job/engine/transfer/buffer-pool.ts';
import { StoreError, UploadLostError } from '../../mirror-job/engine/store/store.ts';
import { DEFAULT_LIMITS } from '../../mirror-job/engine/environment.ts';
import { uploadBlob } from '../../mirror-job/engine/transfer/upload.ts';
import { S3Store } from '../../mirror-job/storage/s3/s3-store.ts';
import { bytesOf as collect, randomBlob } from '../support/content.ts';
import { close, listen } from '../support/http-server.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';

const MEBIBYTE = 1024 * 1024;
const TEXT = 'text/plain';

let server: S3Server;
let store: S3Store;
let folder = 0;

beforeAll(async () => {
  server = await startS3Server();
});
afterAll(async () => {
  await server?.stop();
});
beforeEach(() => {
  // A prefix of its own for each test, so that none sees another's objects.
  folder += 1;
  store = storeAt(server.endpoint);
});

function storeAt(endpoint: string, overrides: { bucket?: string; secretAccessKey?: string } = {}): S3Store {
  const { accessKeyId, secretAccessKey, bucket, region } = { ...server, ...overrides };
  return new S3Store({
    endpoint,
    region,
    bucket,
    prefix: `test-${folder}/`,
    pathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

test('get returns the bytes and the type that put wrote, and undefined for a key that is absent', async () => {
  expect(await store.put('a/b', bytesOf('hello'), { contentType: TEXT })).toBe('written');
  const stored = await store.get('a/b');
  expect(stored).toMatchObject({ contentType: TEXT });
  expect(Buffer.from(stored?.bytes ?? []).toString()).toBe('hello');
  expect(await store.size('a/b')).toBe(5);
  expect(await store.get('a/c')).toBeUndefined();
  expect(await store.size('a/c')).toBeUndefined();
});

test('an empty object exists, with the size 0', async () => {
  await store.put('empty', new Uint8Array(), { contentType: TEXT });
  expect(await store.size('empty')).toBe(0);
});

test('If-None-Match: * writes a key only once', async () => {
  const options = { contentType: TEXT, condition: { ifNoneMatch: '*' as const } };
  expect(await store.put('once', bytesOf('first'), options)).toBe('written');
  expect(await store.put('once', bytesOf('second'), options)).toBe('conflict');
  expect(Buffer.from((await store.get('once'))?.bytes ?? []).toString()).toBe('first');
});

test('If-Match writes over the object that was read, and over nothing else', async () => {
  await store.put('guarded', bytesOf('first'), { contentType: TEXT });
  const ifMatch = (await store.get('guarded'))?.etag ?? '';
  const options = { contentType: TEXT, condition: { ifMatch } };
  expect(await store.put('guarded', bytesOf('second'), options)).toBe('written');
  expect(await store.put('guarded', bytesOf('third'), options)).toBe('conflict');
  expect(await store.put('absent', bytesOf('x'), options)).toBe('conflict');
  expect(Buffer.from((await store.get('guarded'))?.bytes ?? []).toString()).toBe('second');
});

test('exactly one of several writers that race for one key wins', async () => {
  const options = { contentType: TEXT, condition: { ifNoneMatch: '*' as const } };
  const results = await Promise.all(
    Array.from({ length: 8 }, (_, index) => store.put('race', bytesOf(String(index)), options)),
  );
  expect(results.toSorted()).toEqual([...Array.from({ length: 7 }, () => 'conflict'), 'written']);
});

test('a read while an object is replaced returns the ETag of the body that it returns', async () => {
  const versions = Array.from({ length: 100 }, (_, index) => bytesOf(`version ${index} `.repeat(500)));
  const [first, ...later] = versions;
  await store.put('replaced', first ?? new Uint8Array(), { contentType: TEXT });
  const over = new AbortController();
  const torn: string[] = [];
  const read = async () => {
    while (!over.signal.aborted) {
      const { bytes, etag } = (await store.get('replaced')) ?? { bytes: new Uint8Array(), etag: '' };
      const md5 = createHash('md5').update(bytes).digest('hex');
      if (etag !== `"${md5}"`) torn.push(`${etag} ${md5}`);
    }
  };
  const readers = Array.from({ length: 8 }, read);
  for (const version of later) await store.put('replaced', version, { contentType: TEXT });
  over.abort();
  await Promise.all(readers);
  expect(torn).toEqual([]);
});

test('list returns the keys below a prefix, in order, and no more than were asked for', async () => {
  for (const key of ['x/2', 'x/1', 'y/1', 'x/3']) await store.put(key, bytesOf(key), { contentType: TEXT });
  expect(await store.list('x/', 10)).toEqual(['x/1', 'x/2', 'x/3']);
  expect(await store.list('x/', 2)).toEqual(['x/1', 'x/2']);
  expect(await store.list('', 10)).toEqual(['x/1', 'x/2', 'x/3', 'y/1']);
  expect(await store.list('z/', 10)).toEqual([]);
});

test('a multipart upload becomes an object, whole, only when it is completed', async () => {
  const first = await collect(randomBlob('part 1', 5 * MEBIBYTE));
  const second = await collect(randomBlob('part 2', 1000));
  const upload = await store.beginUpload('blobs/large', TEXT);
  await upload.putPart(2, second);
  await upload.putPart(1, first);
  expect(await store.size('blobs/large')).toBeUndefined();
  expect(await store.openUploads('blobs/')).toMatchObject([{ key: 'blobs/large' }]);
  await upload.complete();
  const stored = await store.get('blobs/large');
  expect(Buffer.from(stored?.bytes ?? []).equals(Buffer.concat([first, second]))).toBe(true);
  expect(await store.openUploads('blobs/')).toEqual([]);
});

test('an aborted upload leaves nothing, and a later part of it fails as lost', async () => {
  const upload = await store.beginUpload('blobs/aborted', TEXT);
  await upload.abort();
  await upload.abort();
  await expect(upload.putPart(1, bytesOf('x'))).rejects.toBeInstanceOf(UploadLostError);
  expect(await store.size('blobs/aborted')).toBeUndefined();
  expect(await store.openUploads('blobs/')).toEqual([]);
});

test('a stream that throws at its very end leaves neither a blob nor an upload', async () => {
  const size = 12 * MEBIBYTE;
  async function* body(): AsyncGenerator<Uint8Array> {
    yield* randomBlob('body', size).open();
    throw new Error('the digest is another one');
  }
  const environment = {
    store,
    buffers: new BufferPool(64 * MEBIBYTE, 5 * MEBIBYTE),
    limits: { ...DEFAULT_LIMITS, partSize: 5 * MEBIBYTE },
    log: { info: () => {}, warn: () => {} },
  };
  await expect(uploadBlob(environment, 'blobs/wrong', size, body(), TEXT)).rejects.toThrow('another one');
  expect(await store.size('blobs/wrong')).toBeUndefined();
  expect(await store.openUploads('blobs/')).toEqual([]);
});

/** A broken machine between job and store: it flips a bit of every body, and passes all else on. */
async function startTamperer(target: URL): Promise<{ url: string; stop: () => Promise<void> }> {
  const proxy = createServer((incoming, response) => {
    const { method, url, headers } = incoming;
    const outgoing = request(
      { host: target.hostname, port: target.port, method, path: url, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    outgoing.once('error', () => response.destroy());
    incoming.on('data', (chunk: Buffer) => {
      chunk[0] = (chunk[0] ?? 0) ^ 1;
      outgoing.write(chunk);
    });
    incoming.once('end', () => outgoing.end());
  });
  const port = await listen(proxy);
  return { url: `http://127.0.0.1:${port}`, stop: () => close(proxy) };
}

test('the store refuses bytes that changed on their way, because each body is signed with its own SHA-256', async () => {
  const tamperer = await startTamperer(new URL(server.endpoint));
  try {
    const tampered = storeAt(tamperer.url);
    await expect(tampered.put('whole', bytesOf('hello'), { contentType: TEXT })).rejects.toThrow(
      'could not write whole: 400 XAmzContentSHA256Mismatch.',
    );
    const upload = await tampered.beginUpload('parts', TEXT);
    await expect(upload.putPart(1, bytesOf('hello'))).rejects.toThrow(
      'could not upload part 1 of parts: 400 XAmzContentSHA256Mismatch.',
    );
    await upload.abort();
  } finally {
    await tamperer.stop();
  }
  expect(await store.size('whole')).toBeUndefined();
});

async function failureOf(other: S3Store): Promise<string> {
  const error: unknown = await other.get('lifeboat.json').catch((reason: unknown) => reason);
  if (!(error instanceof StoreError)) throw new Error('it did not fail as a store does');
  return error.message;
}

test('the errors of a bucket that does not exist, of wrong keys and of a server that is down differ', async () => {
  expect(await failureOf(storeAt(server.endpoint, { bucket: 'nowhere' }))).toContain(
    'there is no such bucket',
  );
  expect(await failureOf(storeAt(server.endpoint, { secretAccessKey: 'wrong' }))).toContain(
    'the keys are not accepted (SignatureDoesNotMatch)',
  );
  expect(await failureOf(storeAt('http://127.0.0.1:1'))).toContain('it does not answer (ECONNREFUSED)');
});
