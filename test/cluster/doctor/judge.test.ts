/** Each mistake of an edge is named by one check. The real edges of test/mirror-job/doctor show the same from outside. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CHECKS } from '../../../cluster/doctor/finding.ts';
import { hasProblem, judge } from '../../../cluster/doctor/judge.ts';
import type { Examination } from '../../../cluster/doctor/observation.ts';
import {
  BLOB_REPLIES,
  CHILD,
  CHILD_REPLIES,
  DIGEST,
  GOOD,
  INDEX,
  MINUTE_MS,
  NOW,
  TAG,
  errorReply,
  failure,
  reply,
  withBlob,
  withBucket,
  withImage,
  withRegistry,
  withTagHeaders,
} from './good-edge.ts';

function problemsOf(examination: Examination): string[] {
  return judge(examination)
    .findings.filter(({ outcome }) => outcome === 'problem')
    .map(({ check }) => check);
}

function outcomeOf(examination: Examination, check: string): string | undefined {
  return judge(examination).findings.find((finding) => finding.check === check)?.outcome;
}

test('a good edge has no problem, and everything of it was looked at', () => {
  const diagnosis = judge(GOOD);
  expect(hasProblem(diagnosis)).toBe(false);
  expect(diagnosis.findings.filter(({ outcome }) => outcome !== 'ok')).toEqual([]);
  const shown = new Set<string>(diagnosis.findings.map(({ check }) => check));
  // These are named only if they are problems.
  const rare = ['throttled', 'html', 'redirected', 'server-error', 'unanswered', 'unavailable', 'tags'];
  expect(Object.keys(CHECKS).filter((check) => !shown.has(check))).toEqual(rare);
});

const HOUR_MS = 60 * MINUTE_MS;
const HTML = { headers: { 'content-type': 'text/html' }, start: '<html>' };
const GZIP = { 'content-encoding': 'gzip' };
const wrongRange = (change: Parameters<typeof reply>[1]) =>
  withBlob({ range: { ...BLOB_REPLIES.range, reply: reply('GET of a blob at s3.example.com', change) } });
const signed = (lifetimeMs: number, atMs = NOW) =>
  withBlob({
    target: { host: 's3.example.com', isNear: false, signed: { atMs, lifetimeMs }, givenAtMs: NOW },
  });
const closed = (change: Partial<Examination>): Examination => ({
  ...GOOD,
  hasToken: true,
  ping: errorReply('GET /v2/', 403, 'DENIED'),
  pingWithToken: GOOD.ping,
  bucket: { notLooked: 'the bucket' },
  ...change,
});
const NOTHING = { catalog: undefined, registry: undefined, bucket: { notLooked: 'the bucket' } };

test.for<readonly [what: string, examination: Examination, check: string]>([
  ['a 429', withRegistry({ write: reply('POST /v2/', { status: 429 }) }), 'throttled'],
  [
    'a page',
    withImage({ tag: { name: '1', head: reply('HEAD /v2/', HTML), get: reply('GET /v2/', HTML) } }),
    'html',
  ],
  ['a redirect of a manifest', withImage({ referrers: reply('GET /v2/', { status: 302 }) }), 'redirected'],
  ['a 502', withRegistry({ absentBlob: reply('GET /v2/', { status: 502 }) }), 'server-error'],
  [
    'a 503 that is not of the edge',
    withRegistry({ absentBlob: reply('GET /v2/', { status: 503 }) }),
    'server-error',
  ],
  [
    'a 503 of the edge',
    withRegistry({ absentBlob: errorReply('GET /v2/', 503, 'UNAVAILABLE') }),
    'unavailable',
  ],
  ['no answer', withImage({ tags: failure('GET /v2/') }), 'unanswered'],
  ['a body that breaks off', withImage({ tags: reply('GET /v2/', { isWhole: false }) }), 'unanswered'],
  [
    'a certificate that ends in 13 days',
    { ...GOOD, certificate: { validUntil: '2026-12-12T23:00:00Z', issuer: 'A' } },
    'certificate',
  ],
  [
    'plain HTTP',
    { ...GOOD, url: 'http://mirror.example.com', certificate: undefined, plain: undefined },
    'https',
  ],
  ['plain HTTP beside https, with a token', closed({ plain: GOOD.ping }), 'https'],
  [
    'an answer after 5.1 seconds',
    withImage({ tags: reply('GET /v2/', { firstByteMs: 5100 }) }),
    'first-byte',
  ],
  ['the clock of the edge', { ...GOOD, clocks: { edgeAheadMs: 6 * MINUTE_MS, storeAheadMs: 0 } }, 'clocks'],
  [
    'the clock of the edge, alone',
    { ...GOOD, clocks: { edgeAheadMs: -6 * MINUTE_MS, storeAheadMs: undefined } },
    'clocks',
  ],
  ['the clock of the store', { ...GOOD, clocks: { edgeAheadMs: 0, storeAheadMs: HOUR_MS } }, 'clocks'],
  [
    '/v2/ as text',
    { ...GOOD, ping: reply('GET /v2/', { headers: { 'content-type': 'text/plain' } }) },
    'registry',
  ],
  [
    'no registry',
    {
      ...GOOD,
      ...NOTHING,
      ping: reply('GET /v2/', { status: 404 }),
      health: reply('GET /healthz', { status: 404 }),
    },
    'registry',
  ],
  ['another registry', { ...GOOD, ...NOTHING, health: reply('GET /healthz', { status: 404 }) }, 'lifeboat'],
  [
    'health without the stores',
    {
      ...GOOD,
      catalog: reply('GET', { headers: { 'lifeboat-cache': 'miss' }, start: '{"repositories":["a.b/c"]}' }),
      health: reply('GET /healthz', { start: '{}' }),
    },
    'health',
  ],
  [
    'a store that failed',
    {
      ...GOOD,
      health: reply('GET /healthz', {
        start: '{"live":true,"stores":[{"last":"answered"},{"last":"failed"}]}',
      }),
    },
    'health',
  ],
  [
    'no store that is live',
    { ...GOOD, health: reply('GET /healthz', { status: 503, start: '{"live":false,"stores":[]}' }) },
    'health',
  ],
  [
    'an empty catalogue',
    { ...GOOD, catalog: reply('GET /v2/_catalog', { start: '{"repositories":[]}' }) },
    'catalog',
  ],
  ['403 for what is absent', withRegistry({ absentManifest: errorReply('GET', 403, 'DENIED') }), 'absent'],
  ['200 for what is absent', withRegistry({ absentBlob: reply('GET', { start: '{}' }) }), 'absent'],
  [
    '404 without a code',
    withRegistry({ absentBlob: reply('GET', { status: 404, start: 'not found' }) }),
    'absent',
  ],
  ['a push that is taken', withRegistry({ write: reply('POST /v2/', { status: 202 }) }), 'write'],
  [
    'no tags',
    withImage({
      tags: reply('GET', {
        status: 404,
        start: '{"errors":[{"code":"NAME_UNKNOWN","message":"This edge answers digests only."}]}',
      }),
    }),
    'tags',
  ],
  ['no list of tags', withImage({ tags: reply('GET', { status: 404 }) }), 'tag-list'],
  [
    'referrers of another type',
    withImage({ referrers: reply('GET', { headers: { 'content-type': 'application/json' } }) }),
    'referrers',
  ],
  ['no token for a closed edge', closed({ hasToken: false, pingWithToken: undefined, ...NOTHING }), 'token'],
  [
    'a token that is not known',
    closed({ pingWithToken: errorReply('GET /v2/', 403, 'DENIED'), ...NOTHING }),
    'token',
  ],
  ['a token that opens nothing', { ...GOOD, hasToken: true, pingWithToken: GOOD.ping }, 'token'],
  [
    'a challenge',
    withRegistry({ write: reply('POST', { status: 401, headers: { 'www-authenticate': 'Basic' } }) }),
    'challenge',
  ],
  ['no challenge that was meant', { ...GOOD, wantsChallenge: true }, 'challenge'],
  [
    'a tag that is not here',
    withImage({
      tag: {
        name: '1',
        head: errorReply('HEAD', 404, 'MANIFEST_UNKNOWN'),
        get: errorReply('GET', 404, 'MANIFEST_UNKNOWN'),
      },
    }),
    'tag',
  ],
  [
    'a digest that is not here',
    withImage({
      manifest: {
        digest: DIGEST,
        mediaType: INDEX,
        head: errorReply('HEAD', 404, 'X'),
        get: errorReply('GET', 404, 'X'),
      },
    }),
    'digest',
  ],
  [
    'an index without its images',
    withImage({
      child: {
        digest: CHILD,
        mediaType: undefined,
        head: errorReply('HEAD', 404, 'X'),
        get: errorReply('GET', 404, 'X'),
      },
    }),
    'child',
  ],
  ['a HEAD without length', withTagHeaders({ 'content-length': undefined }), 'length'],
  ['a HEAD of a blob without length', withBlob({ head: reply('HEAD /v2/', {}) }), 'length'],
  ['a HEAD with another length', withTagHeaders({ 'content-length': '499' }), 'length'],
  ['a manifest without its digest', withTagHeaders({ 'docker-content-digest': undefined }), 'digest-header'],
  ['a manifest as octets', withTagHeaders({ 'content-type': 'application/octet-stream' }), 'media-type'],
  [
    'a manifest with a parameter',
    withTagHeaders({ 'content-type': `${INDEX}; charset=utf-8` }),
    'media-type',
  ],
  [
    'an index as an image list',
    withTagHeaders({ 'content-type': 'application/vnd.docker.distribution.manifest.list.v2+json' }),
    'media-type',
  ],
  ['a compressed manifest', withTagHeaders({ ...GZIP, 'content-length': undefined }), 'encoding'],
  ['a compressed blob', withBlob({ last: reply('GET', { headers: GZIP, bytes: 5 }) }), 'encoding'],
  [
    'other bytes of a manifest',
    withImage({
      tag: { name: '1', head: TAG.head, get: { ...TAG.get, body: { ...TAG.get.body, digest: CHILD } } },
    }),
    'manifest-bytes',
  ],
  [
    'another manifest behind a digest, with a header that fits it',
    withImage({
      manifest: {
        ...CHILD_REPLIES,
        digest: DIGEST,
        get: {
          ...TAG.get,
          headers: { ...TAG.get.headers, 'docker-content-digest': CHILD },
          body: { ...TAG.get.body, digest: CHILD },
        },
        head: TAG.head,
        mediaType: INDEX,
      },
    }),
    'manifest-bytes',
  ],
  [
    'no name with the registry in front',
    withImage({
      tag: { name: '1', head: errorReply('HEAD', 404, 'X'), get: errorReply('GET', 404, 'X') },
      manifest: undefined,
      child: undefined,
      blob: { notLooked: 'blobs' },
    }),
    'prefix',
  ],
  ['no ?ns=', withImage({ names: { ...names(), ns: errorReply('HEAD', 404, 'X') } }), 'ns'],
  [
    'no ?ns= beside the prefix',
    withImage({ names: { ...names(), prefixAndNs: errorReply('HEAD', 404, 'X') } }),
    'prefix-and-ns',
  ],
  [
    'no default upstream',
    withImage({ names: { ...names(), defaultUpstream: errorReply('HEAD', 404, 'X') } }),
    'default-upstream',
  ],
  [
    'another image by the default upstream',
    withImage({ names: { ...names(), defaultUpstream: CHILD_REPLIES.head } }),
    'default-upstream',
  ],
  ['no OCI-Namespace', withImage({ names: { ...names(), ns: TAG.head } }), 'namespace'],
  ['a redirect of a HEAD', withBlob({ head: reply('HEAD', { status: 307 }) }), 'blob-head'],
  [
    'a blob that is not here',
    withBlob({
      get: errorReply('GET', 404, 'BLOB_UNKNOWN'),
      getAuthorized: errorReply('GET', 404, 'BLOB_UNKNOWN'),
      last: errorReply('GET', 404, 'BLOB_UNKNOWN'),
      target: undefined,
    }),
    'blob-missing',
  ],
  ['a store out of reach', withBlob({ last: failure('GET of a blob') }), 'store'],
  [
    'a store that refuses',
    withBlob({
      last: reply('GET of a blob', { status: 403, start: '<Error><Code>SignatureDoesNotMatch</Code>' }),
    }),
    'store',
  ],
  ['a store that has lost the blob', withBlob({ last: reply('GET of a blob', { status: 404 }) }), 'store'],
  [
    'other bytes of a blob',
    withBlob({ last: reply('GET of a blob', { bytes: 100_000, digest: CHILD }) }),
    'blob-bytes',
  ],
  [
    'a blob that breaks off',
    withBlob({ last: reply('GET of a blob', { bytes: 10, digest: CHILD, isWhole: false }) }),
    'blob-bytes',
  ],
  ['the whole for a range', wrongRange({ status: 200 }), 'range'],
  [
    'a range of another place',
    wrongRange({
      status: 206,
      headers: { 'content-range': 'bytes 0-1023/100000' },
      digest: BLOB_REPLIES.range.digest ?? '',
    }),
    'range',
  ],
  [
    'a range with other bytes',
    wrongRange({ status: 206, headers: { 'content-range': 'bytes 50000-51023/100000' }, digest: CHILD }),
    'range',
  ],
  [
    'a login that goes on to the store',
    withBlob({ target: { host: 's3.mirror.example.com', isNear: true, signed: undefined, givenAtMs: NOW } }),
    'authorization',
  ],
  ['an address for 59 seconds', signed(59_000), 'lifetime'],
  ['an address for 61 minutes', signed(61 * MINUTE_MS), 'lifetime'],
  ['an address that has ended', signed(MINUTE_MS, NOW - 2 * MINUTE_MS), 'store'],
  ['a configuration for another audience', withBucket({ configuredAudience: 'token' }), 'audience'],
  [
    'a bucket for another audience',
    withBucket({ audience: 'token', configuredAudience: 'token' }),
    'audience',
  ],
  [
    'another digest in the bucket',
    withBucket({ image: { tag: { digest: CHILD, movedMs: NOW - HOUR_MS }, hasManifest: true } }),
    'same-bucket',
  ],
  ['a bucket without the manifest', withBucket({ image: { hasManifest: false } }), 'same-bucket'],
  ['no conditions', withBucket({ conditions: { refused: 'it does not honour If-Match' } }), 'conditions'],
  [
    'a key that may not get',
    withBucket({ edgeKey: { get: { failed: '403 AccessDenied' }, list: 'allowed', write: 'refused' } }),
    'edge-key-read',
  ],
  [
    'a key that may not list',
    withBucket({ edgeKey: { get: 'allowed', list: { failed: '403 AccessDenied' }, write: 'refused' } }),
    'edge-key-read',
  ],
  [
    'a key that may write',
    withBucket({ edgeKey: { get: 'allowed', list: 'allowed', write: 'allowed' } }),
    'edge-key-write',
  ],
])('%s is one problem, and no other', ([, examination, check]) => {
  expect(problemsOf(examination)).toEqual([check]);
});

function registry() {
  if (GOOD.registry === undefined) throw new Error('The good edge is a registry.');
  return GOOD.registry;
}

function names() {
  const { image } = registry();
  if ('notLooked' in image) throw new Error('The good edge has an image.');
  return image.names;
}

describe('no problem', () => {
  test.for<readonly [what: string, examination: Examination]>([
    [
      'a certificate that is valid for 14 more days',
      { ...GOOD, certificate: { validUntil: '2026-12-13T13:00:00Z', issuer: 'A' } },
    ],
    [
      'plain HTTP on this machine',
      { ...GOOD, url: 'http://127.0.0.1:8787', certificate: undefined, plain: undefined },
    ],
    [
      'plain HTTP that leads to https',
      closed({
        plain: reply('GET', { status: 301, headers: { location: 'https://mirror.example.com/v2/' } }),
      }),
    ],
    [
      'clocks that differ by less than 5 minutes',
      { ...GOOD, clocks: { edgeAheadMs: 4 * MINUTE_MS, storeAheadMs: -4 * MINUTE_MS } },
    ],
    ['an address for exactly a minute', signed(MINUTE_MS)],
    ['an address for exactly an hour', signed(HOUR_MS)],
    [
      'a public address',
      withBlob({ target: { host: 'blobs.example.com', isNear: false, signed: undefined, givenAtMs: NOW } }),
    ],
    [
      'a tag that moved a moment ago',
      withBucket({ image: { tag: { digest: CHILD, movedMs: NOW - 2 * MINUTE_MS }, hasManifest: true } }),
    ],
    [
      'an image that the token may not be shown to exist',
      closed({
        registry: {
          ...registry(),
          image: { notLooked: 'images' },
          absentManifest: errorReply('GET', 403, 'DENIED'),
        },
      }),
    ],
    [
      'a challenge that is meant',
      closed({
        wantsChallenge: true,
        ping: reply('GET /v2/', { status: 401, headers: { 'www-authenticate': 'Basic' } }),
      }),
    ],
    [
      'a store that could not be asked whether the key may write',
      withBucket({ edgeKey: { get: 'allowed', list: 'allowed', write: { failed: '503 SlowDown' } } }),
    ],
  ])('%s', ([, examination]) => {
    expect(problemsOf(examination)).toEqual([]);
  });
});

test.for([
  ['the edge and the store against this machine', HOUR_MS, HOUR_MS, "this machine's clock is 60 min behind"],
  ['the edge against the others', -HOUR_MS, 0, "the edge's clock is 60 min behind"],
  ['the store against the others', 0, HOUR_MS, "the store's clock is 60 min ahead"],
] as const)(
  'of three clocks the one that contradicts the others is named: %s',
  ([, edgeAheadMs, storeAheadMs, says]) => {
    const { findings } = judge({ ...GOOD, clocks: { edgeAheadMs, storeAheadMs } });
    expect(findings.find(({ check }) => check === 'clocks')?.says).toBe(says);
  },
);

test('a signed address is judged by the clock of the store if only this machine is wrong', () => {
  const ahead = { edgeAheadMs: HOUR_MS, storeAheadMs: HOUR_MS };
  const ended = { ...signed(20 * MINUTE_MS), clocks: ahead };
  expect(problemsOf(ended)).toEqual(['clocks', 'store']);
  expect(problemsOf({ ...signed(20 * MINUTE_MS, NOW + HOUR_MS), clocks: ahead })).toEqual(['clocks']);
});

test('what a mistake spoils is not looked at, and not a problem of its own', () => {
  const page = withImage({
    tag: { name: '1', head: reply('HEAD /v2/', HTML), get: reply('GET /v2/', HTML) },
  });
  expect(outcomeOf(page, 'tag')).toBe('not looked at');
  expect(outcomeOf(withBlob({ last: failure('GET') }), 'blob-bytes')).toBe('not looked at');
});

test('every problem says why, and what comes next', () => {
  const { findings } = judge(withBucket({ edgeKey: { get: 'allowed', list: 'allowed', write: 'allowed' } }));
  expect(findings.find(({ outcome }) => outcome === 'problem')).toEqual({
    check: 'edge-key-write',
    outcome: 'problem',
    says: "the edge's key may write into the bucket",
    because: 'whoever gets it from the Worker decides what every tag means',
    next: 'make a key that may get and list, and nothing else, and give that to the edge (npx wrangler secret put S3_ACCESS_KEY_ID)',
  });
});

test('docs/doctor.md has a row for each check', async () => {
  const text = await readFile(join(import.meta.dirname, '../../../docs/doctor.md'), 'utf8');
  expect(Object.keys(CHECKS).filter((check) => !text.includes(`\`${check}\``))).toEqual([]);
});
