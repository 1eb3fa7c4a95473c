/** The answers for pages: headers, refusals, and the state of stores. */
import { describe, expect, it } from 'vitest';
import { CLIENT_RUNTIMES } from '../../../cluster/clients/runtimes.ts';
import { s3Bucket } from '../support/bucket.ts';
import { putIdentity, putTag } from '../support/content.ts';
import { pageAt } from '../support/page.ts';
import { describedTag, putDescription, putState } from '../support/state.ts';
import { TestEdge } from '../support/test-edge.ts';
import { tokenLine } from '../support/tokens.ts';

const APP = 'docker.io/library/app';

async function filledEdge(variables: Record<string, string> = {}): Promise<TestEdge> {
  const bucket = s3Bucket();
  await putIdentity(bucket);
  await putState(bucket);
  await putDescription(bucket, APP, [await describedTag('1.0', '2026-01-01T00:00:00.000Z')]);
  await putTag(bucket, APP, '1.0', 'a');
  return new TestEdge([bucket], { variables });
}

describe('headers', () => {
  it.each(['/', `/r/${APP}`, '/status'])(
    '%s loads nothing from elsewhere, and is asked for anew',
    async (path) => {
      const { status, headers, html } = await pageAt(await filledEdge(), path);
      expect(status).toBe(200);
      expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'self'/);
      expect(headers.get('content-security-policy')).not.toContain('unsafe');
      expect(headers.get('cache-control')).toBe('no-cache');
      expect(headers.get('vary')).toBe('Accept');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(html).not.toMatch(/<script|<style| style=| on[a-z]+=|og:/);
    },
  );

  it('HEAD has the headers of GET', async () => {
    const edge = await filledEdge();
    const response = await edge.head('/');
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      'text/html; charset=utf-8',
    ]);
    expect(await response.text()).toBe('');
  });

  it('the files of a page are kept for ever, and crawlers are sent away', async () => {
    const edge = await filledEdge();
    const { html } = await pageAt(edge, '/');
    for (const [, file = ''] of html.matchAll(/href="(\/_assets\/[^"]+)"/g)) {
      const answer = await edge.get(file);
      expect([file, answer.status, answer.headers.get('cache-control')]).toEqual([
        file,
        200,
        'public, max-age=31536000, immutable',
      ]);
    }
    expect(html.match(/\/_assets\//g)).toHaveLength(2);
    expect(await (await edge.get('/robots.txt')).text()).toBe('User-agent: *\nDisallow: /\n');
    expect((await edge.get('/favicon.ico')).headers.get('content-type')).toBe('image/svg+xml');
    expect((await edge.get('/_assets/00000000.css')).status).toBe(404);
  });
});

describe('paths without a page', () => {
  it.each([
    '/nothing',
    '/r/',
    '/r/docker.io/library/missing',
    `/r/${APP}?tag=9.9`,
    `/r/${APP}:1.0!`,
    `/r/${APP}?tag=-`,
    `/r/${APP}@sha256:${'0'.repeat(64)}`,
    `/r/${APP}@sha256:short`,
    '/r/%E0%A4%A',
    '/r/UPPER/case',
  ])('%s is a page that says so', async (path) => {
    const { status, text } = await pageAt(await filledEdge(), path);
    expect(status).toBe(404);
    expect(text).toMatch(/404 There is (?:nothing|no such image) here/);
  });

  it('a client that shows no HTML gets an error of the registry, as before', async () => {
    const response = await (await filledEdge()).get('/nothing');
    expect([response.status, response.headers.get('content-type')]).toEqual([404, 'application/json']);
    expect(await response.json()).toMatchObject({ errors: [{ code: 'NAME_UNKNOWN' }] });
  });

  it.each(['/', `/r/${APP}`, '/status', '/robots.txt', '/favicon.ico', '/nothing'])(
    'with PAGES = off, nothing is at %s',
    async (path) => {
      const { status, headers, html } = await pageAt(await filledEdge({ PAGES: 'off' }), path);
      expect([status, headers.get('content-type')]).toEqual([404, 'application/json']);
      expect(JSON.parse(html)).toEqual({
        errors: [
          { code: 'NAME_UNKNOWN', message: 'There is nothing at this path. The registry is at /v2/.' },
        ],
      });
    },
  );
});

describe('with TAGS = off', () => {
  it('no page shows a tag', async () => {
    const edge = await filledEdge({ TAGS: 'off' });
    const home = await pageAt(edge, '/');
    expect(home.text).not.toMatch(/Moved last|held|Held|docker pull/);
    const repository = await pageAt(edge, `/r/${APP}`);
    expect(repository.status).toBe(200);
    expect(repository.text).toContain('Images');
    expect(repository.html).not.toMatch(/tag=|>1\.0</);
    for (const path of [`/r/${APP}?tag=1.0`, `/r/${APP}:1.0`, `/r/${APP}:9.9`]) {
      const { status, text } = await pageAt(edge, path);
      expect([path, status]).toEqual([path, 404]);
      expect(text).toContain('This edge answers digests only.');
    }
    const status = await pageAt(edge, '/status');
    expect(status.text).toContain(`failed ${APP} `);
    expect(status.text).not.toContain(`${APP}:`);
  });
});

describe('the commands of the home page', () => {
  it('pull the tag that moved last, by the address that clients use', async () => {
    const { text } = await pageAt(await filledEdge(), '/');
    expect(text).toContain('--edge https://mirror.example.com');
    expect(text).toMatch(/docker pull mirror\.example\.com\/quay\.io\/private\/app:2\.1\b/);
  });

  it('name the address of the proxy that ends TLS before the edge', async () => {
    const plain = 'http://mirror.example.com/';
    const edge = await filledEdge();
    expect((await pageAt(edge, plain)).text).toContain('--edge http://mirror.example.com');
    const { text } = await pageAt(edge, plain, { 'x-forwarded-proto': 'https' });
    expect(text).toContain('--edge https://mirror.example.com');
  });

  it('name runtimes that lifeboat clients knows', async () => {
    const { html } = await pageAt(await filledEdge(), '/');
    const named = [...html.matchAll(/\/\?client=([^"#]+)#use/g)].map(([, name]) => name);
    expect(named.length).toBeGreaterThan(10);
    const known = new Set<string>(CLIENT_RUNTIMES.map(({ name }) => name));
    expect(named.filter((name) => !known.has(name ?? ''))).toEqual([]);
  });

  it('pull nothing from an empty mirror', async () => {
    const bucket = s3Bucket();
    await putIdentity(bucket);
    const { text } = await pageAt(new TestEdge([bucket]), '/');
    expect(text).not.toContain('docker pull');
  });
});

describe('stores', () => {
  it('while none answers, a page shows what the edge remembers, and since when', async () => {
    const edge = await filledEdge();
    await pageAt(edge, '/');
    await edge.settle();
    edge.fault = () => new Response(null, { status: 500 });
    edge.now += 60 * 60 * 1000;
    const { status, text } = await pageAt(edge, '/');
    expect(status).toBe(200);
    expect(text).toMatch(/No store answers\. This page shows data from .+ UTC \(60 min ago\)/);
    expect(text).toContain(APP);
  });

  it('an edge that has never read one says so with 503', async () => {
    const edge = await filledEdge();
    edge.fault = () => new Response(null, { status: 500 });
    for (const path of ['/', `/r/${APP}`, '/status']) {
      const { status, headers, text } = await pageAt(edge, path);
      expect([path, status, headers.get('cache-control')]).toEqual([path, 503, 'no-store']);
      expect(text).toContain('No store answers');
    }
  });
});

describe('a variable that does not fit the bucket', () => {
  it('is said as such: the store answers, and a reload changes nothing', async () => {
    const bucket = s3Bucket();
    await putIdentity(bucket);
    const variables = { AUDIENCE: 'token', TOKENS: await tokenLine('all', 'secret', '**') };
    const edge = new TestEdge([bucket], { variables });
    const { status, text } = await pageAt(edge, '/', { authorization: 'Bearer secret' });
    expect(status).toBe(503);
    expect(text).toContain('503 This cannot be shown The variable AUDIENCE cannot be used');
    expect(text).toContain('The operator of this mirror has to correct it.');
    expect(text).not.toMatch(/No store answers|Reload|healthz/);
  });
});

describe('objects that cannot be used', () => {
  it.each(['overview.json', 'runs.json', 'last-run.json'])(
    'a damaged %s takes nothing else away',
    async (file) => {
      const bucket = s3Bucket();
      await putIdentity(bucket);
      await putState(bucket);
      await bucket.put('state/default/catalog.json', JSON.stringify({ repositories: [APP] }));
      await bucket.put(`state/default/${file}`, '{"version":1,');
      const edge = new TestEdge([bucket]);
      const home = await pageAt(edge, '/');
      expect([home.status, home.text.includes(APP)]).toEqual([200, true]);
      expect((await pageAt(edge, '/status')).status).toBe(200);
    },
  );

  it('a repository without a description shows its list of tags, and the tag that is asked for', async () => {
    const bucket = s3Bucket();
    await putIdentity(bucket);
    const tags = [
      '1.10',
      '1.9',
      '1.2',
      'sha256-0000000000000000000000000000000000000000000000000000000000000000.sig',
    ];
    await bucket.put(`repositories/${APP}/_tags.json`, JSON.stringify({ name: APP, tags }));
    const digest = await putTag(bucket, APP, '1.9', 'a');
    await bucket.put(`state/default/repositories/${APP}.json`, 'damaged');
    const { status, text } = await pageAt(new TestEdge([bucket]), `/r/${APP}?tag=1.9`);
    expect(status).toBe(200);
    expect(text).toMatch(/1\.10 not described yet 1\.9 not described yet 1\.2 not described yet/);
    expect(text).not.toContain('.sig');
    expect(text).toContain(digest);
  });

  it('an empty bucket says how it is filled', async () => {
    const bucket = s3Bucket();
    await putIdentity(bucket);
    const edge = new TestEdge([bucket]);
    expect((await pageAt(edge, '/')).text).toMatch(
      /no record.*Nothing is mirrored yet\. .*npx lifeboat sync/,
    );
    expect((await pageAt(edge, '/status')).text).toContain('No run has left a record of itself yet.');
  });
});
