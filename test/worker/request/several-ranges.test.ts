/** Several ranges in one request, as podman's partial pulls send them. */
import { beforeAll, describe, expect, it } from 'vitest';
import { r2Bucket, s3Bucket } from '../support/bucket.ts';
import { countingBytes, putBlob, putIdentity } from '../support/content.ts';
import { TestEdge } from '../support/test-edge.ts';

const BLOB = countingBytes(100_000);
const SIZE = BLOB.length;
const s3 = s3Bucket();
const r2 = r2Bucket();
const second = s3Bucket(2);
let path = '';

beforeAll(async () => {
  for (const bucket of [s3, r2, second]) {
    await putIdentity(bucket);
    path = `/v2/library/app/blobs/${await putBlob(bucket, 'library/app', BLOB)}`;
  }
});

function streaming(bucket = s3): TestEdge {
  return new TestEdge([bucket], { variables: { BLOBS: 'stream' } });
}

function redirecting(): TestEdge {
  return new TestEdge([s3], { variables: { BLOBS: 'redirect' } });
}

interface Part {
  readonly headers: readonly string[];
  readonly bytes: Uint8Array;
}

/** Parses a multipart body byte by byte, as RFC 2046 defines it. */
async function partsOf(response: Response): Promise<Part[]> {
  const [, boundary = ''] =
    /^multipart\/byteranges; boundary=([\w-]+)$/.exec(response.headers.get('content-type') ?? '') ?? [];
  const bytes = new Uint8Array(await response.arrayBuffer());
  expect(response.headers.get('content-length')).toBe(String(bytes.length));
  const text = new TextDecoder('latin1').decode(bytes);
  const pieces = `\r\n${text}`.split(`\r\n--${boundary}`);
  expect([pieces[0], pieces.at(-1)]).toEqual(['', '--\r\n']);
  let at = -2;
  return pieces.slice(1, -1).map((piece, index) => {
    at += (pieces[index]?.length ?? 0) + `\r\n--${boundary}`.length;
    const head = piece.indexOf('\r\n\r\n');
    return {
      headers: piece.slice(2, head).split('\r\n'),
      bytes: bytes.subarray(at + head + 4, at + piece.length),
    };
  });
}

function part(start: number, end: number): Part {
  return {
    headers: ['Content-Type: application/octet-stream', `Content-Range: bytes ${start}-${end}/${SIZE}`],
    bytes: BLOB.subarray(start, end + 1),
  };
}

describe.each([
  ['S3', s3],
  ['R2', r2],
])('streamed from %s', (_name, bucket) => {
  it.each([
    [
      'bytes=0-9,20-29',
      [
        [0, 9],
        [20, 29],
      ],
    ],
    [
      'bytes=0-0, 1-1 ,\t99999-99999',
      [
        [0, 0],
        [1, 1],
        [99_999, 99_999],
      ],
    ],
    [
      'bytes=5-70000,,80000-',
      [
        [5, 70_000],
        [80_000, 99_999],
      ],
    ],
    [
      'bytes=10-19,-5',
      [
        [10, 19],
        [99_995, 99_999],
      ],
    ],
    [
      'bytes=10-19,99990-200000',
      [
        [10, 19],
        [99_990, 99_999],
      ],
    ],
    // A range beyond the end is left out. A list of one range is still answered as a list.
    ['bytes=10-19,100000-', [[10, 19]]],
    ['bytes=10-19,30-20', [[10, 19]]],
  ])('%s', async (range, expected) => {
    const response = await streaming(bucket).get(path, { range });
    expect([response.status, response.headers.get('content-range')]).toEqual([206, null]);
    expect(response.headers.get('docker-content-digest')).toBe(path.split('/').at(-1));
    expect(await partsOf(response)).toEqual(expected.map(([start = 0, end = 0]) => part(start, end)));
  });

  it.each(['bytes=100000-,200000-', 'bytes=-0,5-4'])(
    '%s lists no range that the blob has, so the answer is 416',
    async (range) => {
      const response = await streaming(bucket).get(path, { range });
      expect([response.status, response.headers.get('content-range')]).toEqual([416, `bytes */${SIZE}`]);
      await response.arrayBuffer();
    },
  );

  it.each(['bytes=20-29,0-9', 'bytes=0-9,9-19', 'bytes=0-,0-', 'bytes=-5,-5'])(
    '%s overlap or go back, so the answer is the whole blob',
    async (range) => {
      const response = await streaming(bucket).get(path, { range });
      expect([response.status, response.headers.get('content-range')]).toEqual([200, null]);
      expect(new Uint8Array(await response.arrayBuffer())).toEqual(BLOB);
    },
  );
});

function spread(count: number): string {
  return `bytes=${Array.from({ length: count }, (_, index) => `${index * 100}-${index * 100 + 9}`).join(',')}`;
}

it('up to forty ranges are read from the store one after the other, with one read each', async () => {
  const edge = streaming();
  await edge.get(path, { range: 'bytes=0-0' });
  edge.takeReads();
  const response = await edge.get(path, { range: spread(40) });
  expect(response.status).toBe(206);
  expect(edge.takeReads()).toHaveLength(1);
  const parts = await partsOf(response);
  expect(parts).toEqual(Array.from({ length: 40 }, (_, index) => part(index * 100, index * 100 + 9)));
  expect(edge.takeReads()).toHaveLength(39);
});

it('more than forty ranges are answered with 400, after which podman asks for fewer', async () => {
  const edge = streaming();
  const response = await edge.get(path, { range: spread(41) });
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({
    errors: [
      {
        code: 'RANGES_UNSUPPORTED',
        message: 'The edge answers at most 40 ranges per request, and this request asks for 41.',
      },
    ],
  });
});

describe('before a redirect', () => {
  it.each(['bytes=0-9,20-29', 'bytes=20-29,0-9', 'bytes=0-9,100000-', 'bytes=100000-,200000-', spread(41)])(
    '%s is answered 400, because the answers of stores to several ranges break partial pulls',
    async (range) => {
      const response = await redirecting().get(path, { range });
      expect([response.status, response.headers.get('location')]).toEqual([400, null]);
      expect(await response.json()).toEqual({
        errors: [
          {
            code: 'RANGES_UNSUPPORTED',
            message:
              'This edge redirects to the stores for blobs, and a store answers only one range per request.',
          },
        ],
      });
    },
  );

  it.each(['bytes=0-9', 'bytes=0-9,', 'bytes=a-b,c-d'])('%s is not several: 307', async (range) => {
    expect((await redirecting().get(path, { range })).status).toBe(307);
  });

  it('HEAD ignores ranges', async () => {
    const response = await redirecting().head(path, { range: 'bytes=0-9,20-29' });
    expect([response.status, response.headers.get('content-length')]).toEqual([200, String(SIZE)]);
  });
});

describe('a store that fails', () => {
  it('before the first part is replaced by the next store', async () => {
    const edge = new TestEdge([s3, second], { variables: { BLOBS: 'stream' } });
    edge.fault = (key, store) =>
      store === 1 && key.startsWith('blobs/') ? new Response(null, { status: 500 }) : undefined;
    const response = await edge.get(path, { range: 'bytes=0-9,20-29' });
    expect([response.status, response.headers.get('lifeboat-store')]).toEqual([206, '2']);
    expect(await partsOf(response)).toEqual([part(0, 9), part(20, 29)]);
  });

  it('between two parts is replaced by the next store', async () => {
    const edge = new TestEdge([s3, second], { variables: { BLOBS: 'stream' } });
    const response = await edge.get(path, { range: 'bytes=0-9,20-29' });
    edge.fault = (key, store) =>
      store === 1 && key.startsWith('blobs/') ? new Response(null, { status: 500 }) : undefined;
    expect(await partsOf(response)).toEqual([part(0, 9), part(20, 29)]);
  });

  it('between two parts makes the answer break off if there is no other store', async () => {
    const edge = streaming();
    const response = await edge.get(path, { range: 'bytes=0-9,20-29' });
    edge.fault = () => new Response(null, { status: 500 });
    expect(response.status).toBe(206);
    await expect(response.arrayBuffer()).rejects.toThrow('No store answers at the moment.');
    await edge.settle();
    expect(edge.refreshFailures).toEqual([
      {
        key: expect.stringMatching(/^blobs\/sha256\//),
        failures: [
          expect.stringMatching(/^Store 1 answered 500 for blobs\//),
          'Store 1 answered 500 for lifeboat.json.',
        ],
      },
    ]);
  });
});
