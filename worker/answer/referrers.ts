/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers */
import { OCI_INDEX } from '../../core/media-type.ts';
import { encodeReferrers, filterReferrers } from '../../core/referrers.ts';
import type { ReferrersContent } from '../cache/object-kind.ts';
import type { Answer } from './answer.ts';

/**
 * @param content undefined if nothing refers to the manifest, or the manifest does not exist. The answer is an empty index
 *   then, never 404
 */
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

/**
 * The lists of one artifact type that were encoded already, by the whole list and the type. The list has each type, so all
 * of them together are not larger than the list.
 */
const encodedByType = new WeakMap<ReferrersContent, Map<string, Uint8Array<ArrayBuffer>>>();
const EMPTY_INDEX = encodeReferrers([]);

function bytesOf(
  content: ReferrersContent | undefined,
  artifactType: string | undefined,
): Uint8Array<ArrayBuffer> {
  if (content === undefined) return EMPTY_INDEX;
  if (artifactType === undefined) return content.bytes;
  const ofContent = encodedByType.get(content) ?? new Map<string, Uint8Array<ArrayBuffer>>();
  encodedByType.set(content, ofContent);
  const earlier = ofContent.get(artifactType);
  if (earlier !== undefined) return earlier;
  const filtered = filterReferrers(content.referrers, artifactType);
  if (filtered.length === 0) return EMPTY_INDEX;
  const bytes = encodeReferrers(filtered);
  ofContent.set(artifactType, bytes);
  return bytes;
}
