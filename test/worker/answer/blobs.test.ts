/** Blobs are redirected to the store, or streamed through the edge, whole or in part. */
import { beforeAll, describe, expect, it } from 'vitest';
import { r2Bucket, s3Bucket } from '../support/bucket.ts';
import { countingBytes, putBlob, putIdentity } from '../support/content.ts';
import { ORIGIN, TestEdge } from '../support/test-edge.ts';

const SMALL = countingBytes(2048);
const LARGE = countingBytes(70_000);
const s3 = s3Bucket();
const r2 = r2Bucket();
let small = '';
let large = '';
let empty = '';

beforeAll(async () => {
  for (const bucket of [s3, r2]) {
    await putIdentity(bucket);
    small = `/v2/library/app/blobs/${await putBlob(bucket, 'library/app', SMALL)}`;
    large = `/v2/library/app/blobs/${await putBlob(bucket, 'library/app', LARGE)}`;
    empty = `/v2/library/app/blobs/${await putBlob(bucket, 'library/app', countingBytes(0))}`;
  }
});

async function bytesOf(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer());
}

describe('a redirect', () => {
  it('goes to a signed URL that a client without keys can get', async () => {
    const edge = new TestEdge([s3]);
    const response = await edge.get(large);
    const digest = large.split('/').at(-1) ?? '';
    const location = response.headers.get('location') ?? '';
    expect(response.status).toBe(307);
    expect(Object.fromEntries(response.headers)).toEqual({
      'cache-control': 'no-store, no-transform',
      'content-length': '0',
      'docker-content-digest': digest,
      'lifeboat-cache': 'miss',
      'lifeboat-store': '1',
      location,
      'server-timing': 'total;dur=0, store;dur=0;desc="2"',
    });
    expect(new URL(location).searchParams.get('X-Amz-Expires')).toBe('1200');
    expect(await bytesOf(await fetch(location))).toEqual(LARGE);
    const part = await fetch(location, { headers: { range: 'bytes=69990-' } });
    expect(part.status).toBe(206);
    expect(await bytesOf(part)).toEqual(LARGE.subarray(69_990));
  });

  it('has the same URL for a quarter of an hour, and then another, with at least 5 minutes left', async () => {
    const edge = new TestEdge([s3]);
    const quarter = 15 * 60 * 1000;
    const begin = Math.floor(edge.now / quarter) * quarter;
    const locate = async (now: number) => {
      edge.now = now;
      return new URL((await edge.get(large)).headers.get('location') ?? '');
    };
    const first = await locate(begin);
    const last = await locate(begin + quarter - 1);
    const next = await locate(begin + quarter);
    expect(last.href).toBe(first.href);
    expect(next.href).not.toBe(first.href);
    const dated = begin / 1000;
    expect(first.searchParams.get('X-Amz-Date')).toBe(
      new Date(dated * 1000).toISOString().replaceAll(/[-:]|\.\d+/g, ''),
    );
  });

  it.each([
    // The request's host, whether the request has Authorization, and the status.
    ['mirror.example.com', true, 307],
    ['127.0.0.1', false, 307],
    ['127.0.0.1', true, 200],
  ])('a request to %s with Authorization (%s) is answered %i', async (host, hasAuthorization, status) => {
    const edge = new TestEdge([s3]);
    const headers = hasAuthorization ? { authorization: 'Bearer x' } : undefined;
    const response = await edge.get(`http://${host}${large}`, headers);
    expect(response.status).toBe(status);
    expect((await bytesOf(response)).length).toBe(status === 200 ? 70_000 : 0);
  });

  it.each([
    ['https://s3.example.com', 'example.com', 200],
    ['https://s3.example.com', 's3.example.com', 200],
    ['https://s3.example.com', 'edge.example.com', 307],
    ['https://s3example.com', 'example.com', 307],
  ])(
    'to the public URL %s, for a request to %s with Authorization, has the status %i',
    async (cdn, host, status) => {
      const edge = new TestEdge([s3], { variables: { PUBLIC_URL: cdn } });
      const response = await edge.get(`https://${host}${large}`, { authorization: 'Bearer x' });
      expect(response.status).toBe(status);
      if (status === 200) await response.arrayBuffer();
    },
  );

  it('goes to the public URL, unsigned, if the store has one', async () => {
    const digest = large.split(':').at(-1) ?? '';
    for (const bucket of [s3, r2]) {
      const edge = new TestEdge([bucket], {
        variables: { PUBLIC_URL: 'https://cdn.example.com/base/', BLOBS: 'redirect' },
      });
      expect((await edge.get(large)).headers.get('location')).toBe(
        `https://cdn.example.com/base/${bucket.prefix}blobs/sha256/${digest}`,
      );
    }
  });
});

describe('a blob', () => {
  it.each([
    ['auto', '65536', 'small', 200],
    ['auto', '65536', 'large', 307],
    ['auto', '70001', 'large', 200],
    ['auto', '70000', 'large', 307],
    ['auto', '0', 'small', 307],
    ['redirect', '65536', 'small', 307],
    ['stream', '0', 'large', 200],
  ])(
    'with BLOBS = %s and STREAM_BELOW = %s has, if it is %s, the status %i',
    async (BLOBS, STREAM_BELOW, size, status) => {
      const edge = new TestEdge([s3], { variables: { BLOBS, STREAM_BELOW } });
      const [path, bytes] = size === 'small' ? [small, SMALL] : [large, LARGE];
      const response = await edge.get(path);
      expect(response.status).toBe(status);
      expect(await bytesOf(response)).toEqual(status === 200 ? bytes : new Uint8Array());
    },
  );

  it('is streamed through the edge if the binding cannot sign URLs', async () => {
    const response = await new TestEdge([r2]).get(large);
    expect(response.status).toBe(200);
    expect(await bytesOf(response)).toEqual(LARGE);
  });

  it('is answered by the edge itself for HEAD, whatever BLOBS says', async () => {
    for (const BLOBS of ['auto', 'redirect', 'stream']) {
      const response = await new TestEdge([s3], { variables: { BLOBS } }).head(large);
      expect([response.status, response.headers.get('content-length')]).toEqual([200, '70000']);
      expect(response.headers.get('docker-content-digest')).toBe(large.split('/').at(-1));
    }
  });
});

describe.each([
  ['S3', s3],
  ['R2', r2],
])('a range from %s', (_name, bucket) => {
  const edge = new TestEdge([bucket], { variables: { BLOBS: 'stream' } });

  it.each([
    ['bytes=500-1499', 500, 1499],
    ['bytes=500-', 500, 2047],
    ['bytes=-500', 1548, 2047],
    ['bytes=-5000', 0, 2047],
    ['bytes=2000-5000', 2000, 2047],
    ['bytes=0-0', 0, 0],
    ['bytes=2047-2047', 2047, 2047],
    ['Bytes=0-9', 0, 9],
  ])('%s has the status 206', async (range, start, end) => {
    const response = await edge.get(small, { range });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end}/2048`);
    expect(response.headers.get('content-length')).toBe(String(end - start + 1));
    expect(response.headers.get('docker-content-digest')).toBe(small.split('/').at(-1));
    expect(await bytesOf(response)).toEqual(SMALL.subarray(start, end + 1));
  });

  it.each(['bytes=500-0', 'bytes=5000-10000', 'bytes=2048-', 'bytes=-0'])(
    '%s has the status 416',
    async (range) => {
      const response = await edge.get(small, { range });
      expect(response.status).toBe(416);
      expect(response.headers.get('content-range')).toBe('bytes */2048');
      expect(await response.json()).toEqual({
        errors: [{ code: 'RANGE_INVALID', message: 'The blob has 2048 bytes.', detail: { size: '2048' } }],
      });
    },
  );

  it.each([
    'bytes=-',
    'bytes=a-b',
    'lines=0-9',
    'bytes 0-9',
    '',
    'bytes=0-9,a-b',
    'bytes=,',
    'bytes=0-9 20-29',
  ])('%j cannot be read, so the whole blob is answered', async (range) => {
    const response = await edge.get(small, { range });
    expect([response.status, response.headers.get('content-range')]).toEqual([200, null]);
    expect(await bytesOf(response)).toEqual(SMALL);
  });

  it('is served if If-Range names the blob, and the whole blob is served if not', async () => {
    const etag = `"${small.split('/').at(-1) ?? ''}"`;
    const same = await edge.get(small, { range: 'bytes=0-9', 'if-range': etag });
    const other = await edge.get(small, { range: 'bytes=0-9', 'if-range': '"other"' });
    expect([same.status, other.status]).toEqual([206, 200]);
    expect([(await bytesOf(same)).length, (await bytesOf(other)).length]).toEqual([10, 2048]);
  });

  it('of an empty blob is answered with 416, and the empty blob is served without a range', async () => {
    const whole = await edge.get(empty);
    expect([whole.status, whole.headers.get('content-length')]).toEqual([200, '0']);
    expect((await bytesOf(whole)).length).toBe(0);
    expect((await edge.get(empty, { range: 'bytes=0-' })).status).toBe(416);
  });
});

it(`an edge at ${ORIGIN} never redirects to itself with a token`, async () => {
  const edge = new TestEdge([s3], { variables: { PUBLIC_URL: ORIGIN } });
  expect((await edge.get(large, { authorization: 'Basic eDp5' })).status).toBe(200);
});
