/** Lists: as a whole, as single pages, and page by page to the end. */
import { beforeAll, describe, expect, it } from 'vitest';
import { r2Bucket } from '../support/bucket.ts';
import { putIdentity } from '../support/content.ts';
import { TestEdge } from '../support/test-edge.ts';

const TAGS = Array.from({ length: 2500 }, (_, index) => `v${index}`).toSorted();
const bucket = r2Bucket();
const edge = new TestEdge([bucket], { variables: { CATALOG: 'default, other,none' } });

beforeAll(async () => {
  await putIdentity(bucket);
  const name = 'docker.io/library/many';
  await bucket.put(`repositories/${name}/_tags.json`, JSON.stringify({ name, tags: TAGS.toReversed() }));
  await bucket.put(
    'repositories/quay.io/few/app/_tags.json',
    '{"name":"quay.io/few/app","tags":["B","a","b"]}',
  );
  await bucket.put('repositories/quay.io/no/app/_tags.json', '{"name":"quay.io/no/app","tags":[]}');
  await bucket.put(
    'state/default/catalog.json',
    '{"repositories":["docker.io/library/many","quay.io/few/app"]}',
  );
  await bucket.put('state/other/catalog.json', '{"repositories":["ghcr.io/a/b","quay.io/few/app"]}');
});

async function page(path: string) {
  const response = await edge.get(path);
  const body: unknown = await response.json();
  return { status: response.status, link: response.headers.get('link'), body };
}

const FEW = '/v2/quay.io/few/app/tags/list';
const list = (tags: string[], link: string | null = null) => ({
  status: 200,
  link,
  body: { name: 'quay.io/few/app', tags },
});
const next = (query: string) => `<${FEW}?${query}>; rel="next"`;

describe('tags', () => {
  it.each([
    ['', list(['B', 'a', 'b'])],
    ['?n=3', list(['B', 'a', 'b'])],
    ['?n=999999999', list(['B', 'a', 'b'])],
    ['?n=2', list(['B', 'a'], next('n=2&last=a'))],
    ['?n=1&last=B', list(['a'], next('n=1&last=a'))],
    ['?n=1&last=a', list(['b'])],
    ['?last=B', list(['a', 'b'])],
    ['?last=aa', list(['b'])],
    ['?last=', list(['B', 'a', 'b'])],
    ['?last=zzz', list([])],
    ['?n=0', list([])],
    ['?n=0&last=a', list([])],
  ])('are listed for the query "%s"', async (query, expected) => {
    expect(await page(`${FEW}${query}`)).toEqual(expected);
  });

  it('are an empty list if the repository has only digests', async () => {
    expect(await page('/v2/quay.io/no/app/tags/list')).toEqual({
      status: 200,
      link: null,
      body: { name: 'quay.io/no/app', tags: [] },
    });
  });

  it.each(['', '&ns=docker.io'])(
    'are listed to the end by the links to the next pages, for 2,500 tags%s',
    async (ns) => {
      const seen: string[] = [];
      const sizes: number[] = [];
      let path: string | undefined = `/v2/library/many/tags/list?n=1000${ns}`;
      while (path !== undefined) {
        const response = await edge.get(path);
        expect(response.headers.get('oci-namespace')).toBe(ns === '' ? null : 'docker.io');
        const { tags } = await response.json<{ tags: string[] }>();
        sizes.push(tags.length);
        seen.push(...tags);
        path = /^<(?<next>[^>]+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.groups?.['next'];
      }
      expect(sizes).toEqual([1000, 1000, 500]);
      expect(seen).toEqual(TAGS);
    },
  );
});

describe('the catalogue', () => {
  it('has the repositories of all configurations, each once', async () => {
    expect(await page('/v2/_catalog')).toEqual({
      status: 200,
      link: null,
      body: { repositories: ['docker.io/library/many', 'ghcr.io/a/b', 'quay.io/few/app'] },
    });
  });

  it('has pages', async () => {
    expect(await page('/v2/_catalog?n=2')).toEqual({
      status: 200,
      link: '</v2/_catalog?n=2&last=ghcr.io%2Fa%2Fb>; rel="next"',
      body: { repositories: ['docker.io/library/many', 'ghcr.io/a/b'] },
    });
    expect(await page('/v2/_catalog?n=2&last=ghcr.io%2Fa%2Fb')).toEqual({
      status: 200,
      link: null,
      body: { repositories: ['quay.io/few/app'] },
    });
  });

  it('is empty for a bucket without one', async () => {
    const other = r2Bucket();
    await putIdentity(other);
    expect(await (await new TestEdge([other]).get('/v2/_catalog')).json()).toEqual({ repositories: [] });
  });
});
