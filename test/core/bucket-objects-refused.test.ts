/** Somebody who can write to the bucket can write anything, so objects are checked, and an error names the object. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeBlobLink } from '../../core/blob-link.ts';
import { decodeMovement } from '../../core/history.ts';
import { decodeIdentity } from '../../core/identity.ts';
import { decodeReferrers } from '../../core/referrers.ts';
import { decodeCatalog } from '../../core/catalog.ts';
import { decodeRepositoryIndex } from '../../core/repository-index.ts';
import { decodeTagList } from '../../core/tag-list.ts';
import { decodeTag } from '../../core/tag-object.ts';
import { bytesOf, hostile } from './arbitraries.ts';
import { nameOfThrown, thrown } from './thrown.ts';

const KEY = 'the/key';
const A = `sha256:${'a'.repeat(64)}`;
const descriptor = { mediaType: 'a/b', digest: A, size: 2 };
const seen = 'dev.lifeboat.first-seen';
const kind = 'dev.lifeboat.kind';
const TIME = '2026-01-31T23:59:59.123Z';
const moved = { 'dev.lifeboat.moved': TIME, 'dev.lifeboat.run': 'r' };
const movement = { from: null, to: A, at: TIME, run: 'r', why: 'x' };
const identity = { version: 1, id: 'x', audience: 'public' };
const tag = { ...descriptor, annotations: moved, data: 'e30=' };

const OBJECTS = {
  'lifeboat.json': (_key: string, bytes: Uint8Array) => decodeIdentity(bytes),
  _blobs: decodeBlobLink,
  _tags: decodeTag,
  '_tags.json': decodeTagList,
  'catalog.json': decodeCatalog,
  _referrers: decodeReferrers,
  '_index.json': decodeRepositoryIndex,
  _history: decodeMovement,
} as const;
type Name = keyof typeof OBJECTS;
const NAMES = [
  'lifeboat.json',
  '_blobs',
  '_tags',
  '_tags.json',
  'catalog.json',
  '_referrers',
  '_index.json',
  '_history',
] as const;

function entry(annotations: object): object {
  return { manifests: [{ ...descriptor, annotations }] };
}

/** `value` without one of its fields. */
function without(value: object, field: string): object {
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== field));
}

function refusal(name: Name, bytes: Uint8Array): string {
  return thrown(() => OBJECTS[name](KEY, bytes));
}

function sentence(name: Name, reason: string): string {
  const key = name === 'lifeboat.json' ? name : KEY;
  return `BucketObjectInvalidError: The bucket's object ${key} cannot be used: ${reason}`;
}

test.for(NAMES)('%s is refused when it is not a JSON object', (name) => {
  expect(refusal(name, Buffer.from(''))).toBe(sentence(name, 'it is not JSON.'));
  expect(refusal(name, Buffer.from('<Error/>'))).toBe(sentence(name, 'it is not JSON.'));
  expect(refusal(name, Buffer.from([0x7b, 0xff, 0x7d]))).toBe(sentence(name, 'it is not JSON.'));
  expect(refusal(name, Buffer.from('[]'))).toBe(sentence(name, 'it is not a JSON object.'));
  expect(refusal(name, Buffer.from('null'))).toBe(sentence(name, 'it is not a JSON object.'));
});

const NO_TYPE = 'it is not a descriptor: it has no mediaType.';
const NO_SIZE = 'it is not a descriptor: its size is not a number of bytes.';
const NO_MOVEMENT = 'it is not a record of a movement.';
const NO_MOVE = 'it does not say when it moved, and by which run.';
const NO_ID = 'it has no id of 1 to 64 letters, digits, "_" and "-".';
const NO_KIND = `${A} is neither a tag, a pin nor a candidate.`;
const VERSION = (version: string) =>
  `its layout is version ${version}, and this Lifeboat reads version 1. Use the release that wrote it, or an empty bucket.`;

test.for<readonly [Name, object, string]>([
  ['lifeboat.json', { ...identity, version: 2 }, VERSION('2')],
  ['lifeboat.json', { ...identity, version: '1' }, 'it has no layout version.'],
  ['lifeboat.json', {}, 'it has no layout version.'],
  ['lifeboat.json', { ...identity, version: [1] }, 'it has no layout version.'],
  ['lifeboat.json', { version: 1, audience: 'public' }, NO_ID],
  ['lifeboat.json', { ...identity, id: '' }, NO_ID],
  ['lifeboat.json', { ...identity, id: 5 }, NO_ID],
  ['lifeboat.json', { ...identity, id: '\ud800' }, NO_ID],
  ['lifeboat.json', { ...identity, id: 'a+b' }, NO_ID],
  ['lifeboat.json', { ...identity, id: 'x\n' }, NO_ID],
  ['lifeboat.json', { ...identity, id: 'x'.repeat(65) }, NO_ID],
  ['lifeboat.json', { ...identity, audience: 'Public' }, 'its audience is neither "public" nor "token".'],
  ['lifeboat.json', { version: 1, id: 'x' }, 'its audience is neither "public" nor "token".'],

  ['_blobs', {}, NO_TYPE],
  ['_blobs', { ...descriptor, size: -1 }, NO_SIZE],
  [
    '_blobs',
    { ...descriptor, digest: 'x' },
    'it is not a descriptor: its digest is not a sha256 or sha512 digest.',
  ],

  ['_tags', {}, NO_TYPE],
  ['_tags', { ...tag, size: 2.5 }, NO_SIZE],
  ['_tags', without(tag, 'data'), 'it has no data.'],
  ['_tags', { ...tag, data: null }, 'it has no data.'],
  ['_tags', { ...tag, data: '{}' }, 'its data is not base64.'],
  ['_tags', { ...tag, data: '' }, 'its data is not as long as it says.'],
  ['_tags', { ...tag, size: 3 }, 'its data is not as long as it says.'],
  ['_tags', without(tag, 'annotations'), NO_MOVE],
  ['_tags', { ...tag, annotations: { 'dev.lifeboat.moved': TIME } }, NO_MOVE],
  ['_tags', { ...tag, annotations: { 'dev.lifeboat.run': 'r' } }, NO_MOVE],
  ['_tags', { ...tag, annotations: { ...moved, other: 5 } }, NO_MOVE],

  ['_tags.json', {}, 'it has no list of tags.'],
  ['_tags.json', { name: 'x', tags: null }, 'it has no list of tags.'],
  ['_tags.json', { name: 'x', tags: ['ok', '../x'] }, 'it lists an entry that is not a tag.'],
  ['_tags.json', { name: 'x', tags: [5] }, 'it lists an entry that is not a tag.'],

  ['catalog.json', {}, 'it has no list of repositories.'],
  ['catalog.json', { repositories: ['docker.io/library/app', 5] }, 'it lists an entry that is not a name.'],

  ['_referrers', {}, 'it is not an image index.'],
  ['_referrers', { manifests: {} }, 'it is not an image index.'],
  ['_referrers', { manifests: [descriptor, 5] }, 'manifests[1] is not a descriptor: it is not an object.'],

  ['_index.json', {}, 'it is not an image index.'],
  ['_index.json', { manifests: [{}] }, 'manifests[0] is not a descriptor: it has no mediaType.'],
  ['_index.json', { manifests: [descriptor] }, `${A} has no first-seen time.`],
  ['_index.json', entry({ [kind]: 'pin' }), `${A} has no first-seen time.`],
  ['_index.json', entry({ [seen]: 'now', [kind]: 'pin' }), `${A} has no first-seen time.`],
  ['_index.json', entry({ [seen]: TIME }), NO_KIND],
  ['_index.json', entry({ [seen]: TIME, [kind]: 'other', 'dev.lifeboat.tag': 'v1' }), NO_KIND],
  ['_index.json', entry({ [seen]: TIME, [kind]: 'tag', 'dev.lifeboat.tag': 'v1' }), NO_KIND],
  [
    '_index.json',
    entry({ [seen]: TIME, [kind]: 'tag', 'org.opencontainers.image.ref.name': '../x' }),
    NO_KIND,
  ],
  [
    '_index.json',
    entry({ [seen]: TIME, [kind]: 'candidate', 'org.opencontainers.image.ref.name': 'x' }),
    NO_KIND,
  ],

  ['_history', {}, NO_MOVEMENT],
  ['_history', without(movement, 'from'), NO_MOVEMENT],
  ['_history', { ...movement, from: 'x' }, NO_MOVEMENT],
  ['_history', { ...movement, to: null }, NO_MOVEMENT],
  ['_history', { ...movement, to: 'latest' }, NO_MOVEMENT],
  ['_history', { ...movement, at: 5 }, NO_MOVEMENT],
  ['_history', { ...movement, at: 'now' }, NO_MOVEMENT],
  ['_history', without(movement, 'run'), NO_MOVEMENT],
  ['_history', without(movement, 'why'), NO_MOVEMENT],
])('%s with the content %j is refused, and the error tells the reason', ([name, object, reason]) => {
  expect(refusal(name, Buffer.from(JSON.stringify(object)))).toBe(sentence(name, reason));
});

test.for([
  '',
  'now',
  '2026-01-31',
  '2026-01-31T23:59:59Z',
  '2026-01-31T23:59:59.123',
  '2026-01-31T23:59:59.123+00:00',
  '2026-01-31t23:59:59.123z',
  '2026-02-31T23:59:59.123Z',
  '2026-13-01T00:00:00.000Z',
  '+010000-01-01T00:00:00.000Z',
  '2026-01-31T23:59:59.123Z\r\nSet-Cookie: a=b',
])(
  '_tags is refused with the movement time %j, because headers and comparisons need one form of time',
  (time) => {
    const object = { ...tag, annotations: { ...moved, 'dev.lifeboat.moved': time } };
    expect(refusal('_tags', Buffer.from(JSON.stringify(object)))).toBe(sentence('_tags', NO_MOVE));
  },
);

test('_index.json: a check of referrers at an invalid time counts as no check', () => {
  const annotations = { [seen]: TIME, [kind]: 'pin', 'dev.lifeboat.referrers-checked': 'now' };
  const [pin] = decodeRepositoryIndex(KEY, Buffer.from(JSON.stringify(entry(annotations))));
  expect(pin).toEqual({ kind: 'pin', ...descriptor, firstSeen: TIME });
});

test('the error has the key and the cause', () => {
  expect(() => decodeBlobLink(KEY, Buffer.from('x'))).toThrow(
    expect.objectContaining({ key: KEY, cause: expect.objectContaining({ name: 'SyntaxError' }) }),
  );
  expect(() => decodeTag(KEY, Buffer.from('{}'))).toThrow(
    expect.objectContaining({ key: KEY, cause: expect.objectContaining({ name: 'DescriptorInvalidError' }) }),
  );
});

const index = entry({
  [seen]: TIME,
  [kind]: 'tag',
  'org.opencontainers.image.ref.name': 'v1',
  'dev.lifeboat.platforms': 'linux/amd64',
});

test.for<readonly [Name, object]>([
  ['lifeboat.json', identity],
  ['_blobs', descriptor],
  ['_tags', tag],
  ['_tags.json', { name: 'x', tags: ['v1'] }],
  ['_referrers', { manifests: [{ ...descriptor, artifactType: 'c/d', annotations: { a: 'b' } }] }],
  ['_index.json', index],
  ['_history', movement],
])('property: any bytes at %s are decoded, or refused with a BucketObjectInvalidError', ([name, valid]) => {
  expect(nameOfThrown(() => OBJECTS[name](KEY, Buffer.from(JSON.stringify(valid))))).toBe(undefined);
  fc.assert(
    fc.property(hostile(valid), (input) => {
      const error = nameOfThrown(() => OBJECTS[name](KEY, bytesOf(input)));
      expect([undefined, 'BucketObjectInvalidError']).toContain(error);
    }),
    { numRuns: 500 },
  );
});
