/**
 * A blob: a redirect to the store, or its bytes through the edge. HEAD is always answered here: a signed URL is
 * bound to its method.
 */
import type { BlobLink } from '../../core/blob-link.ts';
import { RegistryError } from '../../core/error.ts';
import { blobKey, blobLinkKey } from '../../core/layout.ts';
import { OCTET_STREAM } from '../../core/media-type.ts';
import type { Kept } from '../cache/read-through-cache.ts';
import type { RequestHeaders } from '../request/request-headers.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { hasAlready } from '../request/condition.ts';
import { CACHE_CONTROL, type Answer } from './headers.ts';
import type { EdgeObjects } from '../cache/edge-objects.ts';
import { parseRanges } from '../request/range.ts';
import type { EdgeRequest } from '../request/request.ts';
import type { RequestContext } from '../isolate/request-context.ts';
import { blobUnknown, streamBlob } from './blob-stream.ts';

type BlobRequest = Extract<EdgeRequest, { kind: 'blob' }>;
type BlobPolicy = Pick<Configuration, 'audience' | 'blobs' | 'streamBelow'>;

/**
 * @throws {RegistryError} BLOB_UNKNOWN, RANGE_INVALID, RANGES_UNSUPPORTED, PRECONDITION_FAILED, or UNAVAILABLE when no store that has it is live
 * @throws {ConfigurationError} for a bucket of another audience
 */
export async function answerBlob(
  request: BlobRequest,
  caller: RequestHeaders,
  scope: RequestContext,
  library: EdgeObjects,
  policy: BlobPolicy,
): Promise<Answer> {
  const { digest } = request;
  const link = await findLive(request, scope, library);
  const etag = `"${digest}"`;
  const headers = {
    'Docker-Content-Digest': digest,
    ETag: etag,
    'Accept-Ranges': 'bytes',
    'Cache-Control': CACHE_CONTROL[policy.audience].digest,
  };
  if (hasAlready(caller, etag)) return { status: 304, headers, body: null };
  if (caller.isHead) {
    return {
      status: 200,
      headers: { ...headers, 'Content-Type': OCTET_STREAM, 'Content-Length': String(link.value.size) },
      body: null,
    };
  }
  const ranges = parseRanges(caller.range, link.value.size);
  const target = await targetOf(link, caller, library, policy);
  if (target === undefined) {
    const isOutdated = caller.ifRange !== undefined && caller.ifRange !== etag;
    return streamBlob(link, isOutdated ? undefined : ranges, scope, library, headers);
  }
  if (ranges !== undefined && ranges.listed > 1) {
    // Stores answer several ranges with the whole blob, 416 or 501. On 400, podman asks for fewer ranges, and then for
    // the whole blob.
    throw new RegistryError(
      'RANGES_UNSUPPORTED',
      'This edge redirects to the stores for blobs, and a store answers only one range per request.',
    );
  }
  return {
    status: 307,
    headers: {
      'Docker-Content-Digest': digest,
      Location: target,
      'Content-Length': '0',
      'Cache-Control': CACHE_CONTROL[policy.audience].never,
    },
    body: null,
    from: target,
  };
}

/** The URL that the caller is sent to; undefined if the bytes come through the edge. */
async function targetOf(
  link: Kept<BlobLink>,
  caller: RequestHeaders,
  library: EdgeObjects,
  policy: BlobPolicy,
): Promise<string | undefined> {
  // The client would send its conditions to the store too, and the store judges them by other ETags and dates.
  if (!mayRedirect(link.value, policy) || caller.hasConditions) return undefined;
  const url = await library.roster.urlFor(link.store, blobKey(link.value.digest));
  return url === undefined || leaksAuthorization(url, caller) ? undefined : url;
}

/** The descriptor, from a store that answers now: whoever is sent on must not be sent to a dead one. */
async function findLive(
  request: BlobRequest,
  scope: RequestContext,
  library: EdgeObjects,
): Promise<Kept<BlobLink>> {
  const { digest, name } = request;
  const key = blobLinkKey(name.repository, digest);
  const kept = await library.links.find(scope, key);
  if (kept !== undefined && (await library.roster.isLive(scope, kept.store))) return kept;
  const link = kept === undefined ? undefined : await library.links.refresh(scope, key);
  if (link === undefined) throw blobUnknown(digest);
  scope.trace.source = 'store';
  scope.trace.store = link.store;
  return link;
}

function mayRedirect({ size }: BlobLink, { blobs, streamBelow }: BlobPolicy): boolean {
  return blobs === 'redirect' || (blobs === 'auto' && size >= streamBelow);
}

/** Go's client sends Authorization on to the same host and its sub-domains, and S3 answers that with 400. */
function leaksAuthorization(target: string, caller: RequestHeaders): boolean {
  if (caller.authorization === undefined) return false;
  const { hostname } = new URL(target);
  return hostname === caller.host || hostname.endsWith(`.${caller.host}`);
}
