/** The sentences of problems name the request, what it got, and what to do. */
import { expect, test } from 'vitest';
import { describeUnreachable } from '../../../cluster/doctor/connection.ts';
import { judge } from '../../../cluster/doctor/judge.ts';
import type { Examination } from '../../../cluster/doctor/observation.ts';
import { repositoriesIn } from '../../../cluster/doctor/registry.ts';
import {
  BLOB_REPLIES,
  CHILD,
  GOOD,
  MINUTE_MS,
  NOW,
  errorReply,
  failure,
  reply,
  withBlob,
  withBucket,
  withImage,
  withRegistry,
  withTagHeaders,
} from './good-edge.ts';

function saysOf(examination: Examination, check: string): string | undefined {
  return judge(examination).findings.find((finding) => finding.check === check)?.says;
}

const REFUSED = reply('GET of a blob', {
  status: 403,
  start: '<Error><Code> SignatureDoesNotMatch </Code></Error>',
});
const range = (change: Parameters<typeof reply>[1]) =>
  withBlob({ range: { ...BLOB_REPLIES.range, reply: reply('GET of a blob at s3.example.com', change) } });
const lifetime = (lifetimeMs: number) =>
  withBlob({
    target: { host: 's3.example.com', isNear: false, signed: { atMs: NOW, lifetimeMs }, givenAtMs: NOW },
  });

test.for<readonly [examination: Examination, check: string, says: string]>([
  [GOOD, 'answers', "each of 17 answers was a registry's own"],
  [GOOD, 'certificate', 'the certificate is valid for 60 more days'],
  [GOOD, 'lifetime', 'the signed address of a blob is good for 19 min more'],
  [GOOD, 'blob-bytes', 'a blob of 100 kB has the bytes that its digest names'],
  [withBlob({ size: 999 }), 'blob-bytes', 'a blob of 999 B has the bytes that its digest names'],
  [withBlob({ size: 1_000_000 }), 'blob-bytes', 'a blob of 1.0 MB has the bytes that its digest names'],
  [
    { ...GOOD, clocks: { edgeAheadMs: -1500, storeAheadMs: 200 } },
    'clocks',
    'the clocks of the edge, the store and this machine agree within 2 s',
  ],
  [
    { ...GOOD, certificate: { validUntil: '2026-12-01T11:00:00Z', issuer: 'A' } },
    'certificate',
    'the certificate ends on 2026-12-01, in 1 day',
  ],
  [
    withRegistry({ write: reply('POST /x', { status: 429 }), absentBlob: reply('GET /y', { status: 429 }) }),
    'throttled',
    'GET /y and 1 other got 429',
  ],
  [
    withImage({
      tags: reply('GET /x', {
        status: 302,
        headers: { location: 'https://login.example.com/?state=secret' },
      }),
    }),
    'redirected',
    'GET /x got a redirect to login.example.com',
  ],
  [
    withImage({ tags: reply('GET /x', { status: 502, start: '<html>' }) }),
    'server-error',
    'GET /x got 502 and an HTML page',
  ],
  [
    withImage({ tags: failure('GET /x') }),
    'unanswered',
    'GET /x got no answer: it closed the connection without an answer (ECONNRESET)',
  ],
  [
    withImage({ tags: reply('GET /x', { isWhole: false }) }),
    'unanswered',
    'GET /x got an answer that broke off',
  ],
  [
    withImage({ tags: errorReply('GET /x', 503, 'UNAVAILABLE') }),
    'unavailable',
    'GET /x got 503 UNAVAILABLE: no',
  ],
  [withRegistry({ absentBlob: errorReply('GET /x', 403, 'DENIED') }), 'absent', 'GET /x got 403 DENIED'],
  [
    { ...GOOD, health: reply('GET', { start: '{"live":true,"stores":[{},{"last":"failed"}]}' }) },
    'health',
    '/healthz says that store 2 failed',
  ],
  [
    withTagHeaders({ 'content-length': undefined }),
    'length',
    'HEAD /v2/docker.io/library/app/manifests/1 got no Content-Length',
  ],
  [
    withTagHeaders({ 'docker-content-digest': undefined }),
    'digest-header',
    'HEAD /v2/docker.io/library/app/manifests/1 and 1 other got no Docker-Content-Digest',
  ],
  [
    withTagHeaders({ 'content-type': 'text/plain' }),
    'media-type',
    'HEAD /v2/docker.io/library/app/manifests/1 has the Content-Type "text/plain"',
  ],
  [
    withBlob({ last: failure('GET of a blob') }),
    'store',
    'the edge redirects to s3.example.com, which cannot be reached from here: it closed the connection without an answer (ECONNRESET)',
  ],
  [
    withBlob({ last: REFUSED }),
    'store',
    'the store at s3.example.com refuses the address that the edge gave: 403 SignatureDoesNotMatch',
  ],
  [
    withBlob({ last: reply('GET', { status: 500 }) }),
    'store',
    'the store at s3.example.com refuses the address that the edge gave: 500',
  ],
  [
    withBlob({ last: reply('GET', { status: 404 }) }),
    'store',
    'the store at s3.example.com does not have the bytes of a blob (404)',
  ],
  [
    withBlob({ last: reply('GET of a blob', { bytes: 10, digest: CHILD, isWhole: false }) }),
    'blob-bytes',
    'GET of a blob broke off after 10 B of 100 kB',
  ],
  [range({ status: 200 }), 'range', 'GET of a blob at s3.example.com with a Range got 200 instead of 206'],
  [
    range({ status: 206, headers: { 'content-range': 'bytes 0-1/2' } }),
    'range',
    'GET of a blob at s3.example.com with a Range got the Content-Range "bytes 0-1/2" instead of "bytes 50000-51023/100000"',
  ],
  [
    range({ status: 206, headers: { 'content-range': 'bytes 50000-51023/100000' } }),
    'range',
    'GET of a blob at s3.example.com with a Range got other bytes',
  ],
  [lifetime(30_000), 'lifetime', 'the address that the edge gave for a blob is good for 0.5 min only'],
  [
    lifetime(7 * 24 * 60 * MINUTE_MS),
    'lifetime',
    'the address that the edge gave for a blob is good for 10080 min',
  ],
  [
    withBlob({ get: errorReply('GET /x', 404, 'BLOB_UNKNOWN'), target: undefined }),
    'blob-missing',
    'GET /x got 404 BLOB_UNKNOWN, and HEAD got 200',
  ],
  [
    withBucket({ image: { hasManifest: false } }),
    'same-bucket',
    'the edge answers with another image than the bucket "lifeboat" has: it does not have the manifest',
  ],
  [
    withBucket({ edgeKey: { get: { failed: '403 AccessDenied' }, list: 'allowed', write: 'refused' } }),
    'edge-key-read',
    "the edge's key cannot read the bucket: 403 AccessDenied",
  ],
])('sentence %#', ([examination, check, says]) => {
  expect(saysOf(examination, check)).toBe(says);
});

test.for([
  ['dns', 'its name is not known in the DNS (x)', /DNS/],
  ['refused', 'nothing listens there (x)', /port/],
  ['silent', 'it did not answer in time (x)', /firewalls/],
  ['closed', 'it closed the connection without an answer (x)', /https instead of http/],
  ['certificate', 'its certificate is not accepted (x)', /NODE_EXTRA_CA_CERTS/],
  ['other', 'the request failed (x)', /address/],
] as const)(
  'an edge that could not be examined because of %s gets a sentence and a next step',
  ([reason, text, advice]) => {
    const { says, next } = describeUnreachable('https://a.example.com', {
      kind: 'failure',
      asked: '',
      reason,
      detail: 'x',
    });
    expect(says).toBe(`https://a.example.com could not be examined: ${text}`);
    expect(next).toMatch(advice);
  },
);

test('a catalogue that is cut in the middle of a name gives the whole names', () => {
  expect(repositoriesIn('{ "repositories" : [ "docker.io/library/a", "quay.io/b_c/d-e", "gcr.io/cu')).toEqual(
    ['docker.io/library/a', 'quay.io/b_c/d-e'],
  );
  expect(repositoriesIn('{"errors":[]}')).toEqual([]);
});

test('the checks stand in the order of their topics, whatever found them', () => {
  const { findings } = judge(withTagHeaders({ 'content-type': 'text/plain' }));
  const order = findings.map(({ check }) => check);
  expect(order.slice(0, 6)).toEqual(['answers', 'certificate', 'https', 'first-byte', 'clocks', 'registry']);
  expect(order.indexOf('write')).toBeLessThan(order.indexOf('prefix'));
  expect(order.at(-1)).toBe('edge-key-write');
});
