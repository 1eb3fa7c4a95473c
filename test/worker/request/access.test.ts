/** The repositories that each token may read. */
import { beforeAll, describe, expect, it } from 'vitest';
import { r2Bucket, s3Bucket } from '../support/bucket.ts';
import { countingBytes, putBlob, putIdentity, putManifest, putTag } from '../support/content.ts';
import { TestEdge } from '../support/test-edge.ts';

/** The SHA-256 of `ci-token`, in the form of the variable. */
const CI_HASH = '948b8c2427cd29047839b8e4a27a08763f8befbafa86be5cce8e46217d75e58a';
const TOKEN = { AUDIENCE: 'token' };
const bucket = r2Bucket();
let tokens = '';
let blob = '';
let shared = '';

async function hashOf(token: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token)));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function edgeWith(variables: Record<string, string> = {}): TestEdge {
  return new TestEdge([bucket], { variables: { ...TOKEN, TOKENS: tokens, ...variables } });
}

beforeAll(async () => {
  await putIdentity(bucket, 'token');
  tokens = [
    '# for the builds',
    `ci ${CI_HASH} docker.io/library/*,ghcr.io/acme/**`,
    `ops ${(await hashOf('ops-token')).toUpperCase()} **`,
  ].join('\n');
  blob = await putBlob(bucket, 'docker.io/library/app', countingBytes(10));
  shared = await putBlob(bucket, 'quay.io/private/app', countingBytes(11));
  await putTag(bucket, 'docker.io/library/app', '1', 'public');
  await putTag(bucket, 'quay.io/private/app', '1', 'private');
  await putTag(bucket, 'ghcr.io/acme/team/app', '1', 'acme');
  await bucket.put(
    'state/default/catalog.json',
    '{"repositories":["docker.io/library/app","ghcr.io/acme/team/app","quay.io/private/app"]}',
  );
});

const DOWN = () => new Response(null, { status: 500 });

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const basic = (user: string, password: string) => ({ authorization: `Basic ${btoa(`${user}:${password}`)}` });

describe('without a known token', () => {
  it.each([
    ['none', {}],
    ['a wrong one', bearer('ci-tokem')],
    ['its hash', bearer(CI_HASH)],
    ['an empty one', bearer('')],
    ['as a user, not a password', basic('ci-token', '')],
    ['broken base64', { authorization: 'Basic !!' }],
    ['no colon', { authorization: `Basic ${btoa('ci-token')}` }],
    ['another scheme', { authorization: 'Digest ci-token' }],
    ['another scheme that is encoded', { authorization: `Digest ${btoa('any:ci-token')}` }],
    ['no scheme', { authorization: 'ci-token' }],
    ['two schemes', { authorization: 'Digest Bearer ci-token' }],
    ['two tokens', { authorization: 'Bearer ci-token ci-token' }],
  ])(
    'the edge answers 403 and no challenge, whether the content exists or not: %s',
    async (_name, headers) => {
      const edge = edgeWith();
      for (const path of ['/v2/', '/v2/library/app/manifests/1', '/v2/no/such/manifests/1', '/v2/_catalog']) {
        const response = await edge.get(path, headers);
        expect(response.status).toBe(403);
        expect(response.headers.get('www-authenticate')).toBeNull();
        expect(await response.json()).toEqual({
          errors: [
            {
              code: 'DENIED',
              message: 'This registry needs a token, and the request has none that it knows.',
            },
          ],
        });
      }
      expect(edge.reads).toEqual([]);
    },
  );

  it('the edge answers 403 to no token, although TOKENS has the hash of an empty one', async () => {
    const edge = edgeWith({ TOKENS: `empty ${await hashOf('')} **` });
    for (const headers of [{}, bearer(''), { authorization: 'Basic !!' }]) {
      expect((await edge.get('/v2/', headers)).status).toBe(403);
    }
  });

  it('the edge answers /healthz, because whoever watches it has no token', async () => {
    const response = await edgeWith().get('/healthz');
    expect([response.status, await response.json()]).toEqual([
      200,
      { live: true, stores: [{ store: 1, last: 'answered', secondsAgo: 0 }] },
    ]);
  });

  it('the edge answers /livez without a token', async () => {
    const response = await edgeWith().get('/livez');
    expect([response.status, await response.json()]).toEqual([200, {}]);
  });

  it('the edge sends a challenge for docker login if the operator wants one', async () => {
    const edge = edgeWith({ AUTH_CHALLENGE: 'basic' });
    const refused = await edge.get('/v2/');
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
      401,
      'Basic realm="Lifeboat"',
    ]);
    expect(await refused.json()).toEqual({
      errors: [
        {
          code: 'UNAUTHORIZED',
          message: 'This registry needs a token, and the request has none that it knows.',
        },
      ],
    });
    expect((await edge.get('/v2/', basic('anyone', 'ci-token'))).status).toBe(200);
    const other = await edge.get('/v2/quay.io/private/app/manifests/1', bearer('ci-token'));
    expect([other.status, other.headers.get('www-authenticate')]).toEqual([403, null]);
    expect(await other.json()).toEqual({
      errors: [{ code: 'DENIED', message: 'This token may not read this repository.' }],
    });
  });
});

describe('with a token', () => {
  it.each([
    // Header, path, status.
    [bearer('ci-token'), '/v2/', 200],
    [basic('any', 'ci-token'), '/v2/', 200],
    [{ authorization: 'bearer  ci-token' }, '/v2/', 200],
    [bearer('ci-token'), '/v2/library/app/manifests/1', 200],
    [basic('ci', 'ci-token'), '/v2/library/app/manifests/1', 200],
    [bearer('ci-token'), '/v2/ghcr.io/acme/team/app/manifests/1', 200],
    [bearer('ci-token'), '/v2/quay.io/private/app/manifests/1', 403],
    [bearer('ci-token'), '/v2/private/app/manifests/1?ns=quay.io', 403],
    // `*` does not match beyond a path component.
    [bearer('ci-token'), '/v2/docker.io/library/a/b/manifests/1', 403],
    [bearer('ci-token'), '/v2/ghcr.io/acme/manifests/1', 403],
    [bearer('ci-token'), '/v2/ghcrxio/acme/a/manifests/1', 403],
    // The repository is checked for each kind of request.
    [bearer('ci-token'), `/v2/quay.io/private/app/referrers/sha256:${CI_HASH}`, 403],
    [bearer('ci-token'), `/v2/library/app/referrers/sha256:${CI_HASH}`, 200],
    [bearer('ci-token'), '/v2/quay.io/private/app/tags/list', 403],
    [bearer('ci-token'), `/v2/quay.io/private/app/manifests/sha256:${CI_HASH}`, 403],
    [bearer('ci-token'), `/v2/quay.io/private/app/blobs/sha256:${CI_HASH}`, 403],
    [bearer('ops-token'), '/v2/quay.io/private/app/manifests/1', 200],
    [bearer('ops-token'), '/v2/quay.io/private/app/manifests/2', 404],
  ])('with %j, %s has the status %i', async (headers, path, status) => {
    expect((await edgeWith().get(path, headers)).status).toBe(status);
  });

  it.each([
    ['begins', `${CI_HASH.slice(0, 62)}00`],
    ['begins, in its first half,', `${CI_HASH.slice(0, 32)}${'0'.repeat(32)}`],
    ['ends', `00${CI_HASH.slice(2)}`],
    ['ends, in its second half,', `${'0'.repeat(32)}${CI_HASH.slice(32)}`],
  ])('the edge refuses a token whose hash only %s like a known one', async (_name, hash) => {
    const edge = edgeWith({ TOKENS: `near ${hash} **` });
    expect((await edge.get('/v2/', bearer('ci-token'))).status).toBe(403);
  });

  it('the edge serves a blob only through a repository that has it', async () => {
    const edge = edgeWith();
    const get = async (path: string) => (await edge.get(path, bearer('ci-token'))).status;
    expect(await get(`/v2/library/app/blobs/${blob}`)).toBe(200);
    expect(await get(`/v2/library/app/blobs/${shared}`)).toBe(404);
    expect(await get(`/v2/quay.io/private/app/blobs/${shared}`)).toBe(403);
  });

  it('the catalogue has only the repositories that the token may read', async () => {
    const edge = edgeWith();
    const ci = await edge.get('/v2/_catalog', bearer('ci-token'));
    expect(await ci.json()).toEqual({ repositories: ['docker.io/library/app', 'ghcr.io/acme/team/app'] });
    const again = await edge.get('/v2/_catalog?n=1', bearer('ci-token'));
    expect(await again.json()).toEqual({ repositories: ['docker.io/library/app'] });
    const ops = await edge.get('/v2/_catalog?n=1&last=ghcr.io/acme/team/app', bearer('ops-token'));
    expect(await ops.json()).toEqual({ repositories: ['quay.io/private/app'] });
  });

  it('a token sees a change of the catalogue', async () => {
    const other = r2Bucket();
    await putIdentity(other, 'token');
    const edge = new TestEdge([other], { variables: { ...TOKEN, TOKENS: tokens, TAG_TTL: '60s' } });
    for (const repositories of [
      ['ghcr.io/acme/a'],
      ['ghcr.io/acme/a', 'ghcr.io/acme/b'],
      ['ghcr.io/acme/b'],
    ]) {
      await other.put('state/default/catalog.json', JSON.stringify({ repositories }));
      edge.now += 121_000;
      const response = await edge.get('/v2/_catalog', bearer('ci-token'));
      expect(await response.json()).toEqual({ repositories });
      await edge.settle();
    }
  });

  it('no shared cache may keep an answer, and no cached answer of the edge goes to another token', async () => {
    const edge = edgeWith();
    const path = '/v2/quay.io/private/app/manifests/1';
    const first = await edge.get(path, bearer('ops-token'));
    const again = await edge.get(path, bearer('ops-token'));
    expect([first, again].map(({ headers }) => headers.get('cache-control'))).toEqual([
      'private, no-cache, no-transform',
      'private, no-cache, no-transform',
    ]);
    expect(again.headers.get('lifeboat-cache')).toBe('hit-memory');
    expect((await edge.get(path)).status).toBe(403);
    const digest = again.headers.get('docker-content-digest') ?? '';
    expect((await edge.get(`/v2/quay.io/private/app/manifests/${digest}`, bearer('ci-token'))).status).toBe(
      403,
    );
    const byDigest = await edge.get(
      `/v2/quay.io/private/app/manifests/${await putManifest(bucket, 'quay.io/private/app', 'private')}`,
      bearer('ops-token'),
    );
    expect(byDigest.headers.get('cache-control')).toBe('private, max-age=31536000, immutable, no-transform');
  });

  it('the log has the token’s name, and nothing else of the token', async () => {
    const edge = edgeWith();
    await edge.get('/v2/library/app/manifests/1', bearer('ci-token'));
    expect(edge.events[0]?.trace.token).toBe('ci');
    expect(JSON.stringify(edge.events)).not.toContain('ci-token');
  });
});

describe('an audience that is not the bucket’s', () => {
  it.each([
    ['public', 'token'],
    ['token', 'public'],
  ] as const)('an edge for %s serves nothing from a bucket for %s', async (configured, written) => {
    const other = s3Bucket();
    await putIdentity(other, written);
    await putTag(other, 'docker.io/library/app', '1', 'x');
    const variables = configured === 'token' ? { ...TOKEN, TOKENS: tokens } : {};
    const edge = new TestEdge([other], { variables });
    for (const path of ['/v2/', '/healthz', '/v2/library/app/manifests/1', '/v2/library/app/tags/list']) {
      const response = await edge.get(path, bearer('ops-token'));
      expect(response.status).toBe(503);
      expect(await response.json()).toEqual({
        errors: [
          {
            code: 'UNAVAILABLE',
            message: `The variable AUDIENCE cannot be used: it is ${configured}, but the bucket of store 1 is for ${written}.`,
          },
        ],
      });
    }
  });
});

describe('an identity that an earlier isolate read', () => {
  it('does not count for an edge of another audience, which serves nothing from the cache', async () => {
    const other = s3Bucket();
    await putIdentity(other, 'token');
    await putTag(other, 'docker.io/library/app', '1', 'private');
    const path = '/v2/library/app/manifests/1';
    const first = new TestEdge([other], { variables: { ...TOKEN, TOKENS: tokens } });
    expect((await first.get(path, bearer('ci-token'))).status).toBe(200);
    await first.settle();
    // The same edge answers from the data centre's cache while the store is down …
    const same = new TestEdge([other], { variables: { ...TOKEN, TOKENS: tokens } });
    same.fault = DOWN;
    expect((await same.get(path, bearer('ci-token'))).status).toBe(200);
    // … and an edge that was made public by mistake does not.
    const mistaken = new TestEdge([other]);
    mistaken.fault = DOWN;
    const response = await mistaken.get(path);
    expect([response.status, await response.text()]).toEqual([
      503,
      '{"errors":[{"code":"UNAVAILABLE","message":"No store answers at the moment."}]}',
    ]);
  });
});

describe('TAGS = off', () => {
  it('serves digests only, and says so', async () => {
    const other = r2Bucket();
    await putIdentity(other);
    await putTag(other, 'docker.io/library/app', '1', 'x');
    const digest = await putManifest(other, 'docker.io/library/app', 'x');
    const edge = new TestEdge([other], { variables: { TAGS: 'off' } });
    const message = 'This edge answers digests only.';
    for (const [path, error] of [
      ['manifests/1', { code: 'MANIFEST_UNKNOWN', message, detail: { tag: '1' } }],
      ['tags/list', { code: 'NAME_UNKNOWN', message, detail: { name: 'library/app' } }],
    ] as const) {
      const response = await edge.get(`/v2/library/app/${path}`);
      expect([response.status, await response.json()]).toEqual([404, { errors: [error] }]);
    }
    expect((await edge.get(`/v2/library/app/manifests/${digest}`)).status).toBe(200);
  });
});
