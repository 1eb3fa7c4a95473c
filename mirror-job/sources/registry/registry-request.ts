/** A request to a registry, and how reports count it. */
import type { RequestCounts, Timed } from '../../engine/source.ts';

export interface RegistryRequest {
  readonly method: 'GET' | 'HEAD';
  /** The name within the registry, which is also the scope of the token. */
  readonly path: string;
  /** The part of the URL after `/v2/<path>/`, with its query. */
  readonly resource: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the request is sent without credentials. */
  readonly anonymous?: boolean;
  /** The most attempts, when fewer than for other requests. */
  readonly attempts?: number | undefined;
  /** Measures each attempt. */
  readonly timed?: Timed | undefined;
}

export const NO_REQUESTS: RequestCounts = { heads: 0, manifestGets: 0, blobGets: 0, lists: 0 };

export function kindOf({
  method,
  resource,
}: Pick<RegistryRequest, 'method' | 'resource'>): keyof RequestCounts {
  if (method === 'HEAD') return 'heads';
  if (resource.startsWith('manifests/')) return 'manifestGets';
  return resource.startsWith('blobs/') ? 'blobGets' : 'lists';
}

/**
 * The smallest part of a registry for which a login may be accepted or refused by itself.
 * https://www.rfc-editor.org/rfc/rfc9110#section-11.5
 */
export interface ProtectionSpace {
  /** The repository's name within the registry. */
  readonly path: string;
  /** Unique among the registry's protection spaces. */
  readonly name: string;
}

/**
 * Lists of tags are a protection space of their own: an account that may not list a repository's tags may still read them, and
 * some registries want another scope for the list.
 */
export function protectionSpaceOf(
  request: Pick<RegistryRequest, 'method' | 'path' | 'resource'>,
): ProtectionSpace {
  const { path } = request;
  return { path, name: kindOf(request) === 'lists' ? `the lists of ${path}` : path };
}
