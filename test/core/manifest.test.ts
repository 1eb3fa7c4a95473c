import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_MANIFEST_BYTES, namesManifest, parseManifest } from '../../core/manifest.ts';
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_MANIFEST,
  SPDX,
} from '../support/media-types.ts';
import { bytesOf, hostile } from './arbitraries.ts';
import { nameOfThrown } from './thrown.ts';

const ARTIFACT = 'application/vnd.oci.artifact.manifest.v1+json';
const config = { mediaType: OCI_CONFIG, digest: `sha256:${'c'.repeat(64)}`, size: 3 };
const layer = {
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  digest: `sha512:${'1'.repeat(128)}`,
  size: 10,
};
const child = {
  mediaType: OCI_MANIFEST,
  digest: `sha256:${'2'.repeat(64)}`,
  size: 20,
  platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
};
const nested = { mediaType: OCI_INDEX, digest: `sha256:${'3'.repeat(64)}`, size: 30 };
const subject = { mediaType: OCI_MANIFEST, digest: `sha256:${'4'.repeat(64)}`, size: 40 };

const image = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [layer, layer] };
const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [child, nested] };

function bytes(json: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(json));
}

/** `value` without one of its fields. */
function without(value: object, field: string): object {
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== field));
}

test('an OCI image needs its config and its layers', () => {
  expect(parseManifest(bytes(image), OCI_MANIFEST)).toStrictEqual({
    kind: 'image',
    mediaType: OCI_MANIFEST,
    blobs: [config, layer, layer],
    manifests: [],
    subject: undefined,
    artifactType: OCI_CONFIG,
    annotations: undefined,
  });
});

test('a Docker image needs its config and its layers too, and keeps its media types', () => {
  const dockerConfig = { ...config, mediaType: 'application/vnd.docker.container.image.v1+json' };
  const docker = { ...image, mediaType: DOCKER_MANIFEST, config: dockerConfig };
  expect(parseManifest(bytes(docker), DOCKER_MANIFEST)).toStrictEqual({
    kind: 'image',
    mediaType: DOCKER_MANIFEST,
    blobs: [dockerConfig, layer, layer],
    manifests: [],
    subject: undefined,
    artifactType: 'application/vnd.docker.container.image.v1+json',
    annotations: undefined,
  });
});

test.for([OCI_INDEX, DOCKER_LIST])(
  'an index of type %s needs its children, and a child may be an index',
  (mediaType) => {
    expect(parseManifest(bytes({ ...index, mediaType }), mediaType)).toStrictEqual({
      kind: 'index',
      mediaType,
      blobs: [],
      manifests: [child, nested],
      subject: undefined,
      artifactType: undefined,
      annotations: undefined,
    });
  },
);

test('a referrer names its subject, its type and its annotations', () => {
  const signature = { ...image, artifactType: SPDX, subject, annotations: { created: 'today' } };
  expect(parseManifest(bytes(signature), OCI_MANIFEST)).toMatchObject({
    subject,
    artifactType: SPDX,
    annotations: { created: 'today' },
  });
});

test('an index can have a subject too', () => {
  expect(parseManifest(bytes({ ...index, artifactType: SPDX, subject }), OCI_INDEX)).toMatchObject({
    kind: 'index',
    subject,
    artifactType: SPDX,
  });
});

test('an artifact manifest from before OCI 1.1 needs its blobs, and may have none', () => {
  const artifact = { mediaType: ARTIFACT, artifactType: SPDX, blobs: [layer], subject };
  const expected = {
    kind: 'artifact',
    mediaType: ARTIFACT,
    blobs: [layer],
    manifests: [],
    subject,
    artifactType: SPDX,
    annotations: undefined,
  };
  expect(parseManifest(bytes(artifact), ARTIFACT)).toStrictEqual(expected);
  expect(parseManifest(bytes(without(artifact, 'blobs')))).toStrictEqual({ ...expected, blobs: [] });
  expect(parseManifest(bytes(without(artifact, 'artifactType')))).toStrictEqual({
    ...expected,
    artifactType: undefined,
  });
});

test('only an image without an artifact type has the type of its config instead', () => {
  expect(parseManifest(bytes({ mediaType: ARTIFACT, config })).artifactType).toBe(undefined);
  expect(parseManifest(bytes({ ...index, artifactType: '' })).artifactType).toBe(undefined);
  expect(parseManifest(bytes({ ...image, artifactType: '' })).artifactType).toBe(OCI_CONFIG);
});

test('layers that are stored elsewhere keep their URLs', () => {
  const foreign = { ...layer, urls: ['https://elsewhere.example/layer'] };
  expect(parseManifest(bytes({ ...image, layers: [foreign] })).blobs).toStrictEqual([config, foreign]);
});

test('an index needs no blobs, whatever else it lists', () => {
  expect(parseManifest(bytes({ ...index, blobs: [layer] })).blobs).toStrictEqual([]);
});

test('an index may have no children, and an image may have no layers', () => {
  expect(parseManifest(bytes({ ...index, manifests: [] })).manifests).toStrictEqual([]);
  expect(parseManifest(bytes({ ...image, layers: [] })).blobs).toStrictEqual([config]);
});

test('null, which Go programs write, means an empty list or no subject', () => {
  expect(parseManifest(bytes({ ...index, manifests: null })).manifests).toStrictEqual([]);
  expect(parseManifest(bytes({ ...image, layers: null })).blobs).toStrictEqual([config]);
  expect(parseManifest(bytes({ ...image, subject: null })).subject).toBe(undefined);
  expect(parseManifest(bytes({ mediaType: ARTIFACT, blobs: null })).blobs).toStrictEqual([]);
});

test('a list that is left out is empty, as for Go programs', () => {
  expect(parseManifest(bytes(without(image, 'layers'))).blobs).toStrictEqual([config]);
  expect(parseManifest(bytes({ schemaVersion: 2 }), OCI_INDEX).manifests).toStrictEqual([]);
  expect(parseManifest(bytes(without(without(image, 'mediaType'), 'layers'))).blobs).toStrictEqual([config]);
});

test.for<readonly [string, object, string | undefined, string, string]>([
  ['from the index, if the source states none', image, undefined, DOCKER_MANIFEST, DOCKER_MANIFEST],
  [
    'from the index, if the source states a storage’s default',
    image,
    'binary/octet-stream',
    DOCKER_MANIFEST,
    DOCKER_MANIFEST,
  ],
  ['from the index, if the source states an unknown type', image, 'text/html', OCI_MANIFEST, OCI_MANIFEST],
  ['from the source, whatever the index states', image, OCI_MANIFEST, DOCKER_MANIFEST, OCI_MANIFEST],
  [
    'from its fields, if the index states the type of a layer',
    image,
    'binary/octet-stream',
    'a/b',
    OCI_MANIFEST,
  ],
])(
  'the type of a child without a type of its own is read %s',
  ([, json, contentType, listedAs, mediaType]) => {
    const untyped = bytes(without(json, 'mediaType'));
    expect(parseManifest(untyped, contentType, listedAs).mediaType).toBe(mediaType);
  },
);

test('a child’s own type comes before the type that an index states', () => {
  expect(parseManifest(bytes(image), 'binary/octet-stream', DOCKER_MANIFEST).mediaType).toBe(OCI_MANIFEST);
});

test.for<readonly [string, object, string | undefined, string]>([
  ['by its own mediaType', image, undefined, OCI_MANIFEST],
  ['by its own mediaType, if the source states none', index, 'application/json', OCI_INDEX],
  ['by its own mediaType, if the source states an unknown type', image, 'text/html', OCI_MANIFEST],
  ['by the source’s Content-Type', without(image, 'mediaType'), DOCKER_MANIFEST, DOCKER_MANIFEST],
  ['by the source’s Content-Type with a parameter', image, `${OCI_MANIFEST}; charset=utf-8`, OCI_MANIFEST],
  ['by the source’s Content-Type in capitals', index, OCI_INDEX.toUpperCase(), OCI_INDEX],
  ['by its fields', without(image, 'mediaType'), undefined, OCI_MANIFEST],
  ['by its fields', without(index, 'mediaType'), undefined, OCI_INDEX],
  ['by its fields', { ...without(index, 'mediaType'), mediaType: '' }, '', OCI_INDEX],
  ['by its fields', without(image, 'mediaType'), 'application/octet-stream', OCI_MANIFEST],
  ['by its fields', without(image, 'mediaType'), 'binary/octet-stream', OCI_MANIFEST],
  ['by its fields', without(index, 'mediaType'), 'text/plain; charset=utf-8', OCI_INDEX],
  ['by its fields', without(index, 'mediaType'), 'application/json', OCI_INDEX],
])('the media type of a manifest is decided %s', ([, json, contentType, mediaType]) => {
  expect(parseManifest(bytes(json), contentType).mediaType).toBe(mediaType);
});

test('a manifest may have 4 MiB, white space included', () => {
  expect(MAX_MANIFEST_BYTES).toBe(4_194_304);
  const text = JSON.stringify(image);
  const largest = Buffer.from(text + ' '.repeat(4_194_304 - text.length));
  expect(parseManifest(largest, OCI_MANIFEST).kind).toBe('image');
});

test.for<readonly [string, boolean]>([
  [OCI_MANIFEST, true],
  [OCI_INDEX, true],
  [DOCKER_LIST, true],
  [DOCKER_MANIFEST, true],
  [ARTIFACT, true],
  // It is copied as a manifest, so that the refusal names the type and not a missing field.
  ['application/vnd.docker.distribution.manifest.v1+prettyjws', true],
  ['application/vnd.oci.image.layer.v1.tar+gzip', false],
  ['application/vnd.buildkit.cacheconfig.v0', false],
])('a child of type %s is a manifest: %s', ([mediaType, expected]) => {
  expect(namesManifest({ ...nested, mediaType, digest: parsedDigest() })).toBe(expected);
});

function parsedDigest() {
  const [first] = parseManifest(bytes(index)).manifests;
  if (first === undefined) throw new Error('The index lost its children.');
  return first.digest;
}

test('property: any bytes under any type are parsed, or refused with a ManifestInvalidError', () => {
  const contentTypes = fc.option(fc.constantFrom(OCI_MANIFEST, OCI_INDEX, DOCKER_LIST, ARTIFACT, 'a/b'), {
    nil: undefined,
  });
  const full = { ...image, artifactType: SPDX, subject, annotations: { a: 'b' } };
  fc.assert(
    fc.property(fc.oneof(hostile(full), hostile(index)), contentTypes, (input, contentType) => {
      const name = nameOfThrown(() => parseManifest(bytesOf(input), contentType));
      expect([undefined, 'ManifestInvalidError']).toContain(name);
    }),
    { numRuns: 1000 },
  );
});

test('property: a manifest that is written from its parsed fields has the same parsed fields', () => {
  fc.assert(
    fc.property(hostile({ ...image, subject, annotations: { a: 'b' } }), (input) => {
      fc.pre(nameOfThrown(() => parseManifest(bytesOf(input))) === undefined);
      const { mediaType, blobs, manifests, ...rest } = parseManifest(bytesOf(input));
      const [first, ...layers] = blobs;
      const written =
        first === undefined
          ? { mediaType, manifests, ...rest }
          : { mediaType, config: first, layers, ...rest };
      expect(parseManifest(bytes(written))).toEqual(parseManifest(bytesOf(input)));
    }),
  );
});
