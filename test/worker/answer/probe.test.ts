/** The image of a probe: it is answered from no store, whole and with right digests, and for every form of a name. */
import { beforeEach, expect, it } from 'vitest';
import { digestOf } from '../../../core/digest.ts';
import { parseManifest } from '../../../core/manifest.ts';
import { makeProbeImage, probePath } from '../../../core/probe-image.ts';
import { s3Bucket, type TestBucket } from '../support/bucket.ts';
import { putIdentity } from '../support/content.ts';
import { TestEdge, type TestEdgeOptions } from '../support/test-edge.ts';

const NONCE = '0123456789abcdef';
const NAME = probePath(NONCE);

let bucket: TestBucket;
beforeEach(async () => {
  bucket = s3Bucket();
  await putIdentity(bucket);
});

function edgeWith(options?: TestEdgeOptions): TestEdge {
  return new TestEdge([bucket], options);
}

it.each([
  `/v2/docker.io/${NAME}/manifests/probe`,
  `/v2/${NAME}/manifests/probe?ns=quay.io`,
  `/v2/${NAME}/manifests/any-tag`,
  `/v2/quay.io/${NAME}/manifests/DIGEST`,
  `/v2/registry.internal_5000/${NAME}/manifests/DIGEST`,
])('%s is the manifest, and its blobs follow', async (path) => {
  const edge = edgeWith();
  const image = await makeProbeImage(NONCE);
  const whole = path.replace('DIGEST', image.digest);
  const response = await edge.get(whole);
  const bytes = new Uint8Array(await response.arrayBuffer());
  expect([response.status, response.headers.get('docker-content-digest')]).toEqual([200, image.digest]);
  expect(response.headers.get('cache-control')).toBe('no-store, no-transform');
  expect(await digestOf(bytes)).toBe(image.digest);

  const { mediaType, blobs } = parseManifest(bytes, response.headers.get('content-type') ?? '');
  expect(mediaType).toBe('application/vnd.oci.image.manifest.v1+json');
  expect(blobs).toHaveLength(2);
  for (const { digest, size } of blobs) {
    const blob = await edge.get(whole.replace(/manifests\/[^?]*/, `blobs/${digest}`));
    const content = new Uint8Array(await blob.arrayBuffer());
    expect([blob.status, await digestOf(content), content.length]).toEqual([200, digest, size]);
    const head = await edge.head(whole.replace(/manifests\/[^?]*/, `blobs/${digest}`));
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([
      200,
      String(size),
      '',
    ]);
  }
  expect(edge.reads).toEqual([]);
  expect(new Set(edge.events.map(({ kind }) => kind))).toEqual(new Set(['probe']));
});

it('each nonce is another image, and the layer is an empty tar', async () => {
  const [one, other] = await Promise.all([makeProbeImage(NONCE), makeProbeImage(NONCE.replace('0', '1'))]);
  expect(one.digest).not.toBe(other.digest);
  const [, layer] = [...one.blobs];
  const unpacked = await new Response(
    new Blob([layer?.[1] ?? new Uint8Array()]).stream().pipeThrough(new DecompressionStream('gzip')),
  ).arrayBuffer();
  expect(new Uint8Array(unpacked)).toEqual(new Uint8Array(1024));
  const config: { readonly rootfs: { readonly diff_ids: readonly string[] } } = JSON.parse(
    new TextDecoder().decode([...one.blobs.values()][0]),
  );
  expect(config.rootfs.diff_ids).toEqual([await digestOf(new Uint8Array(unpacked))]);
});

it.each<[string, string]>([
  [`manifests/sha256:${'ab'.repeat(32)}`, 'MANIFEST_UNKNOWN'],
  [`blobs/sha256:${'ab'.repeat(32)}`, 'BLOB_UNKNOWN'],
  ['tags/list', 'NAME_UNKNOWN'],
])('%s of a probe is a 404, and no miss', async (path, code) => {
  const edge = edgeWith();
  const response = await edge.get(`/v2/docker.io/${NAME}/${path}`);
  expect([response.status, await response.json()]).toMatchObject([404, { errors: [{ code }] }]);
  expect(edge.events.at(-1)?.trace.miss).toBeUndefined();
});

it.each([
  `lifeboat-probe/${NONCE}x`,
  'lifeboat-probe/short',
  `x/lifeboat-probe/${NONCE}`,
  `lifeboat-probe/${NONCE}/x`,
])('docker.io/%s is a repository like any other', async (name) => {
  const edge = edgeWith();
  expect((await edge.get(`/v2/docker.io/${name}/manifests/1`)).status).toBe(404);
  expect(edge.events.at(-1)).toMatchObject({ kind: 'tag', trace: { miss: `docker.io/${name}:1` } });
});

it('an edge without tags answers a probe by its digest alone', async () => {
  const edge = edgeWith({ variables: { TAGS: 'off' } });
  const { digest } = await makeProbeImage(NONCE);
  const statuses = [];
  for (const reference of ['probe', digest]) {
    statuses.push((await edge.get(`/v2/docker.io/${NAME}/manifests/${reference}`)).status);
  }
  expect(statuses).toEqual([404, 200]);
});

it('an edge with tokens gives the image to every token, and to nobody else', async () => {
  const secret = 'a-token';
  const hash = (await digestOf(new Uint8Array(new TextEncoder().encode(secret)))).slice('sha256:'.length);
  const edge = edgeWith({ variables: { AUDIENCE: 'token', TOKENS: `ci ${hash} quay.io/only/this` } });
  const statuses = [];
  for (const token of [secret, 'another', undefined]) {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    statuses.push((await edge.get(`/v2/docker.io/${NAME}/manifests/probe`, headers)).status);
  }
  expect(statuses).toEqual([200, 403, 403]);
});
