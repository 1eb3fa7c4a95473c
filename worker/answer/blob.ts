/**
 * A blob: a redirect to the store, or its bytes through the edge. HEAD is always answered here: a signed URL is
 * bound to its method.
 */
import type { BlobLink } from '../../core/blob-link.ts';
import { RegistryError } from '../../core/error.ts';
import { blobKey, blobLinkKey } from '../../core/layout.ts';
import { OCTET_STREAM } from '../../core/media-type.ts';
import type { Kept } from '../cache/shelf.ts';
import type { Caller } from '../caller.ts';
import type { Configuration } from '../configuration.ts';
import { CACHE_CONTROL, matchesEtag, type Answer } from '../headers.ts';
import type { Library } from '../library.ts';
import { parseRange } from '../range.ts';
import type { EdgeRequest } from '../request.ts';
import type { Scope } from '../scope.ts';
import { StoreError } from '../store/store.ts';

type BlobRequest = Extract<EdgeRequest, { kind: 'blob' }>;
type BlobPolicy = Pick<Configuration, 'audience' | 'blobs' | 'streamBelow'>;

/**
 * @throws {RegistryError} BLOB_UNKNOWN, RANGE_INVALID, or UNAVAILABLE when no store that has it is live
 * @throws {ConfigurationError} for a bucket of another audience
 */
export async function answerBlob(
  request: BlobRequest,
  caller: Caller,
  scope: Scope,
  library: Library,
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
  if (matchesEtag(caller.ifNoneMatch, etag)) return { status: 304, headers, body: null };
  if (caller.isHead) {
    return {
      status: 200,
      headers: { ...headers, 'Content-Type': OCTET_STREAM, 'Content-Length': String(link.value.size) },
      body: null,
    };
  }
  const url = mayRedirect(link.value, policy)
    ? await library.roster.urlFor(link.store, blobKey(digest))
    : undefined;
  const target = url === undefined || leaksAuthorization(url, caller) ? undefined : url;
  if (target === undefined) return stream(link, caller, scope, library, headers);
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

/** The descriptor, from a store that answers now: whoever is sent on must not be sent to a dead one. */
async function findLive(request: BlobRequest, scope: Scope, library: Library): Promise<Kept<BlobLink>> {
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

function blobUnknown(digest: string): RegistryError {
  return new RegistryError('BLOB_UNKNOWN', 'There is no such blob in this repository.', {
    detail: { digest },
  });
}

function mayRedirect({ size }: BlobLink, { blobs, streamBelow }: BlobPolicy): boolean {
  return blobs === 'redirect' || (blobs === 'auto' && size >= streamBelow);
}

/** Go's client sends Authorization on to the same host and its sub-domains, and S3 answers that with 400. */
function leaksAuthorization(target: string, caller: Caller): boolean {
  if (caller.authorization === undefined) return false;
  const { hostname } = new URL(target);
  return hostname === caller.host || hostname.endsWith(`.${caller.host}`);
}

async function stream(
  link: Kept<BlobLink>,
  caller: Caller,
  scope: Scope,
  library: Library,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const { digest, size } = link.value;
  const isOutdated = caller.ifRange !== undefined && caller.ifRange !== headers['ETag'];
  const range = isOutdated ? undefined : parseRange(caller.range, size);
  if (range === 'unsatisfiable') {
    throw new RegistryError('RANGE_INVALID', `The blob has ${size} bytes.`, {
      detail: { size: String(size) },
    });
  }
  const key = blobKey(digest);
  const expected = range === undefined ? size : range.end - range.start + 1;
  const hit = await library.roster.search(
    scope,
    'digest',
    async (store, signal) => {
      const object = await store.get(key, { signal, ...(range !== undefined && { range }) });
      if (object === undefined || object.size === expected) return object;
      await object.body.cancel();
      throw new StoreError(store.number, `has ${object.size} bytes of ${key}, and not ${expected}.`);
    },
    link.store,
  );
  if (hit === undefined) {
    scope.trace.failures.push(`CORRUPT: ${key} is linked but not stored.`);
    throw blobUnknown(digest);
  }
  scope.trace.store = hit.store;
  return {
    status: range === undefined ? 200 : 206,
    headers: {
      ...headers,
      'Content-Type': OCTET_STREAM,
      'Content-Length': String(expected),
      ...(range !== undefined && { 'Content-Range': `bytes ${range.start}-${range.end}/${size}` }),
    },
    // Of known length, so that workerd pumps it in pieces: without, it holds half as much again for each client.
    body: hit.value.body.pipeThrough(new FixedLengthStream(expected)),
  };
}
