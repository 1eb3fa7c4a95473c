/** Signatures, compared with the examples that AWS has published: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
import { expect, test } from 'vitest';
import { bucketAddress } from '../../../../mirror-job/storage/s3/s3-address.ts';
import { RequestSigner, sha256, type Keys } from '../../../../mirror-job/storage/s3/request-signer.ts';
import { encodePath, encodeQuery } from '../../../../mirror-job/storage/s3/uri-encoding.ts';

const KEYS = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const AT = new Date('2013-05-24T00:00:00Z');
const host = 'examplebucket.s3.amazonaws.com';
const origin = new URL(`https://${host}/`);
const GET = { method: 'GET', origin, path: '/', query: {}, headers: {}, bodyHash: sha256('') };

const signerOf = (keys: Keys = KEYS) => new RequestSigner('us-east-1', () => keys);

test.each([
  [
    'a range',
    { ...GET, path: '/test.txt', headers: { range: 'bytes=0-9' } },
    'host;range;x-amz-content-sha256;x-amz-date',
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  ],
  [
    'a parameter without a value',
    { ...GET, query: { lifecycle: '' } },
    'host;x-amz-content-sha256;x-amz-date',
    'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  ],
  [
    'parameters, in whatever order',
    { ...GET, query: { prefix: 'J', 'max-keys': '2' } },
    'host;x-amz-content-sha256;x-amz-date',
    '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  ],
])('the signature of a request with %s is that of the AWS example', async (_, request, names, signature) => {
  expect(await signerOf().sign(request, AT)).toEqual({
    ...request.headers,
    host,
    'x-amz-content-sha256': request.bodyHash,
    'x-amz-date': '20130524T000000Z',
    authorization: `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=${names}, Signature=${signature}`,
  });
});

test('every header is signed, and so is the hash of the body', async () => {
  const headers = { 'content-type': 'text/plain', 'if-match': '"etag"', 'x-amz-storage-class': 'STANDARD' };
  const put = { ...GET, method: 'PUT', headers, bodyHash: sha256('Welcome to Amazon S3.') };
  const { authorization } = await signerOf().sign(put, AT);
  expect(authorization).toContain(
    'SignedHeaders=content-type;host;if-match;x-amz-content-sha256;x-amz-date;x-amz-storage-class,',
  );
  const others = [
    { ...put, bodyHash: sha256('') },
    { ...put, headers: { ...headers, 'content-type': 'text/html' } },
    { ...put, headers: { ...headers, 'if-match': '"other"' } },
    { ...put, headers: { ...headers, 'x-amz-storage-class': 'GLACIER' } },
  ];
  const signatures = await Promise.all(others.map((other) => signerOf().sign(other, AT)));
  expect(new Set([authorization, ...signatures.map((one) => one['authorization'])]).size).toBe(5);
});

test('temporary keys add their token, which is signed, and other keys and days change the signature', async () => {
  const sign = async (keys: Keys, at = AT) => (await signerOf(keys).sign(GET, at))['authorization'];
  const plain = await sign(KEYS);
  const temporary = await signerOf({ ...KEYS, sessionToken: 'token' }).sign(GET, AT);
  expect(temporary['x-amz-security-token']).toBe('token');
  expect(temporary['authorization']).toContain(
    'SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,',
  );
  const others = [
    await sign({ ...KEYS, secretAccessKey: 'other' }),
    await sign(KEYS, new Date('2013-05-25T00:00:00Z')),
  ];
  expect(new Set([plain, temporary['authorization'], ...others]).size).toBe(4);
  expect(await sign(KEYS)).toBe(plain);
});

test('the keys are asked for each request, because temporary ones are renewed', async () => {
  const keys = [KEYS, { ...KEYS, accessKeyId: 'RENEWED' }];
  const signer = new RequestSigner('us-east-1', () => keys.shift() ?? KEYS);
  expect((await signer.sign(GET, AT))['authorization']).toContain('Credential=AKIAIOSFODNN7EXAMPLE/');
  expect((await signer.sign(GET, AT))['authorization']).toContain('Credential=RENEWED/');
});

test('keys and queries are encoded once, and all but the unreserved characters are', () => {
  expect(encodePath("a b/c%20d/$&+,:;=?@!'()*/-_.~ü")).toBe(
    'a%20b/c%2520d/%24%26%2B%2C%3A%3B%3D%3F%40%21%27%28%29%2A/-_.~%C3%BC',
  );
  expect(encodeQuery({ uploadId: 'a/b+c=', partNumber: '1' })).toBe('partNumber=1&uploadId=a%2Fb%2Bc%3D');
});

test.each([
  ['https://s3.example.com', 'bucket', false, 'https://bucket.s3.example.com/'],
  ['https://s3.example.com', 'bucket', true, 'https://s3.example.com/bucket/'],
  ['https://s3.example.com/some/path', 'bucket', true, 'https://s3.example.com/some/path/bucket/'],
  ['https://s3.example.com', 'a.bucket', false, 'https://s3.example.com/a.bucket/'],
  ['http://s3.example.com:9000', 'a.bucket', false, 'http://a.bucket.s3.example.com:9000/'],
  ['http://s3.example.com', 'My_Bucket', false, 'http://s3.example.com/My_Bucket/'],
  ['http://127.0.0.1:9000', 'bucket', false, 'http://127.0.0.1:9000/bucket/'],
  ['http://[::1]:9000', 'bucket', false, 'http://[::1]:9000/bucket/'],
])(
  'bucketAddress joins the endpoint %s and the bucket %s, with pathStyle %s',
  (endpoint, bucket, pathStyle, address) => {
    expect(bucketAddress(endpoint, bucket, pathStyle).href).toBe(address);
  },
);
