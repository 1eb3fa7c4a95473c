/** Lists can have megabytes, so they are encoded once and not once per request. */
import { describe, expect, it } from 'vitest';
import { answerList } from '../../worker/answer/list.ts';
import { answerReferrers } from '../../worker/answer/referrers.ts';
import { REFERRERS } from '../../worker/content.ts';
import { encodeReferrers } from '../../core/referrers.ts';
import { parseDigest } from '../../core/digest.ts';
import { OCI_MANIFEST } from '../../core/media-type.ts';

const sorted = ['a', 'b', 'c'];
const listOf = (name: string) => ({
  fields: { name },
  listed: 'tags' as const,
  sorted,
  path: `/v2/${name}/tags/list`,
  namespace: undefined,
});
const bodyOf = (name: string, page: { limit?: number; last?: string } = {}) =>
  answerList(listOf(name), { limit: page.limit, last: page.last }, 'no-cache').body;
const text = (body: unknown) => (body instanceof Uint8Array ? new TextDecoder().decode(body) : body);

describe('a list of tags', () => {
  it('is encoded once, as long as all of it is asked for by the same name', () => {
    const first = bodyOf('x/y');
    expect(text(first)).toBe('{"name":"x/y","tags":["a","b","c"]}');
    expect(bodyOf('x/y')).toBe(first);
    expect(bodyOf('x/y', { limit: 3 })).toBe(first);
  });

  it('is another one by another name, and on another page', () => {
    expect(text(bodyOf('x/y'))).toBe('{"name":"x/y","tags":["a","b","c"]}');
    expect(text(bodyOf('y'))).toBe('{"name":"y","tags":["a","b","c"]}');
    expect(text(bodyOf('y', { limit: 2 }))).toBe('{"name":"y","tags":["a","b"]}');
    expect(text(bodyOf('y', { last: 'a' }))).toBe('{"name":"y","tags":["b","c"]}');
    expect(text(bodyOf('x/y'))).toBe('{"name":"x/y","tags":["a","b","c"]}');
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

  it('is encoded once for each type that it has', async () => {
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
