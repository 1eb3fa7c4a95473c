/** A check without an answer is "not looked at", with the reason. It is no problem, and nobody is told that it is fine. */
import { expect, test } from 'vitest';
import { judge } from '../../../cluster/doctor/judge.ts';
import type { Examination } from '../../../cluster/doctor/observation.ts';
import {
  BLOB_REPLIES,
  CHILD,
  GOOD,
  INDEX,
  MINUTE_MS,
  errorReply,
  failure,
  reply,
  withBlob,
  withBucket,
  withImage,
  withRegistry,
} from './good-edge.ts';

function lineOf(examination: Examination, check: string): string {
  const found = judge(examination).findings.find((finding) => finding.check === check);
  return `${found?.outcome}: ${found?.says}`;
}

const PAGE = reply('GET /x', { headers: { 'content-type': 'text/html' }, start: '<p>' });
const NOT_HERE = errorReply('GET /x', 404, 'MANIFEST_UNKNOWN');
const NOTHING: Partial<Examination> = { catalog: undefined, registry: undefined };
const BROKEN: Examination = { ...GOOD, ...NOTHING, ping: PAGE };

test.for<readonly [examination: Examination, check: string, reason: string]>([
  [{ ...GOOD, certificate: undefined }, 'certificate', 'the connection did not show it'],
  [{ ...GOOD, url: 'http://[::1]:8787' }, 'certificate', 'the address is plain HTTP'],
  [{ ...GOOD, url: 'http://[::1]:8787' }, 'https', 'the address is on this machine'],
  [{ ...GOOD, url: 'http://localhost' }, 'https', 'the address is on this machine'],
  [{ ...GOOD, plain: undefined }, 'https', 'plain HTTP: the address has a port of its own'],
  [{ ...GOOD, ...NOTHING, ping: failure('GET /v2/') }, 'first-byte', 'nothing was answered'],
  [
    { ...GOOD, clocks: { edgeAheadMs: undefined, storeAheadMs: undefined } },
    'clocks',
    'no answer says a time',
  ],
  [BROKEN, 'registry', '/v2/ got 200 and an HTML page'],
  [
    { ...GOOD, ...NOTHING, ping: errorReply('GET', 401, 'UNAUTHORIZED') },
    'registry',
    '/v2/ got 401: see "access"',
  ],
  [{ ...BROKEN, health: PAGE }, 'lifeboat', 'there is no registry at this address'],
  [{ ...BROKEN, health: PAGE }, 'health', '/healthz: this is no Lifeboat edge'],
  [
    { ...GOOD, ...NOTHING, ping: errorReply('GET', 503, 'UNAVAILABLE') },
    'health',
    '/healthz: /v2/ says already that no store can be used',
  ],
  [BROKEN, 'token', 'who may read: /v2/ got 200 and an HTML page'],
  [{ ...BROKEN, wantsChallenge: true }, 'challenge', 'the challenge: /v2/ got 200 and an HTML page'],
  [
    { ...GOOD, ...NOTHING, hasToken: true, ping: errorReply('GET', 403, 'DENIED'), pingWithToken: PAGE },
    'token',
    'the token: /v2/ got 200 and an HTML page',
  ],
  [BROKEN, 'write', 'a push'],
  [
    withRegistry({ write: failure('POST /x') }),
    'write',
    'a push: it got no answer: it closed the connection without an answer (ECONNRESET)',
  ],
  [BROKEN, 'catalog', 'the list of repositories'],
  [{ ...GOOD, catalog: PAGE }, 'catalog', 'the list of repositories: it got no usable answer'],
  [{ ...GOOD, catalog: NOT_HERE }, 'catalog', 'the list of repositories: it got 404 MANIFEST_UNKNOWN'],
  [
    withRegistry({ absentManifest: PAGE, absentBlob: PAGE }),
    'absent',
    'an image that is not here: it got no usable answer',
  ],
  [withRegistry({ image: { notLooked: 'images: none' } }), 'tag-list', 'the list of tags'],
  [withImage({ tags: PAGE }), 'tag-list', 'the list of tags: it got no usable answer'],
  [
    withImage({ tags: NOT_HERE, tag: { name: '1', head: NOT_HERE, get: NOT_HERE } }),
    'tag-list',
    'the list of tags got 404 MANIFEST_UNKNOWN',
  ],
  [withImage({ referrers: undefined }), 'referrers', 'the list of signatures: no digest is known'],
  [withImage({ referrers: PAGE }), 'referrers', 'the list of signatures: it got no usable answer'],
  [BROKEN, 'digest', 'the edge was not asked for images'],
  [withRegistry({ image: { notLooked: 'images: none' } }), 'ns', 'images: none'],
  [withImage({ tag: undefined }), 'tag', 'an image by its tag: only a digest is known'],
  [
    withImage({ tag: { name: '1', head: PAGE, get: PAGE } }),
    'tag',
    'an image by its tag: it got no usable answer',
  ],
  [withImage({ manifest: undefined }), 'digest', 'an image by its digest: no digest is known'],
  [
    withImage({ manifest: { digest: CHILD, mediaType: INDEX, head: PAGE, get: PAGE } }),
    'digest',
    'an image by its digest: it got no usable answer',
  ],
  [withImage({ child: undefined }), 'child', 'an image of one platform: the image is no index'],
  [
    withImage({ child: { digest: CHILD, mediaType: INDEX, head: PAGE, get: PAGE } }),
    'child',
    'an image of one platform: it got no usable answer',
  ],
  [
    withImage({
      names: { ns: PAGE, prefixAndNs: PAGE, defaultUpstream: { notLooked: 'Docker: another registry' } },
    }),
    'default-upstream',
    'Docker: another registry',
  ],
  [
    withImage({ names: { ns: PAGE, prefixAndNs: PAGE, defaultUpstream: PAGE } }),
    'prefix-and-ns',
    'a name with both is found (containerd with override_path): it got no usable answer',
  ],
  [
    withImage({ names: { ns: PAGE, prefixAndNs: PAGE, defaultUpstream: PAGE } }),
    'namespace',
    'OCI-Namespace: the name with ?ns= was not answered',
  ],
  [BROKEN, 'range', 'the edge was not asked for images'],
  [withImage({ blob: { notLooked: 'blobs: none' } }), 'store', 'blobs: none'],
  [withBlob({ head: PAGE }), 'blob-head', 'HEAD of a blob got 200 and an HTML page'],
  [withBlob({ head: NOT_HERE }), 'blob-head', 'HEAD of a blob got 404'],
  [withBlob({ get: PAGE, target: undefined }), 'blob-missing', 'GET of a blob got 200 and an HTML page'],
  [withBlob({ get: PAGE, target: undefined }), 'store', 'the store: no blob was answered'],
  [withBlob({ last: NOT_HERE }), 'blob-bytes', 'the bytes of a blob: they were not answered'],
  [withBlob({ last: NOT_HERE }), 'range', 'a part of a blob: the whole was not answered'],
  [withBlob({ last: failure('GET') }), 'range', 'a part of a blob: the whole was not answered'],
  [
    withBlob({ range: { ...BLOB_REPLIES.range, reply: failure('GET /x') } }),
    'range',
    'a part of a blob got no answer: it closed the connection without an answer (ECONNRESET)',
  ],
  [
    withBlob({ getAuthorized: NOT_HERE }),
    'authorization',
    'a blob with an Authorization got 404 MANIFEST_UNKNOWN',
  ],
  [
    withBlob({ getAuthorized: failure('GET /x') }),
    'authorization',
    'a blob with an Authorization got no answer: it closed the connection without an answer (ECONNRESET)',
  ],
  [
    withBlob({ target: undefined, get: reply('GET') }),
    'lifetime',
    'how long a signed address is good: the edge sent the blob itself',
  ],
  [
    { ...GOOD, clocks: { edgeAheadMs: 0, storeAheadMs: 60 * MINUTE_MS } },
    'lifetime',
    'how long a signed address is good: the clocks contradict each other',
  ],
  [{ ...GOOD, bucket: { notLooked: 'the bucket: none' } }, 'edge-key-write', 'the bucket: none'],
  [
    withBucket({ audience: { notLooked: 'it cannot be read' } }),
    'audience',
    'the audience: it cannot be read',
  ],
  [{ ...BROKEN, bucket: withBucket({}).bucket }, 'audience', 'the audience of the edge'],
  [
    withBucket({ image: { notLooked: 'no image' } }),
    'same-bucket',
    'whether edge and job have the same bucket: no image',
  ],
  [BROKEN, 'same-bucket', 'whether edge and job have the same bucket: the edge answered with no image'],
  [
    withBucket({ conditions: { notLooked: 'singleWriter' } }),
    'conditions',
    'conditional writes: singleWriter',
  ],
  [withBucket({ edgeKey: { notLooked: 'no key' } }), 'edge-key-read', "the edge's key: no key"],
])('reason %#', ([examination, check, reason]) => {
  expect(lineOf(examination, check)).toBe(`not looked at: ${reason}`);
});

test('nothing of a page is judged beside the page', () => {
  const { findings } = judge({ ...BROKEN, health: PAGE, bucket: { notLooked: 'the bucket' } });
  expect(findings.filter(({ outcome }) => outcome === 'problem').map(({ check }) => check)).toEqual(['html']);
});

test('what another registry does with pushes and logins is none of its mistakes', () => {
  const other = {
    ...GOOD,
    ...NOTHING,
    health: reply('GET /healthz', { status: 404 }),
    ping: reply('GET /v2/', { status: 401, headers: { 'www-authenticate': 'Bearer realm="x"' } }),
  };
  const { findings } = judge(other);
  expect(findings.filter(({ outcome }) => outcome === 'problem').map(({ check }) => check)).toEqual([
    'lifeboat',
  ]);
});

test('an edge that says that its audience is wrong is named by the audience, with a bucket to look at or without', () => {
  const message = 'AUDIENCE: it is public, but the bucket of store 1 is for token.';
  const ping = reply('GET /v2/', {
    status: 503,
    start: JSON.stringify({ errors: [{ code: 'UNAVAILABLE', message }] }),
  });
  for (const bucket of [
    { notLooked: 'the bucket' },
    withBucket({ audience: 'token', configuredAudience: 'token' }).bucket,
  ]) {
    const { findings, clients } = judge({ ...GOOD, ...NOTHING, ping, bucket });
    const problems = findings.filter(({ outcome }) => outcome === 'problem');
    expect(problems).toEqual([
      expect.objectContaining({ check: 'audience', because: `it says so: ${message}` }),
    ]);
    expect(clients.map(({ verdict }) => verdict)).toEqual([
      'falls back',
      'falls back',
      'falls back',
      'falls back',
    ]);
  }
});

test('a token that may not read the image is named by the token alone', () => {
  const denied = errorReply('GET /x', 403, 'DENIED');
  const image = withImage({
    tag: { name: '1', head: denied, get: denied },
    manifest: undefined,
    child: undefined,
    referrers: undefined,
    tags: denied,
    names: { ns: denied, prefixAndNs: denied, defaultUpstream: denied },
    blob: { notLooked: 'blobs' },
  }).registry;
  if (image === undefined) throw new Error('There is a registry.');
  const { findings } = judge({
    ...GOOD,
    hasToken: true,
    ping: denied,
    pingWithToken: GOOD.ping,
    bucket: { notLooked: 'the bucket' },
    registry: { ...image, absentManifest: denied, absentBlob: denied },
  });
  const problems = findings.filter(({ outcome }) => outcome === 'problem');
  expect(problems).toEqual([
    expect.objectContaining({
      check: 'token',
      says: 'the token may not read this image: GET /x and 7 others got 403',
    }),
  ]);
});
