/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers */
import { OCI_INDEX } from '../../core/media-type.ts';
import { encodeReferrers, filterReferrers } from '../../core/referrers.ts';
import type { ReferrersContent } from '../content.ts';
import type { Answer } from '../headers.ts';

/** @param content undefined for what nothing refers to, and for what is not there: an empty index, never 404 */
export function answerReferrers(
  content: ReferrersContent | undefined,
  artifactType: string | undefined,
  cacheControl: string,
): Answer {
  const bytes = bytesOf(content, artifactType);
  return {
    status: 200,
    headers: {
      'Content-Type': OCI_INDEX,
      'Content-Length': String(bytes.length),
      'Cache-Control': cacheControl,
      ...(artifactType !== undefined && { 'OCI-Filters-Applied': 'artifactType' }),
    },
    body: bytes,
  };
}

function bytesOf(
  content: ReferrersContent | undefined,
  artifactType: string | undefined,
): Uint8Array<ArrayBuffer> {
  if (content === undefined) return encodeReferrers([]);
  if (artifactType === undefined) return content.bytes;
  return encodeReferrers(filterReferrers(content.referrers, artifactType));
}
