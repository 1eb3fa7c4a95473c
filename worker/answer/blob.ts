/**
 * A blob: a redirect to the store, or the bytes through the edge. The edge answers every HEAD itself, because a signed URL
 * is valid for one method.
 */
import type { BlobLink } from '../../core/blob-link.ts';
import { RegistryError } from '../../core/error.ts';
import { MUTABILITY } from '../../core/key-kind.ts';
import { blobKey, blobLinkKey } from '../../core/layout.ts';
import { OCTET_STREAM } from '../../core/media-type.ts';
import type { EdgeObjects } from '../cache/edge-objects.ts';
import type { Cached } from '../cache/read-through-cache.ts';
import type { Configuration } from '../configuration/configuration.ts';
import type { RequestContext } from '../isolate/request-context.ts';
import { hasAlready } from '../request/condition.ts';
import { parseRanges } from '../request/range.ts';
import type { RequestHeaders } from '../request/request-headers.ts';
import type { EdgeRequest } from '../request/request.ts';
import type { Answer } from './answer.ts';
import { blobUnknown, streamBlob } from './blob-stream.ts';
import { CACHE_CONTROL } from './headers.ts';

type BlobRequest = Extract<EdgeRequest, { kind: 'blob' }>;
type BlobPolicy = Pick<Configuration, 'audience' | 'blobs' | 'streamBelowBytes'>;

/**
 * @throws {RegistryError} BLOB_UNKNOWN, RANGE_INVALID, RANGES_UNSUPPORTED, PRECONDITION_FAILED, or UNAVAILABLE when no store that has it is live
 * @throws {ConfigurationError} for a bucket of another audience
 */
export async function answerBlob(
  request: BlobRequest,
  requestHeaders: RequestHeaders,
  context: RequestContext,
  objects: EdgeObjects,
  policy: BlobPolicy,
): Promise<Answer> {
  const { digest } = request;
  const link = await findInLiveStore(request, context, objects);
  const etag = `"${digest}"`;
  const headers = {
    'Docker-Content-Digest': digest,
    ETag: etag,
    'Accept-Ranges': 'bytes',
    'Cache-Control': CACHE_CONTROL[policy.audience][MUTABILITY.blob],
  };
  if (hasAlready(requestHeaders, etag)) return { status: 304, headers, body: null };
  if (requestHeaders.isHead) {
    return {
      status: 200,
      headers: { ...headers, 'Content-Type': OCTET_STREAM, 'Content-Length': String(link.value.size) },
      body: null,
    };
  }
  const ranges = parseRanges(requestHeaders.range, link.value.size);
  const location = await redirectLocation(link, requestHeaders, objects, policy);
  if (location === undefined) {
    const isOutdated = requestHeaders.ifRange !== undefined && requestHeaders.ifRange !== etag;
    return streamBlob(link, isOutdated ? undefined : ranges, context, objects, headers);
  }
  if (ranges !== undefined && ranges.listed > 1) {
    // Stores answer several ranges with the whole blob, 416 or 501. After a 400, podman asks for fewer ranges, and then for
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
      Location: location,
      'Content-Length': '0',
      'Cache-Control': CACHE_CONTROL[policy.audience].uncached,
    },
    body: null,
    madeFrom: location,
  };
}

/** The URL that the client is redirected to; undefined if the bytes go through the edge. */
async function redirectLocation(
  link: Cached<BlobLink>,
  requestHeaders: RequestHeaders,
  { stores }: EdgeObjects,
  policy: BlobPolicy,
): Promise<string | undefined> {
  // The client would send its conditions to the store too, and the store decides them by other ETags and dates.
  if (!mayRedirect(link.value, policy) || requestHeaders.hasConditions) return undefined;
  const url = await stores.urlFor(link.store, blobKey(link.value.digest));
  return url === undefined || leaksAuthorization(url, requestHeaders) ? undefined : url;
}

/** The link, from a store that is live, because a client must not be redirected to a store that is down. */
async function findInLiveStore(
  { digest, name }: BlobRequest,
  context: RequestContext,
  { links, stores }: EdgeObjects,
): Promise<Cached<BlobLink>> {
  const key = blobLinkKey(name.repository, digest);
  const cached = await links.find(context, key);
  if (cached !== undefined && (await stores.isLive(context, cached.store))) return cached;
  const link = cached === undefined ? undefined : await links.refresh(context, key);
  if (link === undefined) throw blobUnknown(digest);
  context.trace.source = 'store';
  context.trace.store = link.store;
  return link;
}

function mayRedirect({ size }: BlobLink, { blobs, streamBelowBytes }: BlobPolicy): boolean {
  return blobs === 'redirect' || (blobs === 'auto' && size >= streamBelowBytes);
}

/** Go's client sends Authorization to the same host and its sub-domains after a redirect, and S3 answers that with 400. */
function leaksAuthorization(location: string, requestHeaders: RequestHeaders): boolean {
  if (requestHeaders.authorization === undefined) return false;
  const { hostname } = new URL(location);
  return hostname === requestHeaders.host || hostname.endsWith(`.${requestHeaders.host}`);
}
