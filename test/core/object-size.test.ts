/** The size limits of the bucket's objects. Every object that Lifeboat itself writes has to fit. */
import { expect, test } from 'vitest';
import type { Descriptor } from '../../core/descriptor.ts';
import { parseDigest } from '../../core/digest.ts';
import { encodeJson } from '../../core/json.ts';
import { MAX_MANIFEST_BYTES, parseManifest } from '../../core/manifest.ts';
import { maxSizeOf, maxValuesOf } from '../../core/object-size.ts';
import { parseRepository, parseTag, type Tag } from '../../core/reference.ts';
import { decodeReferrers, encodeReferrers, referrerDescriptor } from '../../core/referrers.ts';
import { encodeRepositoryIndex, type IndexEntry } from '../../core/repository-index.ts';
import { encodeTagList } from '../../core/tag-list.ts';
import { encodeTag } from '../../core/tag-object.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../support/media-types.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const HEX = 'a'.repeat(64);
const DIGEST = parseDigest(`sha256:${HEX}`);
const TIME = '2026-01-31T23:59:59.123Z';
const REPOSITORY = parseRepository('a.b/c');
const below = (name: string): string => `repositories/${REPOSITORY}/${name}`;

test.each([
  ['lifeboat.json', 64 * KIB],
  ['state/_stores.json', 64 * KIB],
  [below(`_blobs/sha256/${HEX}`), 64 * KIB],
  [below('_history/1/20260131T235959.123Z-r.json'), 64 * KIB],
  [below(`_manifests/sha256/${HEX}`), 4 * MIB],
  [below('_tags/1'), 5_592_408 + 64 * KIB],
  [below('_tags.json'), 16 * MIB],
  [below(`_referrers/sha256/${HEX}`), 16 * MIB],
  [below('_index.json'), 128 * MIB],
  ['state/default/catalog.json', 128 * MIB],
  ['state/default/last-drill.json', 64 * KIB],
  ['state/default/runs.json', 4 * MIB],
  ['state/default/overview.json', 8 * MIB],
  ['state/default/repositories/a.b/c.json', 8 * MIB],
])('%s has at most %i bytes', (key, bytes) => {
  expect(maxSizeOf(key)).toBe(bytes);
});

function* longTags(count: number, length: number): Generator<Tag> {
  for (let index = 0; index < count; index += 1) yield parseTag(`v${index}-`.padEnd(length, 'x'));
}

test('the largest manifest fits into a tag that also has a long reason', () => {
  const tag = {
    mediaType: OCI_MANIFEST,
    digest: DIGEST,
    bytes: new Uint8Array(MAX_MANIFEST_BYTES),
    moved: TIME,
    run: 'r',
    hold: 'x'.repeat(10_000),
    platforms: Array(100).fill('linux/amd64'),
  };
  expect(encodeTag(tag).length).toBeLessThan(maxSizeOf(below('_tags/1')));
});

test('the list of 100,000 of the longest tags fits', () => {
  const list = encodeTagList(REPOSITORY, longTags(100_000, 128));
  expect(list.length).toBeLessThan(maxSizeOf(below('_tags.json')));
});

test('the index of 100,000 tags fits, each with one candidate and with all fields', () => {
  // Only a tenth is encoded, because the whole takes seconds.
  const entries = [...longTags(10_000, 64)].flatMap((tag): IndexEntry[] => {
    const seen = { mediaType: OCI_MANIFEST, digest: DIGEST, size: 1, firstSeen: TIME, returned: TIME };
    const more = { referrersChecked: TIME, platforms: ['linux/amd64', 'linux/arm64'] };
    return [
      { kind: 'tag', tag, ...seen, ...more, hold: 'x'.repeat(100), gone: TIME },
      { kind: 'candidate', tag, ...seen, ...more, left: TIME },
    ];
  });
  const { length } = encodeRepositoryIndex(entries);
  expect(10 * length).toBeLessThan(maxSizeOf(below('_index.json')));
  expect(length).toBeGreaterThan(7 * MIB);
});

test('an index of the shortest entries reaches the limit of bytes before the limit of values', () => {
  const entry = { mediaType: OCI_INDEX, digest: DIGEST, size: 1, firstSeen: TIME };
  const tag = parseTag('a');
  const key = below('_index.json');
  for (const one of [
    { kind: 'pin', ...entry },
    { kind: 'tag', tag, ...entry },
    { kind: 'tag', tag, ...entry, hold: 'x', platforms: ['x'], gone: TIME, returned: TIME },
    { kind: 'candidate', tag, ...entry, sightings: { first: 1, last: 1 } },
  ] satisfies IndexEntry[]) {
    const text = Buffer.from(encodeRepositoryIndex(Array(100).fill(one))).toString();
    const values = text.match(/[[{,]/g)?.length ?? 0;
    expect((text.length / values) * maxValuesOf(key)).toBeGreaterThan(maxSizeOf(key));
  }
  // A list of tags has one value for each tag.
  const tags = encodeRepositoryIndex(
    Array.from({ length: 100 }, () => ({ kind: 'tag' as const, tag, ...entry })),
  );
  expect(maxSizeOf(key) / (tags.length / 100)).toBeLessThan(maxValuesOf(below('_tags.json')));
});

function describeReferrer(annotations: number): Descriptor {
  const entries = Array.from({ length: annotations }, (_, index) => [`${index}`, '']);
  const content = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] };
  const bytes = encodeJson({ ...content, annotations: Object.fromEntries(entries) });
  return referrerDescriptor(parseManifest(bytes, OCI_INDEX), DIGEST, bytes.length);
}

test('the list of 1,000 referrers with many annotations can be read, and too many annotations of one referrer are left out', () => {
  const listed = describeReferrer(200);
  const key = below(`_referrers/sha256/${HEX}`);
  const list = Array.from({ length: 1000 }, () => ({ ...listed, artifactType: 'a/b' }));
  expect(decodeReferrers(key, encodeReferrers(list)).length).toBe(1000);
  expect(Object.keys(listed.annotations ?? {}).length).toBe(200);
  expect(describeReferrer(201).annotations).toBe(undefined);
});
