/** Reads the manifest of an edge's answer. */
import { gunzipSync } from 'node:zlib';
import { isSuccess } from '../../cluster/doctor/reply.ts';
import { isDigest, type Digest } from '../../core/digest.ts';
import { ManifestInvalidError, parseManifest, type Manifest } from '../../core/manifest.ts';
import type { Got } from './requester.ts';

const MAX_UNZIPPED_BYTES = 4 * 1024 * 1024;

/** The digest that the answer's header says, or else the digest of its bytes. */
export function digestOf(got: Got | undefined): Digest | undefined {
  if (got === undefined || !isSuccess(got.reply)) return undefined;
  const { headers, body } = got.reply;
  return [headers['docker-content-digest'], body.digest].find(
    (text): text is Digest => text !== undefined && isDigest(text),
  );
}

/** @returns the bytes before the edge compressed them; undefined for another answer than success, and for broken bytes */
export function bytesIn({ reply, kept }: Got): Uint8Array<ArrayBuffer> | undefined {
  if (!isSuccess(reply)) return undefined;
  if (reply.headers['content-encoding'] !== 'gzip') return new Uint8Array(kept);
  try {
    return new Uint8Array(gunzipSync(kept, { maxOutputLength: 2 * kept.length + MAX_UNZIPPED_BYTES }));
  } catch (error) {
    // zlib has no class of errors of its own.
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}

/** @returns undefined for bytes that are no manifest. A check of the media type or of the hash names that */
export function manifestIn(got: Got): Manifest | undefined {
  const bytes = bytesIn(got);
  if (bytes === undefined) return undefined;
  try {
    return parseManifest(bytes);
  } catch (error) {
    if (error instanceof ManifestInvalidError) return undefined;
    throw error;
  }
}
