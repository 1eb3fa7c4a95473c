/** A request to a registry, as the tests' own registry parses it. */
import type { IncomingHttpHeaders } from 'node:http';

export type RequestKind = 'ping' | 'token' | 'manifest' | 'blob' | 'tags' | 'referrers' | 'other';

export interface RegistryRequest {
  readonly method: string;
  /** The path without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The Host header. */
  readonly host: string;
  readonly kind: RequestKind;
  /** The repository; empty if the path has none. */
  readonly repository: string;
  /** A tag or a digest; empty if the path has none. */
  readonly reference: string;
  /** The number of requests before this one. */
  readonly index: number;
  /** The number of requests with the same method and path before this one. */
  readonly nth: number;
}

const ROUTES: readonly (readonly [RequestKind, RegExp])[] = [
  ['ping', /^\/v2\/?$/],
  ['token', /^\/token$/],
  ['manifest', /^\/v2\/(?<repository>.+)\/manifests\/(?<reference>[^/]+)$/],
  ['blob', /^\/v2\/(?<repository>.+)\/blobs\/(?<reference>[^/]+)$/],
  ['tags', /^\/v2\/(?<repository>.+)\/tags\/list$/],
  ['referrers', /^\/v2\/(?<repository>.+)\/referrers\/(?<reference>[^/]+)$/],
];

export type Route = Pick<RegistryRequest, 'kind' | 'repository' | 'reference'>;

export function routeOf(path: string): Route {
  for (const [kind, pattern] of ROUTES) {
    const match = pattern.exec(decodeURIComponent(path));
    if (match !== null) {
      return {
        kind,
        repository: match.groups?.['repository'] ?? '',
        reference: match.groups?.['reference'] ?? '',
      };
    }
  }
  return { kind: 'other', repository: '', reference: '' };
}
