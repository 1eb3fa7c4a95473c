/** The verdict on each client, derived from what is wrong. */
import { expect, test } from 'vitest';
import { CLIENTS, describeVerdict } from '../../../cluster/doctor/clients.ts';
import { judge } from '../../../cluster/doctor/judge.ts';
import type { Examination } from '../../../cluster/doctor/observation.ts';
import {
  BLOB_REPLIES,
  CHILD,
  CHILD_REPLIES,
  GOOD,
  NOW,
  TAG,
  errorReply,
  failure,
  reply,
  withBlob,
  withImage,
  withRegistry,
  withTagHeaders,
} from './good-edge.ts';

/** The sentences for containerd, for CRI-O, podman and skopeo, for Docker, and for BuildKit. */
function sentencesOf(examination: Examination): string[] {
  return judge(examination).clients.map((one) => describeVerdict(one));
}

function verdictsOf(examination: Examination): string {
  return judge(examination)
    .clients.map(({ verdict }) => verdict)
    .join(', ');
}

function image() {
  const { registry } = GOOD;
  if (registry === undefined || 'notLooked' in registry.image) throw new Error('The good edge has an image.');
  return registry.image;
}

const CLOSED: Examination = {
  ...GOOD,
  hasToken: true,
  ping: errorReply('GET /v2/', 403, 'DENIED'),
  pingWithToken: GOOD.ping,
  bucket: { notLooked: 'the bucket' },
};

const ASKING: Examination = {
  ...CLOSED,
  wantsChallenge: true,
  ping: reply('GET /v2/', { status: 401, headers: { 'www-authenticate': 'Basic' } }),
};

test('there are four clients, in this order', () => {
  expect(judge(GOOD).clients.map(({ client }) => CLIENTS[client])).toEqual([
    'containerd',
    'CRI-O, podman, skopeo',
    'Docker',
    'BuildKit',
  ]);
});

test('every client pulls from a good edge', () => {
  expect(sentencesOf(GOOD)).toEqual([
    'pulls from here',
    'pull from here',
    'pulls from here',
    'pulls from here',
  ]);
});

test('only containerd can send a token without being asked', () => {
  expect(sentencesOf(CLOSED)).toEqual([
    'pulls from here (the token has to be in its hosts.toml, as a header)',
    'ask the upstream instead, because they send a token only if they are asked, and this edge does not ask',
    'asks the upstream instead, because it sends no token to a mirror',
    'asks the upstream instead, because it sends a token only if it is asked, and this edge does not ask',
  ]);
});

test('a challenge that is meant is answered by podman, and draws credentials of others', () => {
  expect(sentencesOf(ASKING)).toEqual([
    "pulls from here (the token has to be in its hosts.toml, as a header, or its CRI sends the pod's pull secret for the upstream to this edge)",
    'pull from here ("podman login" with the token as the password is needed)',
    'asks the upstream instead, because it answers the challenge with its Docker Hub login, which this edge refuses',
    'asks the upstream instead, because it answers the challenge with a login that is not for this edge',
  ]);
});

test('a store out of reach makes those fail that stay with the mirror, and the others ask upstream', () => {
  expect(sentencesOf(withBlob({ last: failure('GET of a blob') }))).toEqual([
    'asks the upstream instead, because it gets the manifest from here and no blob',
    'fail, because no blob can be had, and they stay with the mirror that gave the manifest',
    'asks the upstream instead, because it gets the manifest from here and no blob',
    'asks the upstream instead, because it gets the manifest from here and no blob',
  ]);
});

test('what was not pulled is not promised', () => {
  const noImage = withRegistry({ image: { notLooked: 'images' } });
  expect(sentencesOf(noImage)[1]).toBe('may or may not pull from here, because no image was pulled');
  const noBlob = withImage({ blob: { notLooked: 'blobs' } });
  expect(sentencesOf(noBlob)[0]).toBe('may or may not pull from here, because no blob was pulled');
});

test('the worst verdict counts, with all of its reasons', () => {
  const both = withImage({
    names: { ...image().names, prefixAndNs: errorReply('HEAD', 404, 'X') },
    blob: { ...BLOB_REPLIES, last: failure('GET of a blob') },
  });
  expect(sentencesOf(both)[0]).toBe(
    'asks the upstream instead, because it sends the registry in the path and as ?ns=, and gets no image; it gets the manifest from here and no blob',
  );
});

const P = 'pulls';
const B = 'falls back';
const F = 'fails';
const U = 'unknown';
const HTML = { headers: { 'content-type': 'text/html' }, start: '<html>' };
const NOT_HERE = errorReply('HEAD', 404, 'X');
const TAGS_OFF = reply('GET', {
  status: 404,
  start: '{"errors":[{"code":"X","message":"This edge answers digests only."}]}',
});
const CHALLENGE = reply('POST', { status: 401, headers: { 'www-authenticate': 'Basic' } });
const NOTHING = { catalog: undefined, registry: undefined };

/** As facts say: what follows a mistake for containerd, for containers/image, for Docker, for BuildKit. */
test.for<readonly [what: string, examination: Examination, verdicts: readonly string[]]>([
  ['a 429', withRegistry({ write: reply('POST', { status: 429 }) }), [B, B, B, B]],
  ['a page', withImage({ tags: reply('GET', HTML) }), [F, F, F, F]],
  ['a redirect', withImage({ tags: reply('GET', { status: 302 }) }), [F, F, F, F]],
  ['a 502', withImage({ tags: reply('GET', { status: 502 }) }), [B, F, B, B]],
  ['no answer', withImage({ tags: failure('GET') }), [B, F, B, B]],
  ['a 503 of the edge', withImage({ tags: errorReply('GET', 503, 'UNAVAILABLE') }), [B, B, B, B]],
  [
    'another audience',
    {
      ...GOOD,
      ...NOTHING,
      ping: reply('GET', {
        status: 503,
        start: '{"errors":[{"code":"UNAVAILABLE","message":"AUDIENCE: no"}]}',
      }),
    },
    [B, B, B, B],
  ],
  [
    'no registry',
    { ...GOOD, ...NOTHING, ping: reply('GET', { status: 404 }), health: reply('GET', { status: 404 }) },
    [B, B, B, B],
  ],
  ['another registry', { ...GOOD, ...NOTHING, health: reply('GET', { status: 404 }) }, [U, U, U, U]],
  [
    'another registry that wants a login',
    {
      ...GOOD,
      ...NOTHING,
      ping: reply('GET', { status: 401, headers: { 'www-authenticate': 'Bearer' } }),
      health: reply('GET', { status: 404 }),
    },
    [U, U, U, U],
  ],
  [
    'plain HTTP',
    { ...GOOD, url: 'http://mirror.example.com', certificate: undefined, plain: undefined },
    [P, B, P, B],
  ],
  ['plain HTTP beside https', { ...ASKING, plain: GOOD.ping }, [P, P, B, B]],
  [
    'a token that is not known',
    { ...CLOSED, ...NOTHING, pingWithToken: errorReply('GET', 403, 'DENIED') },
    [B, B, B, B],
  ],
  ['a challenge', { ...ASKING, wantsChallenge: false }, [P, P, B, B]],
  ['no ?ns=', withImage({ names: { ...image().names, ns: NOT_HERE } }), [P, P, P, P]],
  [
    'no ?ns= beside the prefix',
    withImage({ names: { ...image().names, prefixAndNs: NOT_HERE } }),
    [B, P, P, P],
  ],
  [
    'no name with the registry in front',
    withImage({
      tag: { name: '1', head: NOT_HERE, get: NOT_HERE },
      manifest: undefined,
      child: undefined,
      blob: { notLooked: 'blobs' },
    }),
    [B, B, U, B],
  ],
  [
    'no default upstream',
    withImage({ names: { ...image().names, defaultUpstream: NOT_HERE } }),
    [P, P, B, P],
  ],
  [
    'no tags',
    withImage({
      tags: reply('GET', {
        status: 404,
        start: '{"errors":[{"code":"X","message":"This edge answers digests only."}]}',
      }),
    }),
    [P, P, B, B],
  ],
  ['a tag that is not here', withImage({ tag: { name: '1', head: NOT_HERE, get: NOT_HERE } }), [B, B, B, B]],
  ['a HEAD without length', withTagHeaders({ 'content-length': undefined }), [P, P, P, P]],
  ['a manifest without its digest', withTagHeaders({ 'docker-content-digest': undefined }), [P, P, P, P]],
  [
    'a manifest of another type',
    withTagHeaders({ 'content-type': 'application/octet-stream' }),
    [F, F, F, F],
  ],
  ['a compressed manifest', withTagHeaders({ 'content-encoding': 'gzip' }), [U, U, U, U]],
  [
    'other bytes of a manifest',
    withImage({
      tag: { name: '1', head: TAG.head, get: { ...TAG.get, body: { ...TAG.get.body, digest: CHILD } } },
    }),
    [F, F, F, F],
  ],
  [
    'an index without its images',
    withImage({
      child: { digest: CHILD, mediaType: undefined, ...CHILD_REPLIES, head: NOT_HERE, get: NOT_HERE },
    }),
    [B, F, B, B],
  ],
  [
    'a blob that is not here',
    withBlob({ get: NOT_HERE, getAuthorized: NOT_HERE, last: NOT_HERE, target: undefined }),
    [B, F, B, B],
  ],
  ['other bytes of a blob', withBlob({ last: reply('GET', { digest: CHILD }) }), [F, F, F, F]],
  ['no ranges', withBlob({ range: { ...BLOB_REPLIES.range, reply: reply('GET') } }), [P, P, P, P]],
  [
    'a login that goes on',
    withBlob({ target: { host: 's3.mirror.example.com', isNear: true, signed: undefined, givenAtMs: NOW } }),
    [B, F, P, P],
  ],
])('%s', ([, examination, verdicts]) => {
  expect(verdictsOf(examination)).toBe(verdicts.join(', '));
  // A client that does not simply pull is told why.
  const silent = judge(examination).clients.filter(
    ({ verdict, because }) => verdict !== 'pulls' && because.join('') === '',
  );
  expect(silent).toEqual([]);
});

test.for([
  [
    'a HEAD without length',
    withTagHeaders({ 'content-length': undefined }),
    0,
    /is not followed by a fallback, because HEAD has no Content-Length/,
  ],
  ['no ?ns=', withImage({ names: { ...image().names, ns: NOT_HERE } }), 0, /_default does not work/],
  [
    'no ranges',
    withBlob({ range: { ...BLOB_REPLIES.range, reply: reply('GET') } }),
    1,
    /a transfer that breaks off fails/,
  ],
  ['no tags', withImage({ tags: TAGS_OFF }), 0, /digests only: for a tag it asks the upstream/],
  ['no tags', withImage({ tags: TAGS_OFF }), 1, /digests only: for a tag they ask the upstream/],
  ['a HEAD without length', withTagHeaders({ 'content-length': undefined }), 3, /HEAD has no Content-Length/],
  [
    'a manifest without its digest',
    withTagHeaders({ 'docker-content-digest': undefined }),
    0,
    /HEAD has no Docker-Content-Digest/,
  ],
  [
    'a manifest without its digest',
    withTagHeaders({ 'docker-content-digest': undefined }),
    3,
    /HEAD has no Docker-Content-Digest/,
  ],
  [
    'no ranges',
    withBlob({ range: { ...BLOB_REPLIES.range, reply: reply('GET') } }),
    0,
    /goes on at the upstream only/,
  ],
  ['no ranges', withBlob({ range: { ...BLOB_REPLIES.range, reply: reply('GET') } }), 2, /begins anew/],
  ['a challenge', withRegistry({ write: CHALLENGE }), 0, /its CRI sends the pod's pull secret/],
] as const)(
  'a client that pulls is told what does not work all the same: %s',
  ([, examination, client, text]) => {
    expect(sentencesOf(examination)[client]).toMatch(text);
  },
);

test('a challenge that is not meant draws the logins of Docker and BuildKit', () => {
  const [, podman, docker, buildkit] = sentencesOf(withRegistry({ write: CHALLENGE }));
  expect(podman).toBe('pull from here');
  expect(docker).toMatch(/its Docker Hub login, which this edge then has$/);
  expect(buildkit).toMatch(/a login that is not for this edge$/);
});

test('a public edge that was given a token serves every client all the same', () => {
  const examination: Examination = { ...GOOD, hasToken: true, pingWithToken: GOOD.ping };
  expect(judge(examination).findings).toContainEqual(
    expect.objectContaining({ check: 'token', outcome: 'problem' }),
  );
  expect(verdictsOf(examination)).toBe('pulls, pulls, pulls, pulls');
});

test('no client looks at the Content-Type of /v2/', () => {
  const examination: Examination = {
    ...GOOD,
    ping: reply('GET /v2/', { status: 200, headers: { 'content-type': 'text/plain' } }),
  };
  expect(judge(examination).findings).toContainEqual(
    expect.objectContaining({ check: 'registry', outcome: 'problem' }),
  );
  expect(verdictsOf(examination)).toBe('pulls, pulls, pulls, pulls');
});
