/** A manifest: the stored bytes, under their own media type, whatever the caller accepts. */
import type { RequestHeaders } from '../request/request-headers.ts';
import type { ManifestContent } from '../cache/object-kind.ts';
import { hasAlready } from '../request/condition.ts';
import type { Answer } from './headers.ts';

/** @throws {RegistryError} PRECONDITION_FAILED */
export function answerManifest(
  manifest: ManifestContent,
  caller: RequestHeaders,
  cacheControl: string,
): Answer {
  const { digest, mediaType, bytes } = manifest;
  const etag = `"${digest}"`;
  const headers = { 'Docker-Content-Digest': digest, ETag: etag, 'Cache-Control': cacheControl };
  if (hasAlready(caller, etag)) return { status: 304, headers, body: null };
  return {
    status: 200,
    headers: { ...headers, 'Content-Type': mediaType, 'Content-Length': String(bytes.length) },
    body: bytes,
    from: manifest,
  };
}
