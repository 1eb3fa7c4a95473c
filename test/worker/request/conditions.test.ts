/** The edge decides conditions by the ETag, which is made of the digest. The store behind a redirect never decides them. */
import { beforeAll, describe, expect, it } from 'vitest';
import { s3Bucket } from '../support/bucket.ts';
import { countingBytes, putBlob, putIdentity, putManifest, putTag } from '../support/content.ts';
import { TestEdge } from '../support/test-edge.ts';

const LARGE = countingBytes(70_000);
const bucket = s3Bucket();
const paths = { blob: '', manifest: '', tag: '/v2/library/app/manifests/1' };
const etags = { blob: '', manifest: '', tag: '' };

beforeAll(async () => {
  await putIdentity(bucket);
  const blob = await putBlob(bucket, 'library/app', LARGE);
  const manifest = await putManifest(bucket, 'library/app', 'x');
  paths.blob = `/v2/library/app/blobs/${blob}`;
  paths.manifest = `/v2/library/app/manifests/${manifest}`;
  await putTag(bucket, 'library/app', '1', 'x');
  Object.assign(etags, { blob: `"${blob}"`, manifest: `"${manifest}"`, tag: `"${manifest}"` });
});

const CONDITIONS: readonly (readonly [name: string, header: (etag: string) => string, status: number])[] = [
  ['if-none-match', (etag) => etag, 304],
  ['if-none-match', (etag) => `"x", ${etag}`, 304],
  ['if-none-match', (etag) => `W/${etag}`, 304],
  ['if-none-match', () => '*', 304],
  ['if-none-match', () => '"x"', 200],
  ['if-match', (etag) => etag, 200],
  ['if-match', (etag) => `"x" , ${etag}`, 200],
  ['if-match', () => '*', 200],
  ['if-match', () => '"x"', 412],
  ['if-match', (etag) => `W/${etag}`, 412],
  // Blobs and manifests have no date, so these conditions are ignored: RFC 9110, sections 13.1.3 and 13.1.4.
  ['if-modified-since', () => 'Sat, 01 Jan 2050 00:00:00 GMT', 200],
  ['if-unmodified-since', () => 'Thu, 01 Jan 1970 00:00:00 GMT', 200],
];

describe.each(['blob', 'manifest', 'tag'] as const)('a %s', (kind) => {
  describe.each(['GET', 'HEAD'])('by %s', (method) => {
    it.each(CONDITIONS)('with %s: %s has the status %i', async (name, header, status) => {
      const edge = new TestEdge([bucket], { variables: { BLOBS: 'stream' } });
      const response = await edge.request(method, paths[kind], { [name]: header(etags[kind]) });
      expect(response.status).toBe(status);
      expect(response.headers.get('etag')).toBe(status === 412 ? null : etags[kind]);
      await response.arrayBuffer();
    });
  });

  it('has an error body after a failed If-Match', async () => {
    const response = await new TestEdge([bucket]).get(paths[kind], { 'if-match': '"x"' });
    expect([response.status, await response.json()]).toEqual([
      412,
      { errors: [{ code: 'PRECONDITION_FAILED', message: 'The content does not match If-Match.' }] },
    ]);
  });
});

it('If-Match is decided before If-None-Match', async () => {
  const edge = new TestEdge([bucket]);
  const both = { 'if-match': '"x"', 'if-none-match': '*' };
  expect((await edge.get(paths.manifest, both)).status).toBe(412);
});

describe('a blob that would be redirected', () => {
  const bodies = new Map([
    [200, LARGE],
    [206, LARGE.subarray(0, 10)],
    [304, new Uint8Array()],
  ]);

  it.each([
    ...CONDITIONS,
    ['if-range', (etag: string) => etag, 206],
    ['if-range', () => '"x"', 200],
    ['if-range', (etag: string) => `W/${etag}`, 200],
    ['if-range', () => 'Sat, 01 Jan 2050 00:00:00 GMT', 200],
  ] as const)('with %s: %s has the status %i, and is not redirected', async (name, header, status) => {
    const edge = new TestEdge([bucket], { variables: { BLOBS: 'redirect' } });
    const range: Record<string, string> = name === 'if-range' ? { range: 'bytes=0-9' } : {};
    const response = await edge.get(paths.blob, { ...range, [name]: header(etags.blob) });
    expect([response.status, response.headers.get('location')]).toEqual([status, null]);
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(bytes).toEqual(bodies.get(status) ?? bytes);
  });

  it('without a condition is redirected', async () => {
    const edge = new TestEdge([bucket], { variables: { BLOBS: 'redirect' } });
    expect((await edge.get(paths.blob)).status).toBe(307);
  });
});
