/** `/feed/<repository>.json`, read by the schema of Renovate's custom datasource. */
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseRepository } from '../../../core/reference.ts';
import { descriptionKey } from '../../../core/layout.ts';
import { r2Bucket } from '../support/bucket.ts';
import { putIdentity } from '../support/content.ts';
import { describedTag, putDescription } from '../support/state.ts';
import { TestEdge } from '../support/test-edge.ts';
import { tokenLine } from '../support/tokens.ts';

/**
 * The rules of lib/modules/datasource/custom/schema.ts and lib/util/timestamp.ts of renovatebot/renovate (version 43), written anew.
 * Renovate ignores a time that it does not understand; here it is refused. Unknown fields are refused, too: Renovate would
 * drop them. https://github.com/renovatebot/renovate/blob/main/lib/modules/datasource/custom/schema.ts
 */
const RENOVATE = z.strictObject({
  releases: z.array(
    z.strictObject({
      version: z.string(),
      isDeprecated: z.boolean().optional(),
      releaseTimestamp: z.iso.datetime(),
      sourceUrl: z.string().optional(),
      sourceDirectory: z.string().optional(),
      changelogContent: z.string().optional(),
      changelogUrl: z.string().optional(),
      digest: z.string().optional(),
      isStable: z.boolean().optional(),
    }),
  ),
  tags: z.record(z.string(), z.string()).optional(),
  sourceUrl: z.string().optional(),
  sourceDirectory: z.string().optional(),
  changelogUrl: z.string().optional(),
  homepage: z.string().optional(),
});

const bucket = r2Bucket();
const privateBucket = r2Bucket();
const PRIVATE = 'quay.io/private/app';
let tokens = '';

async function releasesOf(edge: TestEdge, path: string) {
  const response = await edge.get(path);
  expect(response.status).toBe(200);
  return RENOVATE.parse(await response.json()).releases;
}

/** The answer of an edge to a token. */
async function privateFeed(token: string, path: string) {
  const edge = new TestEdge([privateBucket], { variables: { AUDIENCE: 'token', TOKENS: tokens } });
  const response = await edge.get(path, { authorization: `Bearer ${token}` });
  return {
    status: response.status,
    cached: response.headers.get('cache-control'),
    reads: edge.takeReads(),
  };
}

beforeAll(async () => {
  await putIdentity(bucket);
  await putIdentity(privateBucket, 'token');
  const tags = [
    await describedTag('1.28.0-rc1', '2026-01-20T00:00:00.000Z'),
    await describedTag('1.27.1', '2026-01-10T10:20:30.400Z'),
    await describedTag('1.27.0', '2025-12-01T00:00:00.000Z', '2026-01-25T00:00:00.000Z'),
  ];
  await putDescription(bucket, 'docker.io/library/nginx', tags);
  await putDescription(privateBucket, PRIVATE, tags);
  await putDescription(bucket, 'ghcr.io/acme/odd.json', tags.slice(0, 1));

  await putDescription(bucket, 'quay.io/two/app', tags.slice(2), { written: '2026-01-01T00:00:00.000Z' });
  await putDescription(bucket, 'quay.io/two/app', tags.slice(1), { mirror: 'other' });
  await bucket.put(descriptionKey('default', parseRepository('quay.io/bad/app')), '{"version":1}');
  tokens = (
    await Promise.all([tokenLine('in', 'in', 'quay.io/private/*'), tokenLine('out', 'out', 'docker.io/**')])
  ).join('\n');
});

describe('a feed', () => {
  it('has the versions, newest first, with the time when each was first seen', async () => {
    const [rc, current, gone] = await releasesOf(new TestEdge([bucket]), '/feed/nginx.json');
    expect(rc).toMatchObject({ version: '1.28.0-rc1', releaseTimestamp: '2026-01-20T00:00:00.000Z' });
    expect(current).toEqual({
      version: '1.27.1',
      releaseTimestamp: '2026-01-10T10:20:30.400Z',
      digest: (await describedTag('1.27.1', '')).digest,
    });
    expect(gone).toMatchObject({ version: '1.27.0', isDeprecated: true });
  });

  it('has the names that images have', async () => {
    const edge = new TestEdge([bucket], { variables: { HOSTS: 'mirror.example.com=docker.io' } });
    const paths = [
      '/feed/library/nginx.json',
      '/feed/docker.io/library/nginx.json',
      '/feed/nginx.json?ns=docker.io',
    ];
    for (const path of paths) expect(await releasesOf(edge, path)).toHaveLength(3);
    expect(await releasesOf(new TestEdge([bucket]), '/feed/ghcr.io/acme/odd.json.json')).toHaveLength(1);
  });

  it('is made from the description that was written last', async () => {
    const edge = new TestEdge([bucket], { variables: { CATALOG: 'default,other' } });
    expect(await releasesOf(edge, '/feed/quay.io/two/app.json')).toHaveLength(2);
  });

  it('needs one read, must be asked for again, and has no body for HEAD', async () => {
    const edge = new TestEdge([bucket]);
    const head = await edge.head('/feed/nginx.json');
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect(head.headers.get('cache-control')).toBe('no-cache, no-transform');
    expect(edge.takeReads().filter((read) => read !== '1 lifeboat.json')).toEqual([
      '1 state/default/repositories/docker.io/library/nginx.json',
    ]);
    const get = await edge.get('/feed/nginx.json');
    expect(head.headers.get('content-length')).toBe(String((await get.arrayBuffer()).byteLength));
    expect(edge.takeReads()).toEqual([]);
  });

  it.each([
    ['/feed/none.json', 404],
    ['/feed/nginx', 404],
    ['/feed/.json', 404],
    ['/feed/', 404],
    ['/feed/nginx%2Fx.json', 400],
    ['/feed/..%2f..%2flast-run.json', 400],
    ['/feed/quay.io/bad/app.json', 503],
    ['/feed/%3Cscript%3E.json', 400],
  ])('%s is %i', async (path, expected) => {
    const response = await new TestEdge([bucket]).get(path);
    expect(response.status).toBe(expected);
    expect(await response.json()).toHaveProperty('errors');
  });

  it('without a name is nothing, in words that quote nothing that nobody wrote', async () => {
    const response = await new TestEdge([bucket]).get('/feed/.json');
    expect(await response.text()).toContain('There is nothing at this path.');
  });

  it('is refused where the edge answers digests only', async () => {
    const edge = new TestEdge([bucket], { variables: { TAGS: 'off' } });
    const response = await edge.get('/feed/nginx.json');
    expect([response.status, edge.takeReads()]).toEqual([404, []]);
    expect(await response.text()).toContain('digests only');
  });

  describe('of a private repository', () => {
    it('is for a token that may read it', async () => {
      const { status, cached } = await privateFeed('in', `/feed/${PRIVATE}.json`);
      expect([status, cached]).toEqual([200, 'private, no-cache, no-transform']);
    });

    it.each([
      ['out', `/feed/${PRIVATE}.json`],
      ['out', '/feed/quay.io/private/none.json'],
      ['none', `/feed/${PRIVATE}.json`],
    ])('is refused to the token "%s" before anything is read (%s)', async (token, path) => {
      const { status, reads } = await privateFeed(token, path);
      expect([status, reads]).toEqual([403, []]);
    });
  });
});
