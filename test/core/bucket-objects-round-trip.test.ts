import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeBlobLink, encodeBlobLink } from '../../core/blob-link.ts';
import { parseDigest } from '../../core/digest.ts';
import { decodeMovement, encodeMovement } from '../../core/history.ts';
import { decodeIdentity, encodeIdentity } from '../../core/identity.ts';
import { parseTag } from '../../core/reference.ts';
import { decodeReferrers, encodeReferrers, filterReferrers } from '../../core/referrers.ts';
import {
  decodeRepositoryIndex,
  encodeRepositoryIndex,
  entryKey,
  type IndexEntry,
} from '../../core/repository-index.ts';
import { decodeTagList, encodeTagList, isReferrerTag } from '../../core/tag-list.ts';
import { decodeTag, encodeTag } from '../../core/tag-object.ts';
import { annotations, digests, repositories, sizes, tags, times } from './arbitraries.ts';

const KEY = 'the/key';
const A = `sha256:${'a'.repeat(64)}`;
const optional = { nil: undefined };
const mediaTypes = fc.string({ minLength: 1 });
const platforms = fc.option(fc.array(fc.stringMatching(/^[a-z]+\/[a-z0-9]+(?:\/v\d)?$/)), optional);

test('property: lifeboat.json is read as it was written', () => {
  const identities = fc.record({
    version: fc.constant(1 as const),
    id: fc.oneof(fc.uuid(), fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/)),
    audience: fc.constantFrom('public' as const, 'token' as const),
  });
  fc.assert(
    fc.property(identities, (identity) => {
      expect(decodeIdentity(encodeIdentity(identity))).toEqual(identity);
    }),
  );
});

test('property: _blobs is read as it was written', () => {
  fc.assert(
    fc.property(fc.record({ digest: digests, size: sizes }), (link) => {
      expect(decodeBlobLink(KEY, encodeBlobLink(link))).toEqual(link);
    }),
  );
});

test('property: _tags is read as it was written', () => {
  const tagObjects = fc.record({
    mediaType: mediaTypes,
    digest: digests,
    bytes: fc.uint8Array({ maxLength: 200 }).map((bytes) => new Uint8Array(bytes)),
    moved: times,
    run: fc.string(),
    hold: fc.option(fc.string(), optional),
    platforms,
  });
  fc.assert(
    fc.property(tagObjects, (tag) => {
      expect(decodeTag(KEY, encodeTag(tag))).toEqual(tag);
    }),
  );
});

test('property: _tags.json is sorted bytewise, has each tag once, and has the same bytes whatever the order of the tags', () => {
  fc.assert(
    fc.property(repositories, fc.array(tags), (repository, list) => {
      const bytes = encodeTagList(repository, list);
      const decoded = decodeTagList(KEY, bytes);
      const sorted = [...new Set(list)].toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(decoded).toEqual(sorted);
      expect(encodeTagList(repository, list.toReversed())).toEqual(bytes);
      expect(encodeTagList(repository, decoded)).toEqual(bytes);
    }),
  );
});

const HEX_256 = 'a'.repeat(64);
const HEX_512 = 'b'.repeat(128);

test.for<readonly [string, boolean]>([
  [`sha256-${HEX_256}`, true],
  [`sha256-${HEX_256}.sig`, true],
  [`sha256-${HEX_256}.att`, true],
  [`sha256-${HEX_256}.sbom`, true],
  [`sha256-${HEX_256}.6fe828b32b9b4572.meta`, true],
  [`sha256-${HEX_256}-sig`, false],
  [`sha256-${HEX_256}.`, false],
  [`sha512-${HEX_512}`, true],
  [`sha512-${HEX_512}.sig`, true],
  [`sha256-${HEX_256.slice(1)}`, false],
  [`sha256-${HEX_256}0`, false],
  [`sha256-${HEX_512}`, false],
  [`sha512-${HEX_256}`, true],
  [`sha512-${HEX_512.slice(1)}`, false],
  [`sha256-${HEX_256.toUpperCase()}`, false],
  [`v1-sha256-${HEX_256}`, false],
  ['sha256', false],
  ['latest', false],
])('the tag %s names referrers: %s', ([tag, expected]) => {
  expect(isReferrerTag(tag)).toBe(expected);
});

const descriptors = fc.record(
  {
    mediaType: mediaTypes,
    digest: digests,
    size: sizes,
    artifactType: fc.string({ minLength: 1 }),
    annotations,
  },
  { requiredKeys: ['mediaType', 'digest', 'size'] },
);

test('property: _referrers has the same bytes whatever the order of the referrers', () => {
  const sets = fc.uniqueArray(descriptors, { selector: ({ digest }) => digest });
  fc.assert(
    fc.property(sets, (set) => {
      const bytes = encodeReferrers(set);
      const sorted = set.toSorted((a, b) => Buffer.compare(Buffer.from(a.digest), Buffer.from(b.digest)));
      expect(decodeReferrers(KEY, bytes)).toEqual(sorted);
      expect(encodeReferrers(set.toReversed())).toEqual(bytes);
      expect(encodeReferrers(decodeReferrers(KEY, bytes))).toEqual(bytes);
    }),
  );
});

test('filterReferrers keeps only referrers whose type is exactly the given one', () => {
  const common = { mediaType: 'x/y', digest: parseDigest(A), size: 1 };
  const list = [{ ...common, artifactType: 'a/b' }, { ...common, artifactType: 'a/b+c' }, common];
  expect(filterReferrers(list, 'a/b')).toEqual([list[0]]);
  expect(filterReferrers(list, 'a/b+c')).toEqual([list[1]]);
  expect(filterReferrers(list, 'a')).toEqual([]);
  expect(filterReferrers(list, '')).toEqual([]);
});

const shared = {
  mediaType: mediaTypes,
  digest: digests,
  size: sizes,
  firstSeen: times,
  referrersChecked: fc.option(times, optional),
  platforms,
};
const returned = fc.option(times, optional);
const places = fc.integer({ min: 0, max: 999_999_999_999_999 });
const sightings = fc.option(
  fc
    .tuple(places, places)
    .map(([one, other]) => ({ first: Math.min(one, other), last: Math.max(one, other) })),
  optional,
);
const entries = fc.oneof(
  fc.record({
    kind: fc.constant('tag' as const),
    tag: tags,
    ...shared,
    returned,
    sightings,
    gone: fc.option(times, optional),
    hold: fc.option(fc.string(), optional),
  }),
  fc.record({ kind: fc.constant('pin' as const), ...shared }),
  fc.record({
    kind: fc.constant('candidate' as const),
    tag: tags,
    returned,
    sightings,
    left: fc.option(times, optional),
    ...shared,
  }),
);

test('property: _index.json has the same bytes whatever the order of its entries', () => {
  const sets = fc.uniqueArray(entries, { selector: entryKey });
  fc.assert(
    fc.property(sets, (set) => {
      const bytes = encodeRepositoryIndex(set);
      const decoded = decodeRepositoryIndex(KEY, bytes);
      expect(new Map(decoded.map((entry) => [entryKey(entry), entry]))).toEqual(
        new Map(set.map((entry) => [entryKey(entry), entry])),
      );
      expect(decoded).toHaveLength(set.length);
      expect(encodeRepositoryIndex(set.toReversed())).toEqual(bytes);
      expect(encodeRepositoryIndex(decoded)).toEqual(bytes);
    }),
  );
});

test.for<readonly [IndexEntry['kind'], string]>([
  ['tag', 'tag stable'],
  ['pin', `pin ${A}`],
  ['candidate', `candidate stable ${A}`],
])(
  'the key of a %s entry of the index is "%s", and does not depend on the entry’s other fields',
  ([kind, key]) => {
    const common = { mediaType: 'a/b', digest: parseDigest(A), size: 1, firstSeen: 'now' };
    const entry: IndexEntry =
      kind === 'pin' ? { kind, ...common } : { kind, tag: parseTag('stable'), ...common };
    expect(entryKey(entry)).toBe(key);
    expect(entryKey({ ...entry, size: 2, firstSeen: 'later', platforms: ['linux/amd64'] })).toBe(key);
  },
);

test('property: _history is read as it was written', () => {
  const movements = fc.record({
    from: fc.option(digests, optional),
    to: digests,
    at: times,
    run: fc.string(),
    why: fc.string(),
    by: fc.constantFrom(undefined, 'alice@laptop', 'octocat (GitHub Actions)'),
  });
  fc.assert(
    fc.property(movements, (movement) => {
      expect(decodeMovement(KEY, encodeMovement(movement))).toEqual(movement);
    }),
  );
});
