/** The target of signed URLs, and the values that they are signed with. */
import { expect, it } from 'vitest';
import { readConfiguration } from '../../../worker/configuration/configuration.ts';
import { S3Store } from '../../../worker/store/s3.ts';

const KEYS = { S3_ACCESS_KEY_ID: 'key-id', S3_SECRET_ACCESS_KEY: 'secret-key' };

async function urlFor(variables: Record<string, string>): Promise<URL> {
  const [configuration] = readConfiguration({ ...KEYS, ...variables }).stores;
  if (configuration?.kind !== 's3') throw new Error('not an S3 store');
  const store = new S3Store(1, configuration, { fetch, now: () => Date.parse('2026-01-31T12:07:00Z') });
  return new URL(await store.urlFor('blobs/sha256/ab'));
}

it.each([
  [
    { S3_ENDPOINT: 'https://s3.example.com', S3_BUCKET: 'boat' },
    'https://s3.example.com/boat/blobs/sha256/ab',
  ],
  [
    { S3_ENDPOINT: 'https://s3.example.com', S3_BUCKET: 'boat', S3_PATH_STYLE: 'false', S3_PREFIX: 'a/b' },
    'https://boat.s3.example.com/a/b/blobs/sha256/ab',
  ],
  [
    { S3_ENDPOINT: 'http://localhost:8787/cdn-cgi/local/r2/s3', S3_BUCKET: 'boat' },
    'http://localhost:8787/cdn-cgi/local/r2/s3/boat/blobs/sha256/ab',
  ],
])('a signed URL points to the bucket of %j', async (variables, expected) => {
  const url = await urlFor(variables);
  expect(`${url.origin}${url.pathname}`).toBe(expected);
  const { 'X-Amz-Signature': signature, ...query } = Object.fromEntries(url.searchParams);
  expect(signature).toMatch(/^[0-9a-f]{64}$/);
  expect(query).toEqual({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Content-Sha256': 'UNSIGNED-PAYLOAD',
    'X-Amz-Credential': 'key-id/20260131/auto/s3/aws4_request',
    'X-Amz-Date': '20260131T120000Z',
    'X-Amz-Expires': '1200',
    'X-Amz-SignedHeaders': 'host',
  });
  expect(url.href).not.toContain('secret-key');
});

const encoder = new TextEncoder();
const hex = (bytes: ArrayBuffer) =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');

async function hmac(key: BufferSource, text: string): Promise<ArrayBuffer> {
  const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
  ]);
  return crypto.subtle.sign('HMAC', imported, encoder.encode(text));
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html */
async function signatureOf(url: URL): Promise<string> {
  const query = [...url.searchParams]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map((pair) => pair.map(encodeURIComponent).join('='))
    .toSorted()
    .join('&');
  const request = ['GET', url.pathname, query, `host:${url.host}`, '', 'host', 'UNSIGNED-PAYLOAD'].join('\n');
  const hash = hex(await crypto.subtle.digest('SHA-256', encoder.encode(request)));
  const scope = '20260131/auto/s3/aws4_request';
  let key: BufferSource = encoder.encode('AWS4secret-key');
  for (const part of scope.split('/')) key = await hmac(key, part);
  return hex(await hmac(key, `AWS4-HMAC-SHA256\n20260131T120000Z\n${scope}\n${hash}`));
}

it.each(['https://s3.example.com', 'https://s3.example.com:8443', 'http://localhost:8787/a/b'])(
  'a URL of %s has the signature of S3’s documentation',
  async (endpoint) => {
    const url = await urlFor({ S3_ENDPOINT: endpoint, S3_BUCKET: 'boat', S3_PREFIX: 'a_b' });
    expect(url.searchParams.get('X-Amz-Signature')).toBe(await signatureOf(url));
  },
);

it('a signed URL is signed with the region and the key', async () => {
  const S3 = { S3_ENDPOINT: 'https://s3.example.com', S3_BUCKET: 'boat' };
  const signatures = new Set<string | null>();
  for (const other of [{}, { S3_REGION: 'eu-1' }, { S3_SECRET_ACCESS_KEY: 'other' }]) {
    signatures.add((await urlFor({ ...S3, ...other })).searchParams.get('X-Amz-Signature'));
  }
  expect(signatures.size).toBe(3);
});
