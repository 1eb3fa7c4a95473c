import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatPlatform, parseDescriptor } from '../../core/descriptor.ts';
import { annotations, digests, sizes } from './arbitraries.ts';
import { nameOfThrown, thrown } from './thrown.ts';

const A = `sha256:${'a'.repeat(64)}`;
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const layer = { mediaType: LAYER, digest: A, size: 5 };

test('a descriptor is read with all fields that Lifeboat uses', () => {
  const full = {
    mediaType: LAYER,
    digest: A,
    size: 5,
    artifactType: 'application/spdx+json',
    annotations: { 'org.opencontainers.image.title': 'x', '': '' },
    platform: { os: 'windows', architecture: 'amd64', variant: 'v8', 'os.version': '10.0.1' },
    urls: ['https://elsewhere.example/layer'],
    data: 'aGVsbG8=',
  };
  expect(parseDescriptor(full, 'it')).toStrictEqual(full);
});

test('optional fields that are invalid are left out, and so are unknown fields', () => {
  const odd = {
    ...layer,
    artifactType: '',
    annotations: { a: 1 },
    platform: { os: 'linux' },
    urls: [],
    data: 5,
    unknown: true,
  };
  expect(parseDescriptor(odd, 'it')).toStrictEqual(layer);
  expect(
    parseDescriptor({ ...layer, artifactType: null, annotations: null, platform: null, urls: null }, 'it'),
  ).toStrictEqual(layer);
  expect(parseDescriptor({ ...layer, annotations: ['a'], platform: [], urls: [1] }, 'it')).toStrictEqual(
    layer,
  );
  expect(parseDescriptor({ ...layer, urls: ['https://elsewhere.example/layer', 1] }, 'it')).toStrictEqual(
    layer,
  );
});

test.for<readonly [object]>([
  [{ os: 'linux', architecture: 1 }],
  [{ os: 'linux', architecture: 'arm', variant: 7 }],
  [{ os: 'windows', architecture: 'amd64', 'os.version': 10 }],
])('a platform such as %j is left out', ([platform]) => {
  expect(parseDescriptor({ ...layer, platform }, 'it')).toStrictEqual(layer);
});

const NO_OBJECT = 'it is not an object.';
const NO_TYPE = 'it has no mediaType.';
const NO_DIGEST = 'its digest is not a sha256 or sha512 digest.';
const NO_SIZE = 'its size is not a number of bytes.';

test.for<readonly [string, string]>([
  ['null', NO_OBJECT],
  ['[]', NO_OBJECT],
  ['"sha256:"', NO_OBJECT],
  ['{}', NO_TYPE],
  [`{"digest":"${A}","size":5}`, NO_TYPE],
  [`{"mediaType":"","digest":"${A}","size":5}`, NO_TYPE],
  [`{"mediaType":5,"digest":"${A}","size":5}`, NO_TYPE],
  [`{"mediaType":"a/b","size":5}`, NO_DIGEST],
  [`{"mediaType":"a/b","digest":"${A}0","size":5}`, NO_DIGEST],
  [`{"mediaType":"a/b","digest":"${A.toUpperCase()}","size":5}`, NO_DIGEST],
  [`{"mediaType":"a/b","digest":["${A}"],"size":5}`, NO_DIGEST],
  [`{"mediaType":"a/b","digest":"${A}"}`, NO_SIZE],
  [`{"mediaType":"a/b","digest":"${A}","size":"5"}`, NO_SIZE],
  [`{"mediaType":"a/b","digest":"${A}","size":null}`, NO_SIZE],
  [`{"mediaType":"a/b","digest":"${A}","size":-1}`, NO_SIZE],
  [`{"mediaType":"a/b","digest":"${A}","size":0.5}`, NO_SIZE],
  [`{"mediaType":"a/b","digest":"${A}","size":9007199254740992}`, NO_SIZE],
  [`{"mediaType":"a/b","digest":"${A}","size":1e400}`, NO_SIZE],
])('%s is refused: %s', ([json, reason]) => {
  expect(thrown(() => parseDescriptor(JSON.parse(json), 'layers[3]'))).toBe(
    `DescriptorInvalidError: layers[3] is not a descriptor: ${reason}`,
  );
});

test.for([0, 1, 9_007_199_254_740_991])('a size of %d is valid', (size) => {
  expect(parseDescriptor({ ...layer, size }, 'it').size).toBe(size);
});

test.for<readonly [string, string | undefined, string]>([
  ['amd64', undefined, 'linux/amd64'],
  ['arm', 'v7', 'linux/arm/v7'],
  ['arm64', '', 'linux/arm64'],
])('the platform linux/%s with variant %s is written as %s', ([architecture, variant, written]) => {
  expect(formatPlatform({ os: 'linux', architecture, ...(variant !== undefined && { variant }) })).toBe(
    written,
  );
});

test('the version of an operating system is written after its name, in parentheses', () => {
  const windows = { os: 'windows', architecture: 'amd64' };
  expect(formatPlatform({ ...windows, 'os.version': '10.0.20348.2582' })).toBe(
    'windows(10.0.20348.2582)/amd64',
  );
  expect(formatPlatform({ ...windows, 'os.version': '' })).toBe('windows/amd64');
});

const optional = { nil: undefined };
const descriptors = fc.record({
  mediaType: fc.string({ minLength: 1 }),
  digest: digests,
  size: sizes,
  artifactType: fc.option(fc.string({ minLength: 1 }), optional),
  annotations: fc.option(annotations, optional),
  urls: fc.option(fc.array(fc.webUrl(), { minLength: 1 }), optional),
  data: fc.option(fc.base64String(), optional),
});

test('property: a descriptor is read as it was written', () => {
  fc.assert(
    fc.property(descriptors, (descriptor) => {
      const written: unknown = JSON.parse(JSON.stringify(descriptor));
      expect(parseDescriptor(written, 'it')).toEqual(descriptor);
    }),
  );
});

test('property: any JSON is a descriptor or a DescriptorInvalidError', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect([undefined, 'DescriptorInvalidError']).toContain(
        nameOfThrown(() => parseDescriptor(value, 'it')),
      );
    }),
  );
});
