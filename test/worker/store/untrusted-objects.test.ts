/** Objects that are well-formed, but not what their key or their store promises. Only one thing is wrong with each. */
import { beforeEach, describe, expect, it } from 'vitest';
import { digestOf, type Digest } from '../../../core/digest.ts';
import { encodeJson } from '../../../core/json.ts';
import { blobKey, blobLinkKey, manifestKey, tagKey } from '../../../core/layout.ts';
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '../../../core/media-type.ts';
import { parseRepository, parseTag } from '../../../core/reference.ts';
import { encodeTag } from '../../../core/tag-object.ts';
import { encodeBlobLink } from '../../../core/blob-link.ts';
import { s3Bucket, type TestBucket } from '../support/bucket.ts';
import { bytesOf, countingBytes, putBlob, putIdentity } from '../support/content.ts';
import { TestEdge } from '../support/test-edge.ts';

const NAME = parseRepository('docker.io/library/app');
const DESCRIPTOR = { mediaType: 'application/x', digest: `sha256:${'ab'.repeat(32)}`, size: 2 };
const IMAGE = { schemaVersion: 2, config: DESCRIPTOR, layers: [DESCRIPTOR] };
const LIST = { schemaVersion: 2, manifests: [{ ...DESCRIPTOR, mediaType: OCI_MANIFEST }] };

let bucket: TestBucket;
let edge: TestEdge;
beforeEach(async () => {
  bucket = s3Bucket();
  await putIdentity(bucket);
  edge = new TestEdge([bucket]);
});

/** The only failure of the last answer, which has to be a 503. */
async function refusalOf(path: string): Promise<string> {
  const response = await edge.get(path);
  expect([response.status, await response.json()]).toEqual([
    503,
    { errors: [{ code: 'UNAVAILABLE', message: 'The store does not give this object at the moment.' }] },
  ]);
  const failures = edge.events.at(-1)?.trace.failures ?? [];
  expect(failures.length).toBe(1);
  return failures[0] ?? '';
}

describe('a manifest whose media type its bytes contradict is corrupt', () => {
  it.each([
    ['its own field is another', OCI_INDEX, { ...IMAGE, mediaType: OCI_MANIFEST }, 'It was sent as'],
    [
      'its own field is of another family',
      OCI_MANIFEST,
      { ...IMAGE, mediaType: DOCKER_MANIFEST },
      'It was sent as',
    ],
    ['an image that is sent as an index', OCI_INDEX, IMAGE, 'It was sent as an index'],
    ['an image that is sent as a list', DOCKER_LIST, IMAGE, 'It was sent as an index'],
    ['an index that is sent as an image', OCI_MANIFEST, LIST, "The manifest's config is not a descriptor"],
    ['both at once', OCI_INDEX, { ...IMAGE, ...LIST }, 'It claims to be an index and an image at once'],
  ])('%s', async (_name, mediaType, json, reason) => {
    const bytes = encodeJson(json);
    const digest = await digestOf(bytes);
    await bucket.put(manifestKey(NAME, digest), bytes, mediaType);
    const moved = '2026-01-01T00:00:00.000Z';
    await bucket.put(tagKey(NAME, parseTag('1')), encodeTag({ mediaType, digest, bytes, moved, run: 'r' }));
    for (const reference of [digest, '1']) {
      const failure = await refusalOf(`/v2/library/app/manifests/${reference}`);
      expect(failure).toMatch(/^CORRUPT in store 1: /);
      expect(failure).toContain(reason);
    }
  });

  it.each([
    [OCI_INDEX, LIST],
    [OCI_MANIFEST, IMAGE],
    [DOCKER_LIST, { ...LIST, mediaType: DOCKER_LIST }],
  ])('and one with a right media type is served: %s', async (mediaType, json) => {
    const bytes = encodeJson(json);
    const digest = await digestOf(bytes);
    await bucket.put(manifestKey(NAME, digest), bytes, mediaType);
    const response = await edge.get(`/v2/library/app/manifests/${digest}`);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, mediaType]);
  });
});

it('a link that names another blob of the same size is corrupt', async () => {
  const named = await putBlob(bucket, NAME, countingBytes(10));
  const bytes = bytesOf('other data');
  const asked: Digest = await digestOf(bytes);
  await bucket.put(blobKey(asked), bytes);
  await bucket.put(blobLinkKey(NAME, asked), encodeBlobLink({ digest: named, size: 10 }));
  expect(await refusalOf(`/v2/library/app/blobs/${asked}`)).toBe(
    `CORRUPT in store 1: The object ${blobLinkKey(NAME, asked)} is corrupt: it is for another blob.`,
  );
});

it.each([-1, 1])(
  'an object that has %i bytes more than its store said does not count',
  async (difference) => {
    const list = '{"name":"x","tags":["a"]}';
    await edge.get('/v2/');
    const size = list.length - difference;
    edge.fault = () => new Response(list, { headers: { 'content-length': String(size) } });
    expect(await refusalOf('/v2/library/app/tags/list')).toContain('_tags.json');
  },
);

it('no read may be answered from a cache on the way to the store', async () => {
  const blob = await putBlob(bucket, NAME, countingBytes(10));
  await edge.get(`/v2/library/app/blobs/${blob}`);
  const sent = edge.sent.map(({ cache, redirect }) => ({ cache, redirect }));
  expect(sent).toEqual(Array.from({ length: 3 }, () => ({ cache: 'no-store', redirect: 'manual' })));
});
