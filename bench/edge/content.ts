/** Writes a bucket as the job leaves it, so that the edge can be measured without a mirror run. */
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { createHash } from 'node:crypto';
import pLimit from 'p-limit';
import { encodeBlobLink } from '../../core/blob-link.ts';
import { digestFromHash, digestOf, type Digest } from '../../core/digest.ts';
import { encodeIdentity } from '../../core/identity.ts';
import { encodeJson } from '../../core/json.ts';
import {
  IDENTITY_KEY,
  LAYOUT_VERSION,
  blobKey,
  blobLinkKey,
  descriptionKey,
  manifestKey,
  referrersKey,
  tagKey,
  tagListKey,
} from '../../core/layout.ts';
import { OCI_INDEX, OCI_MANIFEST, OCTET_STREAM } from '../../core/media-type.ts';
import { parseRepository, parseTag, type Tag } from '../../core/reference.ts';
import { encodeReferrers } from '../../core/referrers.ts';
import {
  encodeDescription,
  MAX_DESCRIBED_TAGS,
  type RepositoryDescription,
} from '../../core/repository-description.ts';
import { encodeTagList } from '../../core/tag-list.ts';
import { encodeTag } from '../../core/tag-object.ts';

const REPOSITORY = parseRepository('docker.io/library/bench');
const MIB = 1024 * 1024;
/** The size of the streamed blob: 1 GiB. */
export const LARGE_BYTES = 1024 * MIB;
/** The size of a large manifest, in bytes. An ordinary image's manifest has a fortieth of it. */
export const LARGE_MANIFEST_BYTES = 64 * 1024;
const LARGE_MANIFESTS = 20;
/** A second repository, because other rows ask for the first one's list of tags, which has to be short. */
const TAGGED_REPOSITORY = parseRepository('docker.io/library/tagged');
const DESCRIBED_REPOSITORY = parseRepository('docker.io/library/described');
const PART_BYTES = 64 * MIB;
const SMALL_BYTES = 1024;
/** The size of an ordinary layer. It is above `STREAM_BELOW`, so the edge redirects. */
const LAYER_BYTES = 30 * MIB;

/**
 * The paths that the edge is asked for. The paths in lists are for cold answers, because each path gives a cold answer
 * only once.
 */
export interface Paths {
  readonly manifests: readonly string[];
  readonly tags: readonly string[];
  /** Tags of images with manifests of 64 KiB. */
  readonly largeTags: readonly string[];
  /** Blobs that are redirected. The bucket has only their links. */
  readonly blobs: readonly string[];
  readonly tagList: string;
  /** The page of a repository with 1,000 tags, of which it shows 50. */
  readonly page: string;
  /** The first hundred entries of a long list of tags, and the size of that answer in bytes. */
  readonly longTagList: { readonly path: string; readonly size: number };
  readonly referrers: string;
  /** A blob that is small enough to be streamed. */
  readonly smallBlob: string;
  readonly largeBlob: string;
}

/**
 * @param count the number of objects of each kind
 * @param longList the number of tags in the long list
 */
export async function fillBucket(
  client: S3Client,
  bucket: string,
  count: number,
  longList: number,
): Promise<Paths> {
  const limit = pLimit(16);
  const put = async (key: string, body: Uint8Array, type: string = OCTET_STREAM) => {
    await limit(() =>
      client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ContentType: type })),
    );
  };
  await put(
    IDENTITY_KEY,
    encodeIdentity({ version: LAYOUT_VERSION, id: crypto.randomUUID(), audience: 'public' }),
  );
  const images = Array.from({ length: count }, (_, index) => parseTag(`v1.${index}`));
  const manifests = await Promise.all(images.map((tag, index) => putImage(put, tag, index)));
  const large = Array.from({ length: LARGE_MANIFESTS }, (_, index) => parseTag(`large.${index}`));
  for (const tag of large) await putTag(put, tag, largeManifest(tag));
  const layers = await Promise.all(
    images.map(async (tag) => {
      const digest = namedDigest(`layer of ${tag}`);
      await putLink(put, digest, LAYER_BYTES);
      return digest;
    }),
  );
  await put(tagListKey(REPOSITORY), encodeTagList(REPOSITORY, images));
  const nightly = nightlyTags(longList);
  await put(tagListKey(TAGGED_REPOSITORY), encodeTagList(TAGGED_REPOSITORY, nightly));
  await put(descriptionKey('default', DESCRIBED_REPOSITORY), encodeDescription(manyTagsDescribed()));
  const [subject = namedDigest('none')] = manifests;
  const referrer = { mediaType: OCI_MANIFEST, digest: namedDigest('signature'), size: 700 };
  await put(referrersKey(REPOSITORY, subject), encodeReferrers([referrer]));
  const small = namedDigest('small');
  await putLink(put, small, SMALL_BYTES);
  await put(blobKey(small), new Uint8Array(SMALL_BYTES));
  const largeBlob = namedDigest('large');
  await putLink(put, largeBlob, LARGE_BYTES);
  await putLarge(client, bucket, blobKey(largeBlob));
  const base = `/v2/${REPOSITORY}`;
  return {
    manifests: manifests.map((digest) => `${base}/manifests/${digest}`),
    tags: images.map((tag) => `${base}/manifests/${tag}`),
    largeTags: large.map((tag) => `${base}/manifests/${tag}`),
    blobs: layers.map((digest) => `${base}/blobs/${digest}`),
    tagList: `${base}/tags/list?n=100`,
    page: `/r/${DESCRIBED_REPOSITORY}`,
    longTagList: {
      path: `/v2/${TAGGED_REPOSITORY}/tags/list?n=100`,
      size: encodeTagList(TAGGED_REPOSITORY, nightly.slice(0, 100)).length,
    },
    referrers: `${base}/referrers/${subject}`,
    smallBlob: `${base}/blobs/${small}`,
    largeBlob: `${base}/blobs/${largeBlob}`,
  };
}

/** As many tags as a description has at most, for eight platforms. */
function manyTagsDescribed(): RepositoryDescription {
  const at = '2026-01-01T00:00:00.000Z';
  const platforms = Array.from({ length: 8 }, (_, index) => ({
    platform: `linux/platform-${index}`,
    digest: namedDigest(`platform ${index}`),
    bytes: LAYER_BYTES,
  }));
  const tags = Array.from({ length: MAX_DESCRIBED_TAGS }, (_, index) => ({
    tag: parseTag(`1.${MAX_DESCRIBED_TAGS - index}.0`),
    digest: namedDigest(`tag ${index}`),
    mediaType: OCI_INDEX,
    firstSeen: at,
    bytes: 8 * LAYER_BYTES,
    platforms,
    signatures: 1,
    sboms: 1,
    attestations: 8,
    moved: at,
    run: 'bench',
    movements: [],
  }));
  return { repository: DESCRIBED_REPOSITORY, written: at, tags, tagCount: tags.length, pins: [] };
}

/** Makes tags with names like those of nightly builds. */
function nightlyTags(count: number): Tag[] {
  return Array.from({ length: count }, (_, index) =>
    parseTag(`nightly-2026.01.${String(index).padStart(6, '0')}-amd64`),
  );
}

type Put = (key: string, body: Uint8Array, type?: string) => Promise<void>;

/** Writes an image with eight layers, whose manifest has some 1,600 bytes. */
async function putImage(put: Put, tag: Tag, index: number): Promise<Digest> {
  const bytes = encodeJson(imageOf(`${index}`, { 'org.opencontainers.image.version': tag }));
  const digest = await putTag(put, tag, bytes);
  await put(manifestKey(REPOSITORY, digest), bytes, OCI_MANIFEST);
  return digest;
}

function imageOf(name: string, annotations: Readonly<Record<string, string>>): object {
  return {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: namedDigest(`config ${name}`),
      size: 8000,
    },
    layers: Array.from({ length: 8 }, (_, layer) => ({
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      digest: namedDigest(`layer ${layer} of ${name}`),
      size: LAYER_BYTES + layer,
    })),
    annotations,
  };
}

function largeManifest(tag: Tag): Uint8Array<ArrayBuffer> {
  const { length } = encodeJson(imageOf(tag, { fill: '' }));
  return encodeJson(imageOf(tag, { fill: 'x'.repeat(LARGE_MANIFEST_BYTES - length) }));
}

async function putTag(put: Put, tag: Tag, bytes: Uint8Array<ArrayBuffer>): Promise<Digest> {
  const digest = await digestOf(bytes);
  const moved = '2026-01-01T00:00:00.000Z';
  await put(
    tagKey(REPOSITORY, tag),
    encodeTag({ mediaType: OCI_MANIFEST, digest, bytes, moved, run: 'bench' }),
  );
  return digest;
}

async function putLink(put: Put, digest: Digest, size: number): Promise<void> {
  await put(blobLinkKey(REPOSITORY, digest), encodeBlobLink({ digest, size }));
}

/** Writes a blob of zeros, because the edge does not hash the bytes that it streams. */
async function putLarge(client: S3Client, bucket: string, key: string): Promise<void> {
  const where = { Bucket: bucket, Key: key };
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(where));
  const body = new Uint8Array(PART_BYTES);
  const parts = [];
  for (let number = 1; number <= LARGE_BYTES / PART_BYTES; number += 1) {
    const { ETag } = await client.send(
      new UploadPartCommand({ ...where, UploadId, PartNumber: number, Body: body }),
    );
    parts.push({ PartNumber: number, ETag });
  }
  await client.send(
    new CompleteMultipartUploadCommand({ ...where, UploadId, MultipartUpload: { Parts: parts } }),
  );
}

/** Returns a digest for a blob that nobody hashes. */
function namedDigest(name: string): Digest {
  return digestFromHash('sha256', createHash('sha256').update(name).digest());
}
