/** A manifest: the stored bytes with their own media type, whatever the client accepts. */
import type { ManifestContent } from '../cache/object-kind.ts';
import { hasAlready } from '../request/condition.ts';
import type { RequestHeaders } from '../request/request-headers.ts';
import type { Answer } from './answer.ts';

/** @throws {RegistryError} PRECONDITION_FAILED */
export function answerManifest(
  manifest: ManifestContent,
  requestHeaders: RequestHeaders,
  cacheControl: string,
): Answer {
  const { digest, mediaType, bytes } = manifest;
  const etag = `"${digest}"`;
  const headers = { 'Docker-Content-Digest': digest, ETag: etag, 'Cache-Control': cacheControl };
  if (hasAlready(requestHeaders, etag)) return { status: 304, headers, body: null };
  return {
    status: 200,
    headers: { ...headers, 'Content-Type': mediaType, 'Content-Length': String(bytes.length) },
    body: bytes,
    madeFrom: manifest,
  };
}
