/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers */
import { OCI_INDEX } from '../../core/media-type.ts';
import { encodeReferrers, filterReferrers } from '../../core/referrers.ts';
import type { ReferrersContent } from '../cache/object-kind.ts';
import type { Answer } from './headers.ts';

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

/** By the whole list and the type. Each type is one that the list has, so together they are no more than the list. */
const encoded = new WeakMap<ReferrersContent, Map<string, Uint8Array<ArrayBuffer>>>();
const NONE = encodeReferrers([]);

function bytesOf(
  content: ReferrersContent | undefined,
  artifactType: string | undefined,
): Uint8Array<ArrayBuffer> {
  if (content === undefined) return NONE;
  if (artifactType === undefined) return content.bytes;
  const ofContent = encoded.get(content) ?? new Map<string, Uint8Array<ArrayBuffer>>();
  encoded.set(content, ofContent);
  const known = ofContent.get(artifactType);
  if (known !== undefined) return known;
  const filtered = filterReferrers(content.referrers, artifactType);
  if (filtered.length === 0) return NONE;
  const bytes = encodeReferrers(filtered);
  ofContent.set(artifactType, bytes);
  return bytes;
}
