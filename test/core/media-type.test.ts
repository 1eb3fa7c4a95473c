import { expect, test } from 'vitest';
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  MANIFEST_ACCEPT,
  MANIFEST_KINDS,
  OCI_ARTIFACT,
  OCI_DESCRIPTOR,
  OCI_INDEX,
  OCI_MANIFEST,
  OCTET_STREAM,
  SCHEMA_1,
  bareMediaType,
  isManifestMediaType,
} from '../../core/media-type.ts';

test('media types are spelt as in their specifications', () => {
  expect(OCI_MANIFEST).toBe('application/vnd.oci.image.manifest.v1+json');
  expect(OCI_INDEX).toBe('application/vnd.oci.image.index.v1+json');
  expect(OCI_DESCRIPTOR).toBe('application/vnd.oci.descriptor.v1+json');
  expect(DOCKER_MANIFEST).toBe('application/vnd.docker.distribution.manifest.v2+json');
  expect(DOCKER_LIST).toBe('application/vnd.docker.distribution.manifest.list.v2+json');
  expect(OCI_ARTIFACT).toBe('application/vnd.oci.artifact.manifest.v1+json');
  expect(OCTET_STREAM).toBe('application/octet-stream');
  expect([...SCHEMA_1]).toEqual([
    'application/vnd.docker.distribution.manifest.v1+json',
    'application/vnd.docker.distribution.manifest.v1+prettyjws',
  ]);
});

test('each media type of a manifest has its kind', () => {
  expect(MANIFEST_KINDS).toEqual({
    'application/vnd.oci.image.manifest.v1+json': 'image',
    'application/vnd.docker.distribution.manifest.v2+json': 'image',
    'application/vnd.oci.artifact.manifest.v1+json': 'artifact',
    'application/vnd.oci.image.index.v1+json': 'index',
    'application/vnd.docker.distribution.manifest.list.v2+json': 'index',
  });
});

test('the Accept header names every kind of manifest, and not schema 1', () => {
  expect(MANIFEST_ACCEPT).toBe(
    'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, ' +
      'application/vnd.docker.distribution.manifest.list.v2+json, ' +
      'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.artifact.manifest.v1+json',
  );
});

test.for<readonly [string, boolean]>([
  ['application/vnd.oci.image.index.v1+json', true],
  ['application/vnd.docker.distribution.manifest.v2+json', true],
  ['application/vnd.docker.distribution.manifest.v1+json', false],
  ['application/vnd.oci.image.config.v1+json', false],
  ['application/json', false],
  ['constructor', false],
  ['__proto__', false],
  ['', false],
])('%j is a manifest: %s', ([mediaType, expected]) => {
  expect(isManifestMediaType(mediaType)).toBe(expected);
});

test.for<readonly [string, string]>([
  ['a/b', 'a/b'],
  ['a/b; charset=utf-8', 'a/b'],
  ['a/b;charset=utf-8;q=1', 'a/b'],
  [' A/B ;', 'a/b'],
  ['', ''],
  [';', ''],
])('without its parameters, %j is %j', ([contentType, bare]) => {
  expect(bareMediaType(contentType)).toBe(bare);
});
