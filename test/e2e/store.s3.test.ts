/**
 * Tests that S3Store passes the contract of a store over a real S3 server, which makes checks that wrangler's local R2
 * lacks.
 */
import { createServer, request } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { StoreError } from '../../mirror-job/engine/store/store.ts';
import { S3Store } from '../../mirror-job/storage/s3/s3-store.ts';
import { createS3Connection } from '../../mirror-job/runtime/node/s3-connection.ts';
import { prunableContract } from '../mirror-job/support/store-contract.ts';
import { startCountingProxy } from '../support/counting-proxy.ts';
import { close, listen } from '../support/http-server.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';

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
  // Each test has its own prefix, so that it sees no objects of other tests.
  folder += 1;
  store = storeAt(server.endpoint);
});

function storeAt(endpoint: string, overrides: { bucket?: string; secretAccessKey?: string } = {}): S3Store {
  const { accessKeyId, secretAccessKey, bucket, region } = { ...server, ...overrides };
  return new S3Store(
    {
      endpoint,
      region,
      bucket,
      prefix: `test-${folder}/`,
      pathStyle: true,
      credentials: { accessKeyId, secretAccessKey },
    },
    createS3Connection(),
  );
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

prunableContract(() => store);

test('a listing asks for each page once', async () => {
  await Promise.all(
    Array.from({ length: 1001 }, (_, index) => store.put(`${index}`, bytesOf('x'), { contentType: TEXT })),
  );
  const proxy = await startCountingProxy({ target: server.endpoint });
  try {
    let objects = 0;
    for await (const _ of storeAt(proxy.url).entries('')) objects += 1;
    expect(objects).toBe(1001);
    expect(proxy.requests).toHaveLength(2);
  } finally {
    await proxy.stop();
  }
});

/**
 * Starts a broken machine between job and store, which flips a bit of every body and forwards everything else
 * unchanged.
 */
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

test('the store refuses bytes that changed in transit, because each request is signed with the SHA-256 of its body', async () => {
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
