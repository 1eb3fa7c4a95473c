/** A bucket at AWS itself, whose address and keys the AWS SDK finds because the configuration has neither. */
import { createServer, type IncomingMessage } from 'node:http';
import { afterEach, expect, test, vi } from 'vitest';
import { createStoreAgents } from '../../../../mirror-job/runtime/node/agents.ts';
import { createS3Connection } from '../../../../mirror-job/runtime/node/s3-connection.ts';
import { SdkBucket } from '../../../../mirror-job/storage/s3/sdk-bucket.ts';
import { S3Store } from '../../../../mirror-job/storage/s3/s3-store.ts';
import { close, listen } from '../../../support/http-server.ts';
import { becomeNobody } from '../../support/become-nobody.ts';
import { emptyBuckets } from '../../../support/shared.ts';

const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(ends.splice(0).map((end) => end()));
});

const options = { endpoint: undefined, credentials: undefined, pathStyle: false };

test('the store reads, writes and lists with the keys and at the address of the environment', async () => {
  const local = await emptyBuckets();
  becomeNobody({
    AWS_ENDPOINT_URL_S3: local.endpoint,
    AWS_ACCESS_KEY_ID: local.accessKeyId,
    AWS_SECRET_ACCESS_KEY: local.secretAccessKey,
  });
  const { bucket, region } = local;
  const store = new S3Store({ ...options, bucket, region, prefix: 'a b/' }, createS3Connection());
  const bytes = new TextEncoder().encode('bytes');
  expect(await store.put('one', bytes, { contentType: 'text/plain' })).toBe('written');
  expect(await store.put('one', bytes, { contentType: 'text/plain', condition: { ifNoneMatch: '*' } })).toBe(
    'conflict',
  );
  expect(Buffer.from((await store.get('one'))?.bytes ?? []).toString()).toBe('bytes');
  expect([await store.size('one'), await store.size('two')]).toEqual([5, undefined]);
  expect(await store.list('', 10)).toEqual(['one']);
  expect(store.name).toBe(`The bucket "${bucket}" (prefix "a b/") at AWS, ${region}`);
}, 30_000);

test('the session token of the environment is sent and signed', async () => {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    response
      .writeHead(404, { 'content-type': 'application/xml' })
      .end('<Error><Code>NoSuchKey</Code></Error>');
  });
  const port = await listen(server);
  ends.push(() => close(server));
  becomeNobody({
    AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`,
    AWS_ACCESS_KEY_ID: 'an-id',
    AWS_SECRET_ACCESS_KEY: 'a-secret',
    AWS_SESSION_TOKEN: 'a-token',
  });
  const at = { ...options, bucket: 'bucket', region: 'eu-central-1', prefix: '' };
  expect(await new S3Store(at, createS3Connection()).get('lifeboat.json')).toBeUndefined();
  const [first] = seen;
  expect(first?.url).toBe('/bucket/lifeboat.json');
  expect(first?.headers['x-amz-security-token']).toBe('a-token');
  expect(first?.headers.authorization).toMatch(
    /^AWS4-HMAC-SHA256 Credential=an-id\/\d{8}\/eu-central-1\/s3\/aws4_request, SignedHeaders=[^,]*x-amz-security-token/,
  );
});

test.each([
  ['bucket', 'https://bucket.s3.eu-central-1.amazonaws.com/'],
  // The certificate does not match a host name with another dot.
  ['a.bucket', 'https://s3.eu-central-1.amazonaws.com/a.bucket/'],
])('the SDK gives the address of the bucket %s at AWS itself', async (bucket, address) => {
  becomeNobody({ AWS_ACCESS_KEY_ID: 'an-id', AWS_SECRET_ACCESS_KEY: 'a-secret' });
  const at = { ...options, bucket, region: 'eu-central-1', prefix: '' };
  expect((await new SdkBucket(at, createStoreAgents()).address()).href).toBe(address);
});

test('without any keys, the error says what to set', async () => {
  becomeNobody({ AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9' });
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_PROFILE']) {
    vi.stubEnv(name, undefined);
  }
  const at = { ...options, bucket: 'bucket', region: 'eu-central-1', prefix: '' };
  await expect(new S3Store(at, createS3Connection()).get('lifeboat.json')).rejects.toThrow(
    'The bucket "bucket" at AWS, eu-central-1: could not read lifeboat.json: no keys were found. Set store.accessKeyId and store.secretAccessKey, or what the AWS SDK reads (AWS_ACCESS_KEY_ID, a profile, a role).',
  );
});
