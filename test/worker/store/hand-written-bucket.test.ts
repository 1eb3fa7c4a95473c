/**
 * The bucket's objects as text, written by hand, and the complete answers from them. They must not change, because existing
 * mirrors have this format.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { r2Bucket } from '../support/bucket.ts';
import { TestEdge } from '../support/test-edge.ts';

const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';
const MANIFEST =
  '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}';
const BASE64 =
  'eyJzY2hlbWFWZXJzaW9uIjoyLCJtZWRpYVR5cGUiOiJhcHBsaWNhdGlvbi92bmQub2NpLmltYWdlLm1hbmlmZXN0LnYxK2pzb24iLCJjb25maWciOnsibWVkaWFUeXBlIjoiYXBwbGljYXRpb24vdm5kLm9jaS5pbWFnZS5jb25maWcudjEranNvbiIsImRpZ2VzdCI6InNoYTI1Njo0NDEzNmZhMzU1YjM2NzhhMTE0NmFkMTZmN2U4NjQ5ZTk0ZmI0ZmMyMWZlNzdlODMxMGMwNjBmNjFjYWFmZjhhIiwic2l6ZSI6Mn0sImxheWVycyI6W119';
const SHA256 = 'f20c43161d73848408ef247f0ec7111b19fe58ffebc0cbcaa0d2c8bda4967268';
const SHA512 =
  'ef035946cc50188d699d5d6658b00da5d540239bb7d6bb1cd2864befe9edebc6c8c7af1e2178241bb1a31730735d208168acab1849182d1f153e34fe9603b274';
const BLOB = 'hello, lifeboat';
const BLOB_SHA256 = '9b328430332f2929c51d83c62d854977607159f2ce788153b8353ddc0d2380ba';
const BLOB_SHA512 =
  '694628095d6cef18b768e0fa97f0e5890d837083b36d2ea73ff5a432031146d31941d0ccfefad61b037ad52255e91392661df81029a0ba3cbd5962a190a12de9';
const REFERRERS = `{"schemaVersion":2,"mediaType":"${INDEX_TYPE}","manifests":[{"mediaType":"${MANIFEST_TYPE}","digest":"sha256:${SHA256}","size":246,"artifactType":"application/vnd.example.sbom","annotations":{"made":"today"}},{"mediaType":"${INDEX_TYPE}","digest":"sha256:${BLOB_SHA256}","size":15}]}`;

const REPOSITORY = 'repositories/docker.io/library/nginx';
const bucket = r2Bucket();
const edge = new TestEdge([bucket]);

beforeAll(async () => {
  await bucket.put('lifeboat.json', '{"version":1,"id":"8a6e1f2c","audience":"public"}');
  await bucket.put(`blobs/sha256/${BLOB_SHA256}`, BLOB);
  await bucket.put(`blobs/sha512/${BLOB_SHA512}`, BLOB);
  await bucket.put(
    `${REPOSITORY}/_blobs/sha256/${BLOB_SHA256}`,
    `{"mediaType":"application/octet-stream","digest":"sha256:${BLOB_SHA256}","size":15}`,
  );
  await bucket.put(
    `${REPOSITORY}/_blobs/sha512/${BLOB_SHA512}`,
    `{"mediaType":"application/octet-stream","digest":"sha512:${BLOB_SHA512}","size":15}`,
  );
  await bucket.put(`${REPOSITORY}/_manifests/sha256/${SHA256}`, MANIFEST, `${MANIFEST_TYPE}; charset=utf-8`);
  await bucket.put(`${REPOSITORY}/_manifests/sha512/${SHA512}`, MANIFEST);
  await bucket.put(
    `${REPOSITORY}/_tags/1.27`,
    `{"mediaType":"${MANIFEST_TYPE}","digest":"sha256:${SHA256}","size":246,"annotations":{"dev.lifeboat.moved":"2026-01-30T06:00:00.000Z","dev.lifeboat.run":"20260130T060000.000Z-ab12"},"data":"${BASE64}"}`,
  );
  await bucket.put(
    `${REPOSITORY}/_tags.json`,
    '{"name":"docker.io/library/nginx","tags":["1.27","latest","stable"]}',
  );
  await bucket.put(`${REPOSITORY}/_referrers/sha256/${SHA256}`, REFERRERS);
  await bucket.put(
    'state/default/catalog.json',
    '{"repositories":["docker.io/library/nginx","quay.io/coreos/etcd"]}',
  );
});

async function answer(method: string, path: string) {
  const response = await edge.request(method, path);
  const { 'server-timing': timing, ...headers } = Object.fromEntries(response.headers);
  expect(timing ?? 'none').toMatch(/^(?:none|total;dur=0, store;dur=0;desc="\d")$/);
  return {
    status: response.status,
    headers,
    body: new TextDecoder().decode(await response.arrayBuffer()),
  };
}

const IMMUTABLE = 'public, max-age=31536000, immutable, no-transform';

const byDigest = (digest: string) => ({
  'cache-control': IMMUTABLE,
  'content-length': '246',
  'content-type': MANIFEST_TYPE,
  'docker-content-digest': digest,
  etag: `"${digest}"`,
  'lifeboat-cache': expect.stringMatching(/^(?:miss|hit-memory)$/),
  'lifeboat-since': expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  'lifeboat-store': '1',
});

describe('the edge serves', () => {
  it('the registry’s own endpoint', async () => {
    expect(await answer('GET', '/v2/')).toEqual({
      status: 200,
      headers: {
        'cache-control': 'no-store, no-transform',
        'content-length': '2',
        'content-type': 'application/json',
        'docker-distribution-api-version': 'registry/2.0',
      },
      body: '{}',
    });
  });

  it.each([
    ['sha256', SHA256],
    ['sha512, its type read from its bytes', SHA512],
  ])('a manifest by its digest: %s', async (name, hex) => {
    const digest = `${name.slice(0, 6)}:${hex}`;
    const path = `/v2/docker.io/library/nginx/manifests/${digest}`;
    expect(await answer('GET', path)).toEqual({ status: 200, headers: byDigest(digest), body: MANIFEST });
    expect(await answer('HEAD', path)).toEqual({ status: 200, headers: byDigest(digest), body: '' });
  });

  it('a manifest by its tag', async () => {
    const headers = {
      ...byDigest(`sha256:${SHA256}`),
      'cache-control': 'no-cache, no-transform',
      'lifeboat-since': '2026-01-30T06:00:00.000Z',
    };
    const path = '/v2/docker.io/library/nginx/manifests/1.27';
    expect(await answer('HEAD', path)).toEqual({ status: 200, headers, body: '' });
    expect(await answer('GET', path)).toEqual({ status: 200, headers, body: MANIFEST });
  });

  it.each([
    ['sha256', BLOB_SHA256],
    ['sha512', BLOB_SHA512],
  ])('a blob: %s', async (algorithm, hex) => {
    const digest = `${algorithm}:${hex}`;
    const headers = {
      'accept-ranges': 'bytes',
      'cache-control': IMMUTABLE,
      'content-length': '15',
      'content-type': 'application/octet-stream',
      'docker-content-digest': digest,
      etag: `"${digest}"`,
      'lifeboat-cache': expect.stringMatching(/^(?:miss|hit-memory)$/),
      'lifeboat-store': '1',
    };
    const path = `/v2/docker.io/library/nginx/blobs/${digest}`;
    expect(await answer('HEAD', path)).toEqual({ status: 200, headers, body: '' });
    expect(await answer('GET', path)).toEqual({ status: 200, headers, body: BLOB });
  });

  it('the list of tags, with the name that the request has', async () => {
    const { status, headers, body } = await answer('GET', '/v2/library/nginx/tags/list');
    expect({ status, type: headers['content-type'], length: headers['content-length'] }).toEqual({
      status: 200,
      type: 'application/json',
      length: '58',
    });
    expect(body).toBe('{"name":"library/nginx","tags":["1.27","latest","stable"]}');
    expect(headers['cache-control']).toBe('no-cache, no-transform');
  });

  it('the referrers, byte for byte', async () => {
    const { status, headers, body } = await answer('GET', `/v2/library/nginx/referrers/sha256:${SHA256}`);
    expect({ status, type: headers['content-type'], body }).toEqual({
      status: 200,
      type: INDEX_TYPE,
      body: REFERRERS,
    });
  });

  it('the referrers of one type', async () => {
    const path = `/v2/library/nginx/referrers/sha256:${SHA256}?artifactType=application/vnd.example.sbom`;
    const { headers, body } = await answer('GET', path);
    expect(headers['oci-filters-applied']).toBe('artifactType');
    expect(headers['content-type']).toBe(INDEX_TYPE);
    expect(JSON.parse(body)).toEqual({
      schemaVersion: 2,
      mediaType: INDEX_TYPE,
      manifests: [
        {
          mediaType: MANIFEST_TYPE,
          digest: `sha256:${SHA256}`,
          size: 246,
          artifactType: 'application/vnd.example.sbom',
          annotations: { made: 'today' },
        },
      ],
    });
  });

  it('an empty list of referrers for a digest that nothing refers to', async () => {
    const { status, headers, body } = await answer('GET', `/v2/no/such/referrers/sha256:${BLOB_SHA256}`);
    expect({ status, type: headers['content-type'], body }).toEqual({
      status: 200,
      type: INDEX_TYPE,
      body: `{"schemaVersion":2,"mediaType":"${INDEX_TYPE}","manifests":[]}`,
    });
  });

  it('the catalogue', async () => {
    expect((await answer('GET', '/v2/_catalog')).body).toBe(
      '{"repositories":["docker.io/library/nginx","quay.io/coreos/etcd"]}',
    );
  });
});

describe('an object that the bucket lacks', () => {
  it.each([
    ['/v2/library/nginx/manifests/9.9', 'MANIFEST_UNKNOWN', { tag: '9.9' }],
    [
      `/v2/library/nginx/manifests/sha256:${BLOB_SHA256}`,
      'MANIFEST_UNKNOWN',
      { digest: `sha256:${BLOB_SHA256}` },
    ],
    [`/v2/library/nginx/blobs/sha256:${SHA256}`, 'BLOB_UNKNOWN', { digest: `sha256:${SHA256}` }],
    // It is stored, but in another repository.
    [`/v2/library/redis/blobs/sha256:${BLOB_SHA256}`, 'BLOB_UNKNOWN', { digest: `sha256:${BLOB_SHA256}` }],
    ['/v2/library/redis/tags/list', 'NAME_UNKNOWN', { name: 'library/redis' }],
  ])('%s is answered with 404 %s', async (path, code, detail) => {
    const { status, headers, body } = await answer('GET', path);
    expect({ status, type: headers['content-type'], keep: headers['cache-control'] }).toEqual({
      status: 404,
      type: 'application/json',
      keep: 'no-store, no-transform',
    });
    expect(JSON.parse(body)).toEqual({ errors: [{ code, message: expect.any(String), detail }] });
    const head = await answer('HEAD', path);
    expect({ ...head, headers: {} }).toEqual({ status: 404, headers: {}, body: '' });
    expect(head.headers['content-length']).toBe(headers['content-length']);
  });
});
