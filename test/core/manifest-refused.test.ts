import { expect, test } from 'vitest';
import { parseManifest } from '../../core/manifest.ts';
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  DOCKER_SCHEMA1,
  OCI_INDEX,
  OCI_MANIFEST,
} from '../support/media-types.ts';
import { thrown } from './thrown.ts';

const A = `sha256:${'a'.repeat(64)}`;
const CONFIG = `"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"${A}","size":3}`;
const LAYER = `{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"${A}","size":10}`;
const IMAGE = `"schemaVersion":2,${CONFIG},"layers":[${LAYER}]`;
const CHILDREN = `"manifests":[{"mediaType":"${OCI_MANIFEST}","digest":"${A}","size":20}]`;

const SCHEMA_1 =
  'It is a Docker image manifest, schema version 1, which current clients no longer pull. Rebuild or re-push the image with a current tool.';
const BOTH = 'It claims to be an index and an image at once, which is ambiguous.';
const INDEX_OF_LAYERS = 'It was sent as an index, but has the config or the layers of an image.';
const NEITHER = 'It is neither an image manifest nor an index.';
const TOO_MANY = 'The manifest has more than 250000 values, which is the most that Lifeboat reads.';
const NOT_JSON = 'The manifest is not JSON.';
const NO_OBJECT = 'The manifest is not a JSON object.';

/** An image with one layer of another size. */
function sized(size: string): string {
  return `{"schemaVersion":2,${CONFIG},"layers":[${LAYER},{"mediaType":"a/b","digest":"${A}","size":${size}}]}`;
}
const SIZE = "The manifest's layers[1] is not a descriptor: its size is not a number of bytes.";

test.for<readonly [string, string | undefined, string, string]>([
  ['nothing', OCI_MANIFEST, '', NOT_JSON],
  ['a page of HTML', OCI_MANIFEST, '<html></html>', NOT_JSON],
  [
    'an HTML page that is sent as HTML',
    'Text/HTML; charset=utf-8',
    '<html></html>',
    `${NOT_JSON} It was sent as "text/html".`,
  ],
  ['half a manifest without a type', undefined, `{${IMAGE}`, NOT_JSON],
  ['half a manifest', OCI_MANIFEST, `{${IMAGE}`, NOT_JSON],
  ['a list', OCI_MANIFEST, '[]', NO_OBJECT],
  ['null', OCI_MANIFEST, 'null', NO_OBJECT],
  ['a text', OCI_MANIFEST, '"manifest"', NO_OBJECT],

  ['schema 1 by its number', undefined, '{"schemaVersion":1,"fsLayers":[]}', SCHEMA_1],
  ['schema 1 by the source’s word', DOCKER_SCHEMA1, `{${IMAGE}}`, SCHEMA_1],
  ['schema 1 with a parameter', `${DOCKER_SCHEMA1};q=1`, '{}', SCHEMA_1],
  ['schema 1 by its own word', undefined, `{${IMAGE},"mediaType":"${DOCKER_SCHEMA1}"}`, SCHEMA_1],
  [
    'unsigned schema 1',
    'application/vnd.docker.distribution.manifest.v1+json',
    '{"schemaVersion":1}',
    SCHEMA_1,
  ],
  ['schema 1 sent as an image', OCI_MANIFEST, `{"schemaVersion":1,${CONFIG},"layers":[]}`, SCHEMA_1],

  ['both at once, untyped', undefined, `{${IMAGE},${CHILDREN}}`, BOTH],
  ['both at once, as an image', OCI_MANIFEST, `{${IMAGE},${CHILDREN}}`, BOTH],
  ['both at once, as an index', OCI_INDEX, `{${IMAGE},${CHILDREN}}`, BOTH],
  ['an index with a config', OCI_INDEX, `{"schemaVersion":2,${CONFIG},${CHILDREN}}`, BOTH],
  ['an index with layers', DOCKER_LIST, `{"schemaVersion":2,"layers":[],${CHILDREN}}`, BOTH],
  ['an image with an empty list of manifests', DOCKER_MANIFEST, `{${IMAGE},"manifests":[]}`, BOTH],
  [
    'an image with null for manifests, which containerd reads as an index',
    OCI_MANIFEST,
    `{${IMAGE},"manifests":null}`,
    BOTH,
  ],

  [
    'an image that calls itself an index',
    OCI_MANIFEST,
    `{${IMAGE},"mediaType":"${OCI_INDEX}"}`,
    `It was sent as ${OCI_MANIFEST} but calls itself "${OCI_INDEX}".`,
  ],
  [
    'OCI that calls itself Docker',
    OCI_MANIFEST,
    `{${IMAGE},"mediaType":"${DOCKER_MANIFEST}"}`,
    `It was sent as ${OCI_MANIFEST} but calls itself "${DOCKER_MANIFEST}".`,
  ],
  [
    'a known type that calls itself an unknown one',
    OCI_MANIFEST,
    `{${IMAGE},"mediaType":"${'x'.repeat(300)}"}`,
    `It was sent as ${OCI_MANIFEST} but calls itself "${'x'.repeat(200)}".`,
  ],
  [
    'an unknown type in the manifest itself',
    undefined,
    `{${IMAGE},"mediaType":"application/vnd.example+json"}`,
    'Its media type "application/vnd.example+json" is not a known manifest.',
  ],
  [
    'an unknown type as Content-Type',
    'application/vnd.example+json; v=1',
    `{${IMAGE}}`,
    'It was sent as "application/vnd.example+json", which is not a known manifest.',
  ],
  [
    'a long unknown type as Content-Type',
    'x'.repeat(300),
    `{${IMAGE}}`,
    `It was sent as "${'x'.repeat(200)}", which is not a known manifest.`,
  ],
  [
    'JSON that is sent as HTML',
    'text/html; charset=utf-8',
    `{${IMAGE}}`,
    'It was sent as "text/html", which is not a known manifest.',
  ],
  ['an object without anything', undefined, '{}', NEITHER],
  ['an error’s body', 'application/json', '{"errors":[{"code":"UNAUTHORIZED"}]}', NEITHER],
  ['an image without its version, untyped', undefined, `{${CONFIG},"layers":[]}`, NEITHER],
  ['a version as text', undefined, `{"schemaVersion":"2",${CONFIG},"layers":[]}`, NEITHER],
  ['an index without its version, untyped', undefined, `{${CHILDREN}}`, NEITHER],
  ['manifests that are no list, untyped', undefined, '{"schemaVersion":2,"manifests":{}}', NEITHER],

  [
    'an image without a config',
    OCI_MANIFEST,
    '{"schemaVersion":2,"layers":[]}',
    "The manifest's config is not a descriptor: it is not an object.",
  ],
  [
    'an image without layers and without a version',
    OCI_MANIFEST,
    `{${CONFIG}}`,
    "The manifest's layers are not a list of descriptors.",
  ],
  [
    'layers that are not a list',
    OCI_MANIFEST,
    `{"schemaVersion":2,${CONFIG},"layers":{}}`,
    "The manifest's layers are not a list of descriptors.",
  ],
  [
    'the body of an error that is sent as an index',
    OCI_INDEX,
    '{"errors":[{"code":"UNAUTHORIZED"}]}',
    "The manifest's manifests are not a list of descriptors.",
  ],
  ['an image that is sent as an index', OCI_INDEX, `{${IMAGE}}`, INDEX_OF_LAYERS],
  ['a config that is sent as an index', DOCKER_LIST, `{"schemaVersion":2,${CONFIG}}`, INDEX_OF_LAYERS],
  ['layers that are sent as an index', DOCKER_LIST, `{"schemaVersion":2,"layers":null}`, INDEX_OF_LAYERS],
  [
    'a child without a type',
    OCI_INDEX,
    `{"schemaVersion":2,"manifests":[{"digest":"${A}","size":1}]}`,
    "The manifest's manifests[0] is not a descriptor: it has no mediaType.",
  ],
  [
    'a child that is named by a tag',
    OCI_INDEX,
    '{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":"latest","size":1}]}',
    "The manifest's manifests[0] is not a descriptor: its digest is not a sha256 or sha512 digest.",
  ],
  [
    'a subject that is not a descriptor',
    OCI_MANIFEST,
    `{${IMAGE},"subject":"${A}"}`,
    "The manifest's subject is not a descriptor: it is not an object.",
  ],
  [
    'blobs that are not a list',
    'application/vnd.oci.artifact.manifest.v1+json',
    '{"blobs":5}',
    "The manifest's blobs are not a list of descriptors.",
  ],

  ['a negative size', OCI_MANIFEST, sized('-1'), SIZE],
  ['a huge size', OCI_MANIFEST, sized('9007199254740992'), SIZE],
  ['an endless size', OCI_MANIFEST, sized('1e999'), SIZE],
  ['a fractional size', OCI_MANIFEST, sized('1.5'), SIZE],
  ['a size as text', OCI_MANIFEST, sized('"1"'), SIZE],
  ['no size', OCI_MANIFEST, sized('null'), SIZE],
])('%s is refused', ([, contentType, text, message]) => {
  expect(thrown(() => parseManifest(Buffer.from(text), contentType))).toBe(
    `ManifestInvalidError: ${message}`,
  );
});

test('a manifest of 4 MiB and one byte is refused before it is parsed', () => {
  expect(thrown(() => parseManifest(new Uint8Array(4_194_305), OCI_MANIFEST))).toBe(
    'ManifestInvalidError: The manifest has 4194305 bytes; clients refuse more than 4 MiB (4194304).',
  );
});

test('a manifest with bytes that are not UTF-8 is refused, even if they are in a field that is not used', () => {
  const [before = '', after = ''] = `{${IMAGE},"annotations":{"a":"|"}}`.split('|');
  const latin1 = Buffer.concat([Buffer.from(before), Buffer.from([0xe9]), Buffer.from(after)]);
  expect(thrown(() => parseManifest(latin1, OCI_MANIFEST))).toBe(`ManifestInvalidError: ${NOT_JSON}`);
});

test('4 MiB of opening brackets are refused for their number', () => {
  const open = Buffer.from('['.repeat(4_194_304));
  expect(thrown(() => parseManifest(open, OCI_MANIFEST))).toBe(`ManifestInvalidError: ${TOO_MANY}`);
});

test('a manifest of more than 250,000 values is refused', () => {
  const bytes = new TextEncoder().encode(`{"schemaVersion":2,"x":[${'{},'.repeat(125_000)}0]}`);
  expect(thrown(() => parseManifest(bytes))).toBe(`ManifestInvalidError: ${TOO_MANY}`);
});
