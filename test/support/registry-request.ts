/** What a request asks of a registry, as the tests' own registry reads it. */
import type { IncomingHttpHeaders } from 'node:http';

export type RequestKind = 'ping' | 'token' | 'manifest' | 'blob' | 'tags' | 'referrers' | 'other';

export interface RegistryRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The Host header: where the client believes to be. */
  readonly host: string;
  readonly kind: RequestKind;
  /** Empty where the path names none. */
  readonly repository: string;
  /** A tag or a digest; empty where the path names none. */
  readonly reference: string;
  /** How many requests came before it. */
  readonly index: number;
  /** How many with the same method and path came before it. */
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
