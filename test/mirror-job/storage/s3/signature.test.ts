/** Against the examples that AWS has published: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
import { expect, test } from 'vitest';
import { bucketAddress } from '../../../../mirror-job/storage/s3/s3-address.ts';
import { encodePath, sha256, Signer } from '../../../../mirror-job/storage/s3/signature.ts';

const KEYS = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const AT = new Date('2013-05-24T00:00:00Z');
const host = 'examplebucket.s3.amazonaws.com';
const GET = { method: 'GET', path: '/', query: {}, headers: { host }, bodyHash: sha256('') };

test.each([
  [
    'a range',
    { ...GET, path: '/test.txt', headers: { host, range: 'bytes=0-9' } },
    'host;range;x-amz-content-sha256;x-amz-date',
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  ],
  [
    'a body, and a key that has to be encoded',
    {
      method: 'PUT',
      path: encodePath('/test$file.text'),
      query: {},
      headers: { host, date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
      bodyHash: sha256('Welcome to Amazon S3.'),
    },
    'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
    '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
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
])('the signature of a request with %s is that of the AWS example', (_, request, names, signature) => {
  expect(new Signer('us-east-1').sign(request, KEYS, AT)).toEqual({
    ...request.headers,
    'x-amz-content-sha256': request.bodyHash,
    'x-amz-date': '20130524T000000Z',
    authorization: `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=${names}, Signature=${signature}`,
  });
});

test('temporary keys bring their token, which is signed, and other keys and days give other signatures', () => {
  const signer = new Signer('us-east-1');
  const plain = signer.sign(GET, KEYS, AT)['authorization'];
  const lent = signer.sign(GET, { ...KEYS, sessionToken: 'token' }, AT);
  expect(lent['x-amz-security-token']).toBe('token');
  expect(lent['authorization']).toContain(
    'SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,',
  );
  const others = [
    signer.sign(GET, { ...KEYS, secretAccessKey: 'other' }, AT)['authorization'],
    signer.sign(GET, KEYS, new Date('2013-05-25T00:00:00Z'))['authorization'],
  ];
  expect(new Set([plain, lent['authorization'], ...others]).size).toBe(4);
  expect(signer.sign(GET, KEYS, AT)['authorization']).toBe(plain);
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
