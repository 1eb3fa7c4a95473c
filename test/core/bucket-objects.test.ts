/**
 * The objects of the bucket, byte for byte. Other programs read them, and old objects stay for ever. So a change of a test
 * here means a new version of the layout.
 */
import { decodeCatalog, encodeCatalog } from '../../core/catalog.ts';
import { expect, test } from 'vitest';
import { encodeBlobLink, decodeBlobLink } from '../../core/blob-link.ts';
import { parseDigest } from '../../core/digest.ts';
import { decodeMovement, encodeMovement } from '../../core/history.ts';
import { decodeIdentity, encodeIdentity } from '../../core/identity.ts';
import { parseManifest } from '../../core/manifest.ts';
import { parseRepository, parseTag } from '../../core/reference.ts';
import { decodeReferrers, encodeReferrers, referrerDescriptor } from '../../core/referrers.ts';
import {
  decodeRepositoryIndex,
  readRepositoryIndex,
  encodeRepositoryIndex,
  type IndexEntry,
  type SightingOrder,
} from '../../core/repository-index.ts';
import { decodeTagList, encodeTagList } from '../../core/tag-list.ts';
import { decodeTag, encodeTag, type TagObject } from '../../core/tag-object.ts';

const KEY = 'the/key';
const A = 'sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
const B = 'sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb';
const C = `sha512:${'c'.repeat(128)}`;
const a = parseDigest(A);
const b = parseDigest(B);
const c = parseDigest(C);
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const MOVED = '2026-01-31T23:59:59.123Z';
const RUN = '20260131T235958.000Z-1a2b3c';

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

test('lifeboat.json has a version, an id and an audience', () => {
  const identity = { version: 1, id: '6f1c', audience: 'public' } as const;
  const object = '{"version":1,"id":"6f1c","audience":"public"}';
  expect(text(encodeIdentity(identity))).toBe(object);
  expect(decodeIdentity(Buffer.from(object))).toStrictEqual(identity);
});

test('lifeboat.json has the same bytes whatever the order of its fields, and has no other field', () => {
  const identity = { secret: 'x', audience: 'token', id: '6f1c', version: 1 } as const;
  expect(text(encodeIdentity(identity))).toBe('{"version":1,"id":"6f1c","audience":"token"}');
});

test('_blobs/<alg>/<hex> is a descriptor of type octet-stream, whatever type an image gives the blob', () => {
  const object = `{"mediaType":"application/octet-stream","digest":"${C}","size":5368709121}`;
  const link = { digest: c, size: 5_368_709_121 };
  const layer = { ...link, mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', urls: ['https://x'] };
  expect(text(encodeBlobLink(layer))).toBe(object);
  expect(decodeBlobLink(KEY, Buffer.from(object))).toStrictEqual(link);
});

test('_tags/<tag> is a descriptor with the manifest in it', () => {
  const tag: TagObject = {
    mediaType: MANIFEST,
    digest: a,
    bytes: new Uint8Array(Buffer.from('{"schemaVersion":2}')),
    moved: MOVED,
    run: RUN,
  };
  const object =
    `{"mediaType":"${MANIFEST}","digest":"${A}","size":19,` +
    `"annotations":{"dev.lifeboat.moved":"${MOVED}","dev.lifeboat.run":"${RUN}"},` +
    '"data":"eyJzY2hlbWFWZXJzaW9uIjoyfQ=="}';
  expect(text(encodeTag(tag))).toBe(object);
  expect(decodeTag(KEY, Buffer.from(object))).toEqual(tag);
});

test('_tags/<tag> says that the tag is held, and which platforms are stored', () => {
  const tag: TagObject = {
    mediaType: INDEX,
    digest: c,
    bytes: new Uint8Array(Buffer.from('{}')),
    moved: MOVED,
    run: RUN,
    hold: 'upstream went back',
    platforms: ['linux/amd64', 'linux/arm/v7'],
  };
  const object =
    `{"mediaType":"${INDEX}","digest":"${C}","size":2,` +
    `"annotations":{"dev.lifeboat.moved":"${MOVED}","dev.lifeboat.run":"${RUN}",` +
    '"dev.lifeboat.hold":"upstream went back","dev.lifeboat.platforms":"linux/amd64,linux/arm/v7"},' +
    '"data":"e30="}';
  expect(text(encodeTag(tag))).toBe(object);
  expect(decodeTag(KEY, Buffer.from(object))).toStrictEqual(tag);
});

test('_tags.json is the answer of the specification’s tag list', () => {
  const signature = `sha256-${'a'.repeat(64)}`;
  const tags = ['v2', 'latest', '_x', 'V1', '10', '9', 'v2', 'a-b', 'a.b', signature, `${signature}.sig`];
  const object =
    '{"name":"docker.io/library/nginx","tags":["10","9","V1","_x","a-b","a.b","latest",' +
    `"${signature}","${signature}.sig","v2"]}`;
  expect(text(encodeTagList(parseRepository('nginx'), tags.map(parseTag)))).toBe(object);
  expect(decodeTagList(KEY, Buffer.from(object))).toStrictEqual([
    '10',
    '9',
    'V1',
    '_x',
    'a-b',
    'a.b',
    'latest',
    signature,
    `${signature}.sig`,
    'v2',
  ]);
});

test('catalog.json has full names, sorted, each once', () => {
  const object = '{"repositories":["docker.io/library/app","quay.io/a/b"]}';
  expect(text(encodeCatalog(['quay.io/a/b', 'docker.io/library/app', 'quay.io/a/b']))).toBe(object);
  expect(decodeCatalog(KEY, Buffer.from(object))).toEqual(['docker.io/library/app', 'quay.io/a/b']);
});

test('_tags.json without tags has an empty list', () => {
  const object = '{"name":"quay.io/coreos/etcd","tags":[]}';
  expect(text(encodeTagList(parseRepository('quay.io/coreos/etcd'), []))).toBe(object);
  expect(decodeTagList(KEY, Buffer.from(object))).toStrictEqual([]);
});

test('_referrers/<alg>/<hex> is a sorted index of the referrers of a manifest', () => {
  const config = `{"mediaType":"application/vnd.example.config+json","digest":"${A}","size":2}`;
  const image = parseManifest(
    Buffer.from(
      `{"schemaVersion":2,"mediaType":"${MANIFEST}","config":${config},"layers":[],"annotations":{"a":"b"}}`,
    ),
  );
  const index = parseManifest(Buffer.from(`{"schemaVersion":2,"mediaType":"${INDEX}","manifests":[]}`));
  const object =
    `{"schemaVersion":2,"mediaType":"${INDEX}","manifests":[` +
    `{"mediaType":"${MANIFEST}","digest":"${A}","size":10,"artifactType":"application/vnd.example.config+json","annotations":{"a":"b"}},` +
    `{"mediaType":"${INDEX}","digest":"${B}","size":20}]}`;
  const referrers = [referrerDescriptor(index, b, 20), referrerDescriptor(image, a, 10)];
  expect(text(encodeReferrers(referrers))).toBe(object);
  expect(text(encodeReferrers(referrers.toReversed()))).toBe(object);
  expect(decodeReferrers(KEY, Buffer.from(object))).toStrictEqual(referrers.toReversed());
});

test('an empty list of platforms is read as empty, and not as one platform without a name', () => {
  const about = { mediaType: INDEX, digest: c, platforms: [] };
  const tag: TagObject = {
    ...about,
    bytes: new Uint8Array(Buffer.from('{}')),
    moved: MOVED,
    run: RUN,
  };
  expect(decodeTag(KEY, encodeTag(tag)).platforms).toEqual([]);
  const entries: IndexEntry[] = [{ kind: 'pin', ...about, size: 2, firstSeen: MOVED }];
  expect(decodeRepositoryIndex(KEY, encodeRepositoryIndex(entries))).toEqual(entries);
});

test('_referrers/<alg>/<hex> without referrers is the empty index that the specification answers', () => {
  expect(text(encodeReferrers([]))).toBe(`{"schemaVersion":2,"mediaType":"${INDEX}","manifests":[]}`);
});

test('_index.json is a sorted index of tags, pins and candidates', () => {
  const tag = parseTag('stable');
  const entries: IndexEntry[] = [
    {
      kind: 'tag',
      tag,
      mediaType: INDEX,
      digest: a,
      size: 10,
      firstSeen: MOVED,
      gone: MOVED,
      platforms: ['linux/amd64'],
    },
    { kind: 'pin', mediaType: MANIFEST, digest: c, size: 20, firstSeen: MOVED },
    {
      kind: 'candidate',
      tag,
      mediaType: INDEX,
      digest: b,
      size: 30,
      firstSeen: MOVED,
      returned: MOVED,
      referrersChecked: MOVED,
    },
  ];
  const object =
    `{"schemaVersion":2,"mediaType":"${INDEX}","manifests":[` +
    `{"mediaType":"${INDEX}","digest":"${B}","size":30,"annotations":{"dev.lifeboat.tag":"stable",` +
    `"dev.lifeboat.kind":"candidate","dev.lifeboat.first-seen":"${MOVED}","dev.lifeboat.returned":"${MOVED}",` +
    `"dev.lifeboat.referrers-checked":"${MOVED}"}},` +
    `{"mediaType":"${MANIFEST}","digest":"${C}","size":20,"annotations":{` +
    `"dev.lifeboat.kind":"pin","dev.lifeboat.first-seen":"${MOVED}"}},` +
    `{"mediaType":"${INDEX}","digest":"${A}","size":10,"annotations":{"org.opencontainers.image.ref.name":"stable",` +
    `"dev.lifeboat.kind":"tag","dev.lifeboat.first-seen":"${MOVED}","dev.lifeboat.gone":"${MOVED}",` +
    `"dev.lifeboat.platforms":"linux/amd64"}}]}`;
  expect(text(encodeRepositoryIndex(entries))).toBe(object);
  expect(text(encodeRepositoryIndex(entries.toReversed()))).toBe(object);
  expect(decodeRepositoryIndex(KEY, Buffer.from(object))).toEqual([entries[2], entries[1], entries[0]]);
});

test.each<[annotation: string | undefined, sightings: SightingOrder | undefined]>([
  ['1767225600000', { first: 1_767_225_600_000, last: 1_767_225_600_000 }],
  ['1767225600000,1767225600001', { first: 1_767_225_600_000, last: 1_767_225_600_001 }],
  // An index of an earlier version has no order, and the times give it.
  [undefined, undefined],
  ['', undefined],
  ['2,1', undefined],
  ['1,2,3', undefined],
  ['-1', undefined],
  ['1e3', undefined],
  ['1234567890123456', undefined],
])('the order of sightings %s is read as %o', (annotation, sightings) => {
  const about = { mediaType: INDEX, digest: b, size: 30, firstSeen: MOVED };
  const candidate: IndexEntry = { kind: 'candidate', tag: parseTag('stable'), ...about };
  const noted = annotation === undefined ? '' : `,"dev.lifeboat.sightings":"${annotation}"`;
  const object =
    `{"schemaVersion":2,"mediaType":"${INDEX}","manifests":[` +
    `{"mediaType":"${INDEX}","digest":"${B}","size":30,"annotations":{"dev.lifeboat.tag":"stable",` +
    `"dev.lifeboat.kind":"candidate","dev.lifeboat.first-seen":"${MOVED}"${noted}}}]}`;
  expect(decodeRepositoryIndex(KEY, Buffer.from(object))).toEqual([{ ...candidate, sightings }]);
  // An order that cannot be read is not written again.
  const written = sightings === undefined ? object.replace(noted, '') : object;
  expect(text(encodeRepositoryIndex([{ ...candidate, sightings }]))).toBe(written);
});

test('_index.json says whether _tags.json has every tag', () => {
  const empty = `{"schemaVersion":2,"mediaType":"${INDEX}","manifests":[]`;
  const whole = `${empty},"annotations":{"dev.lifeboat.tag-list":"every"}}`;
  expect(text(encodeRepositoryIndex([], { listsEveryTag: true }))).toBe(whole);
  expect(text(encodeRepositoryIndex([], { listsEveryTag: false }))).toBe(`${empty}}`);
  expect(readRepositoryIndex(KEY, Buffer.from(whole))).toEqual({
    entries: [],
    listsEveryTag: true,
    describedFor: [],
    mayLackPins: false,
  });
  for (const annotations of [
    '',
    ',"annotations":{}',
    ',"annotations":{"dev.lifeboat.tag-list":"some"}',
    ',"annotations":[]',
  ]) {
    const read = readRepositoryIndex(KEY, Buffer.from(`${empty}${annotations}}`));
    expect(read).toEqual({ entries: [], listsEveryTag: false, describedFor: [], mayLackPins: false });
  }
});

test('_index.json says whether it was lost, so that it may lack pins', () => {
  const marked = `{"schemaVersion":2,"mediaType":"${INDEX}","manifests":[],"annotations":{"dev.lifeboat.may-lack":"pins"}}`;
  expect(text(encodeRepositoryIndex([], { mayLackPins: true }))).toBe(marked);
  expect(readRepositoryIndex(KEY, Buffer.from(marked))).toMatchObject({ mayLackPins: true });
});

test('_history/<tag>/<time>-<run>.json has null as `from` in the first movement, and a digest in a later one', () => {
  const first = { from: undefined, to: a, at: MOVED, run: RUN, why: 'first seen' };
  const later = { from: a, to: b, at: MOVED, run: RUN, why: 'upstream moved' };
  const firstObject = `{"from":null,"to":"${A}","at":"${MOVED}","run":"${RUN}","why":"first seen"}`;
  const laterObject = `{"from":"${A}","to":"${B}","at":"${MOVED}","run":"${RUN}","why":"upstream moved"}`;
  expect(text(encodeMovement(first))).toBe(firstObject);
  expect(text(encodeMovement(later))).toBe(laterObject);
  expect(decodeMovement(KEY, Buffer.from(firstObject))).toStrictEqual(first);
  expect(decodeMovement(KEY, Buffer.from(laterObject))).toStrictEqual(later);
});
