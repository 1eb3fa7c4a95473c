/** The image of a probe, which the edge makes and reads from no store. */
import { RegistryError } from '../../core/error.ts';
import { OCTET_STREAM } from '../../core/media-type.ts';
import { makeProbeImage } from '../../core/probe-image.ts';
import type { RequestHeaders } from '../request/request-headers.ts';
import type { EdgeRequest } from '../request/request.ts';
import type { Answer } from './answer.ts';
import { blobUnknown } from './blob-stream.ts';
import { answerManifest } from './manifest.ts';

/** @throws {RegistryError} MANIFEST_UNKNOWN or BLOB_UNKNOWN for a digest that is not the image's */
export async function answerProbe(
  { nonce, part, digest }: Extract<EdgeRequest, { kind: 'probe' }>,
  requestHeaders: RequestHeaders,
  cacheControl: string,
): Promise<Answer> {
  const image = await makeProbeImage(nonce);
  if (part === 'manifest') {
    if (digest === undefined || digest === image.digest) {
      return answerManifest(image, requestHeaders, cacheControl);
    }
    throw new RegistryError('MANIFEST_UNKNOWN', 'The probe has another digest.', {
      detail: { digest: image.digest },
    });
  }
  const bytes = image.blobs.get(digest);
  if (bytes === undefined) throw blobUnknown(digest);
  return {
    status: 200,
    headers: {
      'Docker-Content-Digest': digest,
      'Content-Type': OCTET_STREAM,
      'Content-Length': String(bytes.length),
      'Cache-Control': cacheControl,
    },
    body: bytes,
  };
}
