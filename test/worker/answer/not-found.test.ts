/** Answers about content that is not there, or that the edge cannot give, with their exact sentences. */
import { beforeEach, expect, it } from 'vitest';
import { r2Bucket, s3Bucket, type TestBucket } from '../support/bucket.ts';
import { manifestBytes, manifestText, putIdentity, putManifest } from '../support/content.ts';
import { TestEdge } from '../support/test-edge.ts';

const NONE = `sha256:${'ab'.repeat(32)}`;

let bucket: TestBucket;
beforeEach(async () => {
  bucket = s3Bucket();
  await putIdentity(bucket);
});

it.each([
  [`manifests/${NONE}`, 'MANIFEST_UNKNOWN', 'There is no such manifest here.', { digest: NONE }],
  ['manifests/1', 'MANIFEST_UNKNOWN', 'There is no such tag here.', { tag: '1' }],
  ['tags/list', 'NAME_UNKNOWN', 'There is no such repository here.', { name: 'library/app' }],
  [`blobs/${NONE}`, 'BLOB_UNKNOWN', 'There is no such blob in this repository.', { digest: NONE }],
])('%s is answered with %s', async (path, code, message, detail) => {
  const response = await new TestEdge([bucket]).get(`/v2/library/app/${path}`);
  expect([response.status, await response.json()]).toEqual([404, { errors: [{ code, message, detail }] }]);
});

it('a manifest by its digest tells when it was mirrored, if its store does', async () => {
  const digest = await putManifest(bucket, 'docker.io/library/app', 'a');
  const since = [];
  for (const time of ['Sat, 31 Jan 2026 12:00:01 GMT', undefined]) {
    const edge = new TestEdge([bucket], { cache: NO_CACHE });
    await edge.get('/v2/');
    edge.fault = () => {
      const length = String(manifestBytes('a').length);
      const type = JSON.parse(manifestText('a')).mediaType;
      const headers = { 'content-length': length, 'content-type': type };
      return new Response(manifestBytes('a'), {
        headers: { ...headers, ...(time !== undefined && { 'last-modified': time }) },
      });
    };
    const response = await edge.get(`/v2/library/app/manifests/${digest}`);
    expect(await response.text()).toBe(manifestText('a'));
    since.push([response.headers.get('lifeboat-since'), edge.events.at(-1)?.trace.since]);
  }
  expect(since).toEqual([
    ['2026-01-31T12:00:01.000Z', '2026-01-31T12:00:01.000Z'],
    [null, undefined],
  ]);
});

it.each(['GET', 'HEAD'])(
  'a mistake of the edge itself is a 503 to %s, and is logged as a fault',
  async (method) => {
    const r2 = r2Bucket();
    // A binding that breaks its contract stands for a mistake: nothing expects it.
    const BUCKET = { get: () => Promise.resolve({}) };
    const edge = new TestEdge([r2], { variables: { BUCKET } });
    const response = await edge.request(method, '/v2/library/app/manifests/1');
    const body =
      '{"errors":[{"code":"UNAVAILABLE","message":"The registry failed to answer this request."}]}';
    expect([response.status, await response.text()]).toEqual([503, method === 'HEAD' ? '' : body]);
    expect(response.headers.get('content-length')).toBe(String(body.length));
    expect(edge.events[0]?.trace.failures).toEqual([
      expect.stringMatching(/^FAULT of the edge: TypeError: /),
    ]);
  },
);

const NO_CACHE = {
  match: () => Promise.resolve(undefined),
  put: () => Promise.resolve(),
  delete: () => Promise.resolve(false),
};
