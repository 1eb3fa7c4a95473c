/** The description of a repository: its bounds, and what is refused. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseDigest } from '../../core/digest.ts';
import { descriptionKey } from '../../core/layout.ts';
import { maxSizeOf, maxValuesOf } from '../../core/object-size.ts';
import { parseRepository, parseTag } from '../../core/reference.ts';
import {
  decodeDescription,
  encodeDescription,
  MAX_DESCRIBED_PINS,
  MAX_DESCRIBED_TAGS,
  MAX_DESCRIPTION_BYTES,
  type DescribedManifest,
  type DescribedMovement,
  type DescribedTag,
  type RepositoryDescription,
} from '../../core/repository-description.ts';
import { OCI_INDEX } from '../support/media-types.ts';
import { bytesOf, hostile } from './arbitraries.ts';
import { nameOfThrown } from './thrown.ts';

const REPOSITORY = parseRepository('quay.io/a/b');
const KEY = descriptionKey('default', REPOSITORY);
const DIGEST = parseDigest(`sha256:${'a'.repeat(64)}`);
const OTHER = parseDigest(`sha512:${'b'.repeat(128)}`);
const TIME = '2026-01-31T23:59:59.123Z';

const PIN: DescribedManifest = {
  digest: DIGEST,
  mediaType: OCI_INDEX,
  firstSeen: TIME,
  bytes: 100,
  platforms: [{ platform: 'linux/arm64', digest: OTHER, bytes: 100 }],
  signatures: 1,
  sboms: 2,
  attestations: 3,
};
const MOVEMENT: DescribedMovement = { at: TIME, to: DIGEST, run: 'r', why: 'first seen' };
const TAG: DescribedTag = {
  tag: parseTag('1.27'),
  ...PIN,
  artifactType: 'a/b',
  storedPlatforms: ['linux/arm64'],
  referrersChecked: TIME,
  moved: TIME,
  run: 'r',
  hold: 'a freeze',
  upstream: { digest: OTHER, firstSeen: TIME },
  gone: TIME,
  movements: [{ ...MOVEMENT, from: OTHER, by: 'alice@laptop' }, MOVEMENT],
};
const FULL: RepositoryDescription = {
  repository: REPOSITORY,
  written: TIME,
  tags: [TAG, { tag: parseTag('1.26'), ...PIN, moved: TIME, run: 'r', movements: [] }],
  tagCount: 7,
  pins: [PIN],
};

function encoded(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

test('a description is read as it was written', () => {
  expect(decodeDescription(KEY, encodeDescription(FULL))).toEqual(FULL);
});

test('lists and texts are cut to their bounds, so that what is written can be read', () => {
  const platforms = Array.from({ length: 50 }, () => ({
    platform: 'p'.repeat(1000),
    digest: DIGEST,
    bytes: 1,
  }));
  const movements = Array.from({ length: 9 }, () => ({ ...MOVEMENT, why: 'w'.repeat(1000) }));
  const tags = Array.from({ length: 1200 }, () => ({ ...TAG, platforms: platforms.slice(0, 1), movements }));
  const pins = Array.from({ length: 300 }, () => ({ ...PIN, platforms }));
  const read = decodeDescription(KEY, encodeDescription({ ...FULL, tags, pins, tagCount: 1200 }));
  expect([read.tags.length, read.tagCount, read.pins.length]).toEqual([
    MAX_DESCRIBED_TAGS,
    1200,
    MAX_DESCRIBED_PINS,
  ]);
  expect(read.pins[0]?.platforms).toHaveLength(32);
  expect(read.tags[0]?.movements.map(({ why }) => why)).toEqual(Array(5).fill(`${'w'.repeat(299)}…`));
});

test('of a description that would be too large, the last tags are left out', () => {
  const platforms = Array.from({ length: 32 }, () => ({
    platform: '€'.repeat(300),
    digest: OTHER,
    bytes: 2 ** 50,
  }));
  const movements = Array.from({ length: 5 }, () => ({
    ...MOVEMENT,
    from: OTHER,
    why: '€'.repeat(300),
    by: 'b',
  }));
  const tags = Array.from({ length: 1000 }, (_, index) => ({
    ...TAG,
    tag: parseTag(`v${index}`),
    platforms,
    movements,
  }));
  const bytes = encodeDescription({ ...FULL, tags, tagCount: 1000 });
  expect(bytes.length).toBeLessThanOrEqual(MAX_DESCRIPTION_BYTES);
  const read = decodeDescription(KEY, bytes);
  expect([read.tags.length, read.tags[0]?.tag, read.tagCount]).toEqual([125, 'v0', 1000]);
  expect(maxSizeOf(KEY)).toBe(MAX_DESCRIPTION_BYTES);
});

test('the description with the most values can be read', () => {
  const platforms = Array.from({ length: 32 }, () => ({ platform: 'p', digest: DIGEST, bytes: 1 }));
  const movements = Array.from({ length: 5 }, () => ({ ...MOVEMENT, from: DIGEST, by: 'b' }));
  const storedPlatforms = platforms.map(({ platform }) => platform);
  const tags = Array.from({ length: 1000 }, () => ({ ...TAG, platforms, movements, storedPlatforms }));
  const pins = Array.from({ length: 200 }, () => ({ ...PIN, platforms, storedPlatforms }));
  const bytes = encodeDescription({ ...FULL, tags, pins });
  const values = Buffer.from(bytes).toString().match(/[[{,]/g)?.length ?? 0;
  expect(decodeDescription(KEY, bytes).tags).toHaveLength(1000);
  expect(values).toBeLessThan(maxValuesOf(KEY));
});

test('texts cannot control a terminal, neither in the object nor once it is read', () => {
  const tag = { ...TAG, hold: 'a\u001b[2J', movements: [{ ...MOVEMENT, why: 'b\u202e', by: 'c\n' }] };
  expect(Buffer.from(encodeDescription({ ...FULL, tags: [tag] })).toString()).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  const [read] = decodeDescription(KEY, encoded({ version: 1, ...FULL, tags: [tag] })).tags;
  expect([read?.hold, read?.movements[0]?.why, read?.movements[0]?.by]).toEqual(['a[2J', 'b', 'c']);
});

test.for<[string, object]>([
  ['its version is not', { version: 2 }],
  ['"repository" is not the full name', { repository: 'nginx' }],
  ['"written" is not a time', { written: 0 }],
  ['"tags" is not a list', { tags: null }],
  ['"tags" has more than 1000 items', { tags: Array.from({ length: 1001 }, () => TAG) }],
  ['"tagCount" is not a count', { tagCount: 1.5 }],
  ['"pins[0].digest" is not a digest', { pins: [{ ...PIN, digest: 'x' }] }],
  ['"tags[0].tag" is not a tag', { tags: [{ ...TAG, tag: '<script>' }] }],
  ['"tags[0].bytes" is not a count', { tags: [{ ...TAG, bytes: -1 }] }],
  [
    '"tags[0].platforms[0].platform" is not a text',
    { tags: [{ ...TAG, platforms: [{ digest: DIGEST, bytes: 1 }] }] },
  ],
  ['"tags[0].storedPlatforms[0]" is not a text', { tags: [{ ...TAG, storedPlatforms: [1] }] }],
  ['"tags[0].upstream.digest" is not a digest', { tags: [{ ...TAG, upstream: { firstSeen: TIME } }] }],
  ['"tags[0].hold" is not a text', { tags: [{ ...TAG, hold: 1 }] }],
  [
    '"tags[0].movements[0].to" is not a digest',
    { tags: [{ ...TAG, movements: [{ ...MOVEMENT, to: 'x' }] }] },
  ],
  [
    '"tags[0].movements" has more than',
    { tags: [{ ...TAG, movements: Array.from({ length: 6 }, () => MOVEMENT) }] },
  ],
])('a damaged description is refused: %s', ([sentence, part]) => {
  expect(() => decodeDescription(KEY, encoded({ version: 1, ...FULL, ...part }))).toThrow(sentence);
});

test('property: a description is read, or refused by one error', () => {
  fc.assert(
    fc.property(hostile({ version: 1, ...FULL }), (input) => {
      expect([undefined, 'BucketObjectInvalidError']).toContain(
        nameOfThrown(() => decodeDescription(KEY, bytesOf(input))),
      );
    }),
  );
});
