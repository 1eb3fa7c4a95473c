/** Puts objects into a bucket, in the same form as the job does. */
import { encodeBlobLink } from '../../../core/blob-link.ts';
import { digestOf, type Digest } from '../../../core/digest.ts';
import { encodeIdentity, type Audience } from '../../../core/identity.ts';
import { IDENTITY_KEY, blobKey, blobLinkKey, manifestKey, tagKey } from '../../../core/layout.ts';
import { OCI_MANIFEST } from '../../../core/media-type.ts';
import { parseRepository, parseTag } from '../../../core/reference.ts';
import { encodeTag } from '../../../core/tag-object.ts';
import type { TestBucket } from './bucket.ts';

const encoder = new TextEncoder();

export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(encoder.encode(text));
}

/** Makes `size` bytes whose values depend on their positions. */
export function countingBytes(size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, index) => (index * 7 + (index >> 8)) % 256);
}

export async function putIdentity(bucket: TestBucket, audience: Audience = 'public'): Promise<void> {
  await bucket.put(IDENTITY_KEY, encodeIdentity({ version: 1, id: crypto.randomUUID(), audience }));
}

export async function putBlob(
  bucket: TestBucket,
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Digest> {
  const digest = await digestOf(bytes);
  await bucket.put(blobKey(digest), bytes);
  await bucket.put(
    blobLinkKey(parseRepository(name), digest),
    encodeBlobLink({ digest, size: bytes.length }),
  );
  return digest;
}

/** Makes an image without layers. The comment makes it different from others. */
export function manifestBytes(comment: string): Uint8Array<ArrayBuffer> {
  const config = {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
    size: 2,
  };
  const annotations = { comment };
  return bytesOf(
    JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [], annotations }),
  );
}

export function manifestText(comment: string): string {
  return new TextDecoder().decode(manifestBytes(comment));
}

export async function putManifest(bucket: TestBucket, name: string, comment: string): Promise<Digest> {
  const bytes = manifestBytes(comment);
  const digest = await digestOf(bytes);
  await bucket.put(manifestKey(parseRepository(name), digest), bytes, OCI_MANIFEST);
  return digest;
}

/** Moves a tag, and stores `moved` as the time. */
export async function putTag(
  bucket: TestBucket,
  name: string,
  tag: string,
  comment: string,
  moved = '2026-01-01T00:00:00.000Z',
): Promise<Digest> {
  const bytes = manifestBytes(comment);
  const digest = await digestOf(bytes);
  const object = encodeTag({ mediaType: OCI_MANIFEST, digest, bytes, moved, run: 'test' });
  await bucket.put(tagKey(parseRepository(name), parseTag(tag)), object);
  return digest;
}
