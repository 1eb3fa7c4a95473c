/** Lists can have megabytes, so they are encoded once and not for each request. */
import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { answerList } from '../../../worker/answer/list.ts';
import { answerReferrers } from '../../../worker/answer/referrers.ts';
import { REFERRERS } from '../../../worker/cache/object-kind.ts';
import { EncodedList } from '../../../worker/cache/encoded-list.ts';
import { ReadableCatalog } from '../../../worker/cache/readable-catalog.ts';
import { parseTokens } from '../../../worker/configuration/token.ts';
import { encodeReferrers } from '../../../core/referrers.ts';
import { parseDigest } from '../../../core/digest.ts';
import { OCI_MANIFEST } from '../../../core/media-type.ts';
import { s3Bucket } from '../support/bucket.ts';
import { putIdentity } from '../support/content.ts';
import { TestEdge } from '../support/test-edge.ts';

const text = (body: unknown) => (body instanceof Uint8Array ? new TextDecoder().decode(body) : body);

describe('a list of 100,000 tags', () => {
  it('stays in memory, and so do its pages', async () => {
    const name = 'quay.io/a/b';
    const tags = Array.from({ length: 100_000 }, (_, index) => `v${String(index).padStart(27, '0')}`);
    const bucket = s3Bucket();
    await putIdentity(bucket);
    await bucket.put(`repositories/${name}/_tags.json`, JSON.stringify({ name, tags }));
    const edge = new TestEdge([bucket]);
    const path = `/v2/${name}/tags/list`;
    for (const [query, cache, listed] of [
      ['', 'miss', tags],
      ['', 'hit-memory', tags],
      ['?n=99999', 'hit-memory', tags.slice(0, -1)],
      [`?n=3&last=${tags[70_000]}`, 'hit-memory', tags.slice(70_001, 70_004)],
    ] as const) {
      const response = await edge.get(`${path}${query}`);
      expect(response.headers.get('lifeboat-cache')).toBe(cache);
      expect((await response.text()) === JSON.stringify({ name, tags: listed })).toBe(true);
      await edge.settle();
    }
    expect(edge.reads.length).toBe(2);
  });

  it('is not copied for a page', () => {
    const entries = new EncodedList(Array.from({ length: 1000 }, (_, index) => String(1000 + index)));
    const pages = [{}, { limit: 999 }, { last: '1500' }].map(
      ({ limit, last }: { limit?: number; last?: string }) =>
        answerList(
          { fields: {}, field: 'tags', entries, path: '/', namespace: undefined },
          { limit, last },
          'no-cache',
        ),
    );
    const buffers = pages.map(({ body }) => (Array.isArray(body) ? body[1]?.buffer : undefined));
    expect(new Set(buffers)).toEqual(new Set([entries.slice(0, 1).buffer]));
  });
});

it('property: an encoded list agrees with the list that it is made from', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({ unit: 'binary' })),
      fc.string(),
      fc.nat(9),
      fc.nat(9),
      (all, other, a, b) => {
        const sorted = all.toSorted();
        const list = new EncodedList(sorted);
        expect(list.texts()).toEqual(sorted);
        for (const last of [other, ...sorted]) {
          const index = sorted.findIndex((entry) => entry > last);
          expect(list.indexAfter(last)).toBe(index === -1 ? sorted.length : index);
        }
        const [start, end] = [Math.min(a, sorted.length), Math.min(b, sorted.length)];
        expect(JSON.parse(`[${new TextDecoder().decode(list.slice(start, end))}]`)).toEqual(
          sorted.slice(start, end),
        );
      },
    ),
  );
});

describe('a catalogue', () => {
  const ALL = ['a.io/a', 'a.io/b', 'b.io/a'];
  const [one, other] = parseTokens('TOKENS', `one ${'1'.repeat(64)} a.io/*;other ${'2'.repeat(64)} */a`);

  it('of more than 45,000 names stays in memory', async () => {
    const repositories = Array.from(
      { length: 50_000 },
      (_, index) => `ghcr.io/${'a'.repeat(30)}/${100_000 + index}`,
    );
    const bucket = s3Bucket();
    await putIdentity(bucket);
    await bucket.put('state/default/catalog.json', JSON.stringify({ repositories }));
    const edge = new TestEdge([bucket]);
    for (const cache of ['miss', 'hit-memory']) {
      const response = await edge.get('/v2/_catalog?n=1');
      expect(response.headers.get('lifeboat-cache')).toBe(cache);
      await edge.settle();
    }
  });

  it('is filtered once for each token, until it changes', () => {
    const catalog = new ReadableCatalog();
    const before = [new EncodedList(ALL)];
    const after = [new EncodedList([...ALL, 'c.io/a'])];
    const first = catalog.listFor(before, one);
    const second = catalog.listFor(before, other);
    expect([first, second].map((list) => list.texts())).toEqual([
      ['a.io/a', 'a.io/b'],
      ['a.io/a', 'b.io/a'],
    ]);
    expect(catalog.listFor([...before], one)).toBe(first);
    expect(catalog.listFor(before, other)).toBe(second);
    expect(catalog.listFor(after, other).texts()).toEqual(['a.io/a', 'b.io/a', 'c.io/a']);
    expect(catalog.listFor([...after, ...before], other).texts()).toEqual(['a.io/a', 'b.io/a', 'c.io/a']);
    expect(catalog.listFor([], other).texts()).toEqual([]);
  });

  it('is remembered for tokens in one version only, because each version can have megabytes', () => {
    const catalog = new ReadableCatalog();
    const before = [new EncodedList(ALL)];
    const first = catalog.listFor(before, one);
    catalog.listFor([new EncodedList(ALL)], other);
    expect(catalog.listFor(before, one)).not.toBe(first);
  });

  it('is decoded as a whole and not name by name', () => {
    const list = new EncodedList(ALL);
    const parse = vi.spyOn(JSON, 'parse');
    new ReadableCatalog().listFor([list], one);
    expect(parse).toHaveBeenCalledTimes(1);
    parse.mockRestore();
  });
});

describe('a list of referrers', () => {
  const signature = {
    mediaType: OCI_MANIFEST,
    digest: parseDigest(`sha256:${'ab'.repeat(32)}`),
    size: 2,
    artifactType: 'application/vnd.example.signature',
  };
  const sbom = { ...signature, artifactType: 'application/vnd.example.sbom' };
  const bytes = encodeReferrers([signature, sbom]);

  it('is encoded once for each artifact type that it has', async () => {
    const content = await REFERRERS.decode('key', { bytes, contentType: undefined, modified: undefined });
    const of = (artifactType?: string) => answerReferrers(content, artifactType, 'no-cache').body;
    expect(of()).toBe(bytes);
    for (const { artifactType } of [signature, sbom]) {
      const first = of(artifactType);
      expect(text(first)).toBe(
        text(encodeReferrers([signature, sbom].filter((one) => one.artifactType === artifactType))),
      );
      expect(of(artifactType)).toBe(first);
    }
    expect(text(of('application/vnd.example.none'))).toBe(text(encodeReferrers([])));
  });
});
